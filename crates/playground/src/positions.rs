//! Positions: where the parts of a text stand, so that a fault found in a document is shown at its
//! line.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

/// What YAML reads as null where it is not quoted; a document that holds nothing else is not
/// counted.
const NULLS: [&str; 5] = ["", "~", "null", "Null", "NULL"];

/// Lines and columns, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Every node of every document by its path, as errors write it: `spec.owners[0].kind`.
#[derive(Debug, Default)]
pub(crate) struct Positions(Vec<Vec<(String, Position)>>);

impl Positions {
    /// Reads a text as far as it is YAML.
    pub(crate) fn scan(text: &str) -> Self {
        let mut walk = Walk::default();
        for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
            let position = Position { line: span.start.line(), column: span.start.col() + 1 };
            walk.step(&event, position);
        }
        Self(walk.documents)
    }

    /// Where the path is in a document (counted from 1), or the nearest part that holds it.
    pub(crate) fn find(&self, document: usize, path: &str) -> Option<Position> {
        let nodes = self.0.get(document.checked_sub(1)?)?;
        let holding = nodes.iter().filter(|(node, _)| holds(node, path));
        holding.max_by_key(|(node, _)| node.len()).map(|(_, position)| *position)
    }
}

/// Whether `path` is the node or within it. Keys may hold dots themselves, so nothing is taken
/// apart.
fn holds(node: &str, path: &str) -> bool {
    let rest = path.strip_prefix(node);
    rest.is_some_and(|rest| node.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A collection that is being read.
#[derive(Debug)]
struct Frame {
    path: String,
    /// The key of the value that comes next, and where it stands; a sequence has none.
    key: Option<(String, Position)>,
    is_sequence: bool,
    length: usize,
}

#[derive(Debug, Default)]
struct Walk {
    documents: Vec<Vec<(String, Position)>>,
    current: Vec<(String, Position)>,
    frames: Vec<Frame>,
    is_null: bool,
}

impl Walk {
    fn step(&mut self, event: &Event<'_>, position: Position) {
        match event {
            Event::DocumentStart(..) => (self.current, self.is_null) = (Vec::new(), false),
            Event::DocumentEnd if !self.is_null => {
                self.documents.push(std::mem::take(&mut self.current))
            }
            Event::Scalar(value, style, ..) => {
                self.scalar(value, *style == ScalarStyle::Plain, position)
            }
            Event::Alias(_) => self.scalar("*", false, position),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let path = self.place(position);
                let is_sequence = matches!(event, Event::SequenceStart(..));
                self.frames.push(Frame { path, key: None, is_sequence, length: 0 });
            }
            Event::SequenceEnd | Event::MappingEnd => drop(self.frames.pop()),
            _ => {}
        }
    }

    fn scalar(&mut self, value: &str, is_plain: bool, position: Position) {
        match self.frames.last_mut() {
            Some(frame) if !frame.is_sequence && frame.key.is_none() => {
                frame.key = Some((value.to_owned(), position))
            }
            None => {
                self.is_null = is_plain && NULLS.contains(&value);
                self.current.push((String::new(), position));
            }
            Some(_) => drop(self.place(position)),
        }
    }

    /// The path of the node that begins, noted at its key where it has one.
    fn place(&mut self, position: Position) -> String {
        let (path, position) = match self.frames.last_mut() {
            None => (String::new(), position),
            Some(frame) if frame.is_sequence => {
                frame.length += 1;
                (format!("{}[{}]", frame.path, frame.length - 1), position)
            }
            Some(frame) => match frame.key.take() {
                Some((key, at)) if frame.path.is_empty() => (key, at),
                Some((key, at)) => (format!("{}.{key}", frame.path), at),
                // A collection as a key: nothing in it has a path.
                None => {
                    frame.key = Some(("?".to_owned(), position));
                    return "?".to_owned();
                }
            },
        };
        self.current.push((path.clone(), position));
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TEXT: &str = "# a tenant\nspec:\n  labels: {a.b/c: x, d: y}\n  owners:\n  - kind: User\n  - {kind: [1]}\n---\n~\n---\n\"ü\": {ß: 1,  x: 2}\n";

    #[rstest]
    #[case(1, "", Some((2, 1)))]
    #[case(1, "spec", Some((2, 1)))]
    #[case::a_key_with_dots(1, "spec.labels.a.b/c", Some((3, 12)))]
    #[case::quoted_as_the_engine_does(1, "spec.labels[\"a.b/c\"]", Some((3, 3)))]
    #[case(1, "spec.owners[0].kind", Some((5, 5)))]
    #[case(1, "spec.owners[1].kind[0]", Some((6, 13)))]
    #[case::what_is_not_there_is_shown_at_what_would_hold_it(1, "spec.owners[1].name", Some((6, 5)))]
    #[case::no_part_of_a_name(1, "specific", Some((2, 1)))]
    #[case::null_documents_are_not_counted_and_columns_are_characters(2, "ü.x", Some((10, 14)))]
    #[case(3, "", None)]
    #[case(0, "", None)]
    fn paths_are_found(
        #[case] document: usize,
        #[case] path: &str,
        #[case] expected: Option<(usize, usize)>,
    ) {
        let found = Positions::scan(TEXT).find(document, path);
        assert_eq!(found.map(|at| (at.line, at.column)), expected);
    }

    #[test]
    fn json_is_read_alike() {
        let found = Positions::scan("{\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}").find(1, "a.b[1]");
        assert_eq!(found, Some(Position { line: 3, column: 14 }));
    }
}
