//! Labels and annotations: the two maps of an object that landlord reads and writes, and
//! Kubernetes' rules for them.
//!
//! The rules are those of `k8s.io/apimachinery/pkg/util/validation` and
//! `…/api/validation/objectmeta.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Names to values, ordered by the bytes of the name.
pub type Map = BTreeMap<String, String>;

/// Most bytes that the keys and values of all annotations of one object may have together
/// (`TotalAnnotationSizeLimitB`).
pub(crate) const MAX_ANNOTATIONS_BYTES: usize = 256 * 1024;
/// Most bytes of the name part of a key, of a label value and of a DNS label.
pub(crate) const MAX_NAME_BYTES: usize = 63;
/// Most bytes of the prefix of a key and of a DNS subdomain.
pub(crate) const MAX_SUBDOMAIN_BYTES: usize = 253;

/// The labels and annotations of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metadata {
    /// `metadata.labels`.
    #[serde(default)]
    pub labels: Map,
    /// `metadata.annotations`.
    #[serde(default)]
    pub annotations: Map,
}

impl Metadata {
    /// The map of this field.
    pub fn field(&self, field: Field) -> &Map {
        match field {
            Field::Label => &self.labels,
            Field::Annotation => &self.annotations,
        }
    }

    /// The map of this field, to change.
    pub fn field_mut(&mut self, field: Field) -> &mut Map {
        match field {
            Field::Label => &mut self.labels,
            Field::Annotation => &mut self.annotations,
        }
    }
}

/// Which of the two maps a key lives in. Printed `label` or `annotation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `metadata.labels`.
    Label,
    /// `metadata.annotations`.
    Annotation,
}

impl Field {
    /// The member of `metadata` that holds it.
    pub fn member(self) -> &'static str {
        match self {
            Field::Label => "labels",
            Field::Annotation => "annotations",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Label => "label",
            Field::Annotation => "annotation",
        })
    }
}

/// One label or annotation by name; the name is not checked. Printed `label "x"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which map.
    pub field: Field,
    /// The name in that map.
    pub name: String,
}

impl Key {
    /// The label of this name.
    pub fn label(name: impl Into<String>) -> Self {
        Key { field: Field::Label, name: name.into() }
    }

    /// The annotation of this name.
    pub fn annotation(name: impl Into<String>) -> Self {
        Key { field: Field::Annotation, name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.field, self.name)
    }
}

/// What the API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// The key is not a qualified name.
    #[error("{field} key {key:?} is not valid: {rule}")]
    Key {
        /// Which map it is meant for.
        field: Field,
        /// The key as given.
        key: String,
        /// The rule it breaks, and so what to write instead.
        rule: &'static str,
    },
    /// The label value has other characters than a label value may have.
    #[error("label value {value:?} is not valid: {NAME_RULE}, or nothing at all")]
    LabelValue {
        /// The value as given.
        value: String,
    },
    /// The label value is too long.
    #[error("label value {value:?} has {bytes} bytes; shorten it to {MAX_NAME_BYTES}")]
    LabelValueTooLong {
        /// The value as given.
        value: String,
        /// Its length.
        bytes: usize,
    },
    /// All annotations together are too large.
    #[error("all annotations together have {bytes} bytes; reduce them to {MAX_ANNOTATIONS_BYTES}")]
    AnnotationsTooLarge {
        /// Keys and values together.
        bytes: usize,
    },
    /// Not the name of an object.
    #[error("name {name:?} is not valid: {rule}")]
    Name {
        /// The name as given.
        name: String,
        /// The rule it breaks.
        rule: &'static str,
    },
}

const NAME_RULE: &str =
    "use letters, digits, '-', '_' and '.', starting and ending with a letter or digit";
const KEY_NAME_RULE: &str = "the name must be 1 to 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit";
const KEY_PREFIX_RULE: &str = "the prefix before '/' must be a DNS subdomain: 1 to 253 lower-case letters, digits, '-' and '.'";
const SUBDOMAIN_RULE: &str = "it must be 1 to 253 lower-case letters, digits, '-' and '.', each part starting and ending with a letter or digit";

/// Checks a label key: a qualified name, `[prefix/]name`.
pub(crate) fn check_label_key(key: &str) -> Result<(), InvalidMetadata> {
    check_key(Field::Label, key, key)
}

/// Checks an annotation key: the lower-cased key must be a qualified name, as in Kubernetes'
/// `ValidateAnnotations`.
pub(crate) fn check_annotation_key(key: &str) -> Result<(), InvalidMetadata> {
    check_key(Field::Annotation, key, &lower_case(key))
}

/// As `strings.ToLower` of Go, as far as it can make a valid key of one that is not: beside the
/// capitals of ASCII, only these two letters have one of ASCII below them. (`str::to_lowercase`
/// brings 8 KB of tables.)
fn lower_case(key: &str) -> Cow<'_, str> {
    let letter = |letter| match letter {
        '\u{212a}' => 'k', // the sign of the kelvin
        '\u{130}' => 'i',  // the dotted capital I
        other => other.to_ascii_lowercase(),
    };
    if key.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        key.chars().map(letter).collect::<String>().into()
    } else {
        key.into()
    }
}

fn check_key(field: Field, key: &str, qualified: &str) -> Result<(), InvalidMetadata> {
    let invalid = |rule| Err(InvalidMetadata::Key { field, key: key.to_owned(), rule });
    let name = match qualified.split_once('/') {
        Some((prefix, _)) if !is_subdomain(prefix) => return invalid(KEY_PREFIX_RULE),
        Some((_, name)) => name,
        None => qualified,
    };
    if is_name(name) { Ok(()) } else { invalid(KEY_NAME_RULE) }
}

/// Checks a label value: empty, or up to 63 bytes of letters, digits, `-`, `_` and `.`.
pub fn check_label_value(value: &str) -> Result<(), InvalidMetadata> {
    if value.len() > MAX_NAME_BYTES {
        return Err(InvalidMetadata::LabelValueTooLong {
            value: value.to_owned(),
            bytes: value.len(),
        });
    }
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(InvalidMetadata::LabelValue { value: value.to_owned() })
}

/// Checks that keys and values of all annotations together, which have so many bytes, fit in
/// [`MAX_ANNOTATIONS_BYTES`].
pub fn check_annotations_bytes(bytes: usize) -> Result<(), InvalidMetadata> {
    if bytes > MAX_ANNOTATIONS_BYTES {
        Err(InvalidMetadata::AnnotationsTooLarge { bytes })
    } else {
        Ok(())
    }
}

/// Checks an RFC 1123 subdomain: the name of most objects.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidMetadata> {
    if is_subdomain(name) {
        return Ok(());
    }
    Err(InvalidMetadata::Name { name: name.to_owned(), rule: SUBDOMAIN_RULE })
}

/// Whether it can be the name of a namespace.
pub(crate) fn is_dns_label(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES && is_dns_part(name)
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && bordered(name, |c| c.is_ascii_alphanumeric())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= MAX_SUBDOMAIN_BYTES && name.split('.').all(is_dns_part)
}

/// One part of a subdomain; Kubernetes does not bound its length to 63.
fn is_dns_part(part: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    bordered(part, plain) && part.bytes().all(|c| plain(c) || c == b'-')
}

/// Not empty, and the first and the last byte are such.
fn bordered(text: &str, such: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(&such) && bytes.last().copied().is_some_and(&such)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a", true, true)]
    #[case("landlord.dev/tenant", true, true)]
    #[case("A_b.c-9", true, true)]
    #[case("Example.com/x", false, true)]
    #[case::kelvin("\u{212a}.com/x", false, true)]
    #[case::dotted_capital_i("\u{130}.com/x", false, true)]
    #[case::other_capital("\u{c9}.com/x", false, false)]
    #[case("", false, false)]
    #[case("/a", false, false)]
    #[case("a/", false, false)]
    #[case("a/b/c", false, false)]
    #[case("-a", false, false)]
    #[case("a b", false, false)]
    #[case("é", false, false)]
    #[case("a..b/c", false, false)]
    fn keys(#[case] key: &str, #[case] label: bool, #[case] annotation: bool) {
        assert_eq!(check_label_key(key).is_ok(), label);
        assert_eq!(check_annotation_key(key).is_ok(), annotation);
    }

    #[rstest]
    #[case(63, 253, true)]
    #[case(64, 253, false)]
    #[case(63, 254, false)]
    fn key_lengths(#[case] name: usize, #[case] prefix: usize, #[case] valid: bool) {
        let key = format!("{}/{}", "p".repeat(prefix), "n".repeat(name));
        assert_eq!(check_label_key(&key).is_ok(), valid);
    }

    #[rstest]
    #[case("", None)]
    #[case("a.b_c-D", None)]
    #[case("a ", Some("is not valid"))]
    #[case(".a", Some("is not valid"))]
    #[case(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        Some("shorten it to 63")
    )]
    fn label_values(#[case] value: &str, #[case] part: Option<&str>) {
        let error = check_label_value(value).err().map(|error| error.to_string());
        assert_eq!(error.is_some(), part.is_some());
        assert!(error.unwrap_or_default().contains(part.unwrap_or_default()));
    }

    #[rstest]
    #[case("solar", true)]
    #[case("solar.eu", true)]
    #[case("Solar", false)]
    #[case("a-", false)]
    #[case("", false)]
    fn names(#[case] name: &str, #[case] valid: bool) {
        assert_eq!(check_name(name).is_ok(), valid);
    }

    #[rstest]
    #[case(MAX_ANNOTATIONS_BYTES, true)]
    #[case(MAX_ANNOTATIONS_BYTES + 1, false)]
    fn annotation_sizes(#[case] bytes: usize, #[case] valid: bool) {
        assert_eq!(check_annotations_bytes(bytes).is_ok(), valid);
    }

    #[test]
    fn printing() {
        assert_eq!(Key::label("a").to_string(), r#"label "a""#);
        assert_eq!(Key::annotation("b").to_string(), r#"annotation "b""#);
    }
}
