//! Annotation: the custom section of a WebAssembly module that holds a policy's metadata.

/// The section that Kubewarden reads.
pub const SECTION: &str = "io.kubewarden.metadata";
/// `\0asm` and version 1.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";
/// The id of custom sections.
const CUSTOM: u8 = 0;

/// Bytes that are no WebAssembly module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    #[error("not a WebAssembly module: it does not begin with \\0asm and version 1")]
    Header,
    #[error("the WebAssembly module is cut short or broken at byte {at}")]
    Broken { at: usize },
}

/// The content of the metadata section, if there is one.
pub fn read(wasm: &[u8]) -> Result<Option<&[u8]>, SectionError> {
    let mut found = None;
    for section in sections(wasm)? {
        found = found.or(section.metadata);
    }
    Ok(found)
}

/// The module with `content` as its only metadata section, at the end.
pub fn write(wasm: &[u8], content: &[u8]) -> Result<Vec<u8>, SectionError> {
    let mut annotated = HEADER.to_vec();
    for section in sections(wasm)?.iter().filter(|section| section.metadata.is_none()) {
        annotated.extend_from_slice(section.bytes);
    }
    let mut body = leb128(SECTION.len());
    body.extend_from_slice(SECTION.as_bytes());
    body.extend_from_slice(content);
    annotated.push(CUSTOM);
    annotated.extend(leb128(body.len()));
    annotated.extend(body);
    Ok(annotated)
}

/// A section: all of its bytes and, if it is the metadata section, its content.
struct Section<'a> {
    bytes: &'a [u8],
    metadata: Option<&'a [u8]>,
}

fn sections(wasm: &[u8]) -> Result<Vec<Section<'_>>, SectionError> {
    let mut rest = wasm.strip_prefix(HEADER).ok_or(SectionError::Header)?;
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let broken = SectionError::Broken { at: wasm.len() - rest.len() };
        let (section, after) = section(rest).ok_or(broken)?;
        sections.push(section);
        rest = after;
    }
    Ok(sections)
}

fn section(bytes: &[u8]) -> Option<(Section<'_>, &[u8])> {
    let (id, after_id) = bytes.split_first()?;
    let (length, after_length) = read_leb128(after_id)?;
    let body = after_length.get(..length)?;
    let rest = after_length.get(length..)?;
    let metadata = if *id == CUSTOM { content_of(body) } else { None };
    Some((Section { bytes: bytes.get(..bytes.len() - rest.len())?, metadata }, rest))
}

/// The content of a custom section if it has our name.
fn content_of(body: &[u8]) -> Option<&[u8]> {
    let (length, after) = read_leb128(body)?;
    after.strip_prefix(SECTION.as_bytes()).filter(|_| length == SECTION.len())
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// An unsigned number of at most 32 bits, and what follows it.
fn read_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_written_read_and_replaced() {
        let bare = [HEADER, &[CUSTOM, 3, 1, b'x', 9]].concat();
        assert_eq!(read(&bare), Ok(None));
        let long = "y".repeat(300);
        let annotated = write(&bare, long.as_bytes()).unwrap();
        assert_eq!(read(&annotated), Ok(Some(long.as_bytes())));
        let again = write(&annotated, b"{}").unwrap();
        assert_eq!(read(&again), Ok(Some(&b"{}"[..])));
        assert_eq!(
            again.len(),
            bare.len() + 2 + 1 + SECTION.len() + 2,
            "the old section is gone, the others are kept"
        );
    }

    #[test]
    fn broken_modules_are_refused() {
        assert_eq!(read(b"hello"), Err(SectionError::Header));
        assert_eq!(read(&[HEADER, &[CUSTOM, 9, 1]].concat()), Err(SectionError::Broken { at: 8 }));
        assert_eq!(
            read(&[HEADER, &[CUSTOM, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()),
            Err(SectionError::Broken { at: 8 })
        );
    }
}
