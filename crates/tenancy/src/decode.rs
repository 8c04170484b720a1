//! Reading a document into a type, with errors that say where the fault is and which name was
//! probably meant.

mod fault;
pub(crate) mod fields;
mod located;
pub(crate) mod mistakes;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::metadata::MAX_NAME_BYTES;

use self::fault::Wrong;
use self::located::Located;

/// A document that does not have the shape asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", location(.path))]
pub struct DecodeError {
    /// Where, as `identify[1].namePrefix`; empty for the document itself.
    pub path: String,
    /// What is wrong there and, for an unknown name, the nearest valid one.
    pub message: String,
}

impl DecodeError {
    pub(crate) fn new(path: impl Into<String>, message: impl ToString) -> Self {
        Self { path: path.into(), message: message.to_string() }
    }

    /// A fault with all its causes in one message.
    pub(crate) fn caused(path: impl Into<String>, error: &dyn std::error::Error) -> Self {
        Self::new(path, with_causes(error))
    }

    /// The same fault seen from the document that holds this one under `prefix`.
    pub(crate) fn within(self, prefix: &str) -> Self {
        let path = match (self.path.is_empty(), self.path.starts_with('[')) {
            (true, _) => prefix.to_owned(),
            (false, true) => format!("{prefix}{}", self.path),
            (false, false) => format!("{prefix}.{}", self.path),
        };
        Self { path, ..self }
    }
}

/// An error and what is behind it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}

fn location(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// Reads `value` as a `T`. Types refuse unknown fields themselves (`serde(deny_unknown_fields)`);
/// this adds path and suggestion.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, DecodeError> {
    T::deserialize(Located::document(value)).map_err(|fault| {
        let Wrong { path, message } = fault.into_parts();
        DecodeError::new(path.unwrap_or_default(), suggest(&message))
    })
}

/// Serde lists the valid names after an unknown one, each in back quotes; name the one that was
/// probably meant. Where none is alike, the list stands alone: a guess could be the opposite of what
/// was meant.
fn suggest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown_name =
        message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.next().filter(|_| unknown_name) {
        None => message.to_owned(),
        Some(wrong) if wrong.len() > MAX_NAME_BYTES => message.to_owned(),
        Some(wrong) => {
            // Two letters exchanged are one slip of two; a third of a name may be wrong.
            let allowed = wrong.chars().count().div_ceil(3).max(2);
            let alike = quoted.map(|valid| (distance(wrong, valid), valid));
            match alike.filter(|(slips, _)| *slips <= allowed).min() {
                Some((_, nearest)) => format!("{message}; did you mean `{nearest}`?"),
                None => message.to_owned(),
            }
        }
    }
}

/// Levenshtein's distance, by case-insensitive characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_ascii_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_ascii_lowercase().chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(rename = "unknownTenant")]
        _unknown_tenant: Option<String>,
        _list: Option<Vec<u8>>,
    }

    #[rstest]
    #[case(json!({"unknwonTenant": "x"}), "did you mean `unknownTenant`?")]
    #[case(json!({"_list": [1, "x"]}), "_list[1]: invalid type")]
    #[case(json!({"_list": [1.5]}), "_list[0]: invalid type: floating point `1.5`, expected u8")]
    #[case(json!({"_list": [-1]}), "_list[0]: invalid value: integer `-1`, expected u8")]
    fn faults_are_located(#[case] document: serde_json::Value, #[case] part: &str) {
        let message = decode::<Sample>(&document).expect_err("must be refused").to_string();
        assert!(message.contains(part), "{message}");
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        Allow,
        Reject,
    }

    #[rstest]
    #[case("alow", Some("allow"))]
    #[case("rejected", Some("reject"))]
    #[case("Allow", Some("allow"))]
    #[case::it_means_the_opposite("deny", None)]
    #[case("failurePolicy", None)]
    fn only_what_is_alike_is_suggested(#[case] wrong: &str, #[case] expected: Option<&str>) {
        let message = decode::<Choice>(&json!(wrong)).expect_err("must be refused").to_string();
        let suggested =
            message.split("did you mean `").nth(1).and_then(|rest| rest.split('`').next());
        assert_eq!(suggested, expected, "{message}");
        assert!(message.contains("expected") && message.contains("`allow`"), "{message}");
    }

    #[rstest]
    #[case("", "", 0)]
    #[case("kitten", "sitting", 3)]
    #[case("Ab", "aB", 0)]
    #[case("", "abc", 3)]
    fn distances(#[case] a: &str, #[case] b: &str, #[case] expected: usize) {
        assert_eq!(distance(a, b), expected);
    }
}
