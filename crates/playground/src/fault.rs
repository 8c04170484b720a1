//! Fault: what is wrong with a text, and at which line of which editor.

use assessment::document::{self, DocumentError, Place};
use assessment::inventory::InventoryError;
use serde_json::{Value, json};
use tenancy::decode::DecodeError;

use crate::positions::{Position, Positions};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    editor: String,
    position: Option<Position>,
    message: String,
}

impl Fault {
    /// A text that holds no objects.
    pub(crate) fn of_text(error: &DocumentError, text: &str) -> Self {
        match error {
            DocumentError::Syntax { file, fault } => {
                let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                let position = fault
                    .location()
                    .map(|at| Position { line: number(at.line()), column: number(at.column()) });
                Self { editor: file.clone(), position, message: document::message(fault) }
            }
            DocumentError::Json { file, fault } => {
                let position = Position { line: fault.line(), column: fault.column() };
                Self { editor: file.clone(), position: Some(position), message: error.to_string() }
            }
            DocumentError::TooLarge { file, .. } => {
                Self { editor: file.clone(), position: None, message: error.to_string() }
            }
            DocumentError::NotAnObject { place } => {
                let message =
                    "this is not an object: write Kubernetes objects, with `---` between them";
                Self::at(place, "", message.to_owned(), text)
            }
        }
    }

    /// Objects that do not go together, or settings with mistakes. `text` is that of an editor.
    pub(crate) fn of_objects<'a>(
        error: &InventoryError,
        text: impl Fn(&str) -> &'a str,
    ) -> Vec<Self> {
        let at = |place: &Place, path: &str, message: String| {
            Self::at(place, path, message, text(place.file()))
        };
        let fault = match error {
            InventoryError::Settings { place, of_policy, source } => {
                let fault = |mistake: DecodeError| {
                    let path = match (of_policy, mistake.path.is_empty()) {
                        (false, _) => mistake.path.clone(),
                        (true, true) => "spec.settings".to_owned(),
                        (true, false) => format!("spec.settings.{}", mistake.path),
                    };
                    at(place, &culprit(path, &mistake.message), mistake.to_string())
                };
                return mistakes(source).into_iter().map(fault).collect();
            }
            InventoryError::Namespace { place, source } => {
                let tenancy::namespace::NamespaceError::Shape { path, .. } = source;
                at(place, path, source.to_string())
            }
            InventoryError::TwoPolicies { first, second } => at(
                second,
                "",
                format!(
                    "{first} is a ClusterAdmissionPolicy as well: leave one of them, or write its settings to the left"
                ),
            ),
            InventoryError::Nameless { place } => {
                at(place, "metadata", "the Namespace has no metadata.name: give it one".to_owned())
            }
            InventoryError::NamespaceTwice { place, name } => at(
                place,
                "metadata.name",
                format!("namespace {name:?} is defined twice: remove one"),
            ),
            InventoryError::TenantTwice { name, other, place } => at(
                place,
                "metadata.name",
                format!("tenant {name:?} is defined twice, here and in {other}: remove one"),
            ),
        };
        vec![fault]
    }

    /// A tenant that cannot be used: each of its mistakes.
    pub(crate) fn of_tenant(place: &Place, error: &DecodeError, text: &str) -> Vec<Self> {
        let fault = |mistake: DecodeError| {
            let path = culprit(mistake.path.clone(), &mistake.message);
            Self::at(place, &path, mistake.to_string(), text)
        };
        mistakes(error).into_iter().map(fault).collect()
    }

    /// A fault at a path of an object.
    fn at(place: &Place, path: &str, message: String, text: &str) -> Self {
        let position = Positions::scan(text).find(place.number(), &place.path(path));
        Self { editor: place.file().to_owned(), position, message }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "editor": self.editor,
            "line": self.position.map(|at| at.line),
            "column": self.position.map(|at| at.column),
            "message": self.message,
        })
    }
}

/// Mistakes of one document, which the engine reports in one message: each with its own path.
fn mistakes(error: &DecodeError) -> Vec<DecodeError> {
    let mistake = |(index, text): (usize, &str)| {
        let located = text.split_once(": ").filter(|(path, _)| !path.contains([' ', '`']));
        let (path, message) = match located {
            _ if index == 0 => (error.path.as_str(), text),
            Some(located) => located,
            None => ("", text),
        };
        DecodeError { path: path.to_owned(), message: message.to_owned() }
    };
    error.message.split("; also ").enumerate().map(mistake).collect()
}

/// The name that nobody knows is at fault, not the whole that it stands in.
fn culprit(path: String, message: &str) -> String {
    let unknown = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("unknown variant `"));
    match unknown.and_then(|rest| rest.split('`').next()) {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path,
    }
}
