//! Document: a Kubernetes object and where it was written, read from YAML or JSON.

use std::fmt;

use serde_json::Value;
use serde_saphyr::{MessageFormatter, UserMessageFormatter};

/// The kind whose `spec.settings` are landlord's settings.
pub const POLICY_KIND: &str = "ClusterAdmissionPolicy";

/// An object and where it was read.
#[derive(Clone, Debug)]
pub struct Document {
    pub place: Place,
    pub object: Value,
}

/// A document of a file, counted from 1; number 0 is no document of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    file: String,
    number: usize,
    /// Which item, where the document is a list.
    item: Option<usize>,
}

impl Place {
    /// Something that was not read from a file.
    pub fn named(what: &str) -> Self {
        Self { file: what.to_owned(), number: 0, item: None }
    }

    /// A live object.
    pub fn cluster() -> Self {
        Self::named("the cluster")
    }

    /// A document of a file, counted from 1.
    pub fn document(file: &str, number: usize) -> Self {
        Self { file: file.to_owned(), number, item: None }
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The document's number in its file.
    pub fn number(&self) -> usize {
        self.number
    }

    /// A path of the object as a path of the document: items of a list are `items[i]` of it.
    pub fn path(&self, of_object: &str) -> String {
        match self.item {
            None => of_object.to_owned(),
            Some(item) if of_object.is_empty() => format!("items[{item}]"),
            Some(item) => format!("items[{item}].{of_object}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(&self.file),
            number => write!(f, "{}, document {number}", self.file),
        }
    }
}

/// Text that holds no objects.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Short; what shows the lines around it is the `Display` of `fault`, whose code is large.
    #[error("{file} is neither YAML nor JSON: {}", message(fault))]
    Syntax { file: String, fault: Box<serde_saphyr::Error> },
    #[error("{place} is not an object: write Kubernetes objects, with `---` between them")]
    NotAnObject { place: Place },
}

/// What is wrong, without where.
pub fn message(fault: &serde_saphyr::Error) -> String {
    UserMessageFormatter.format_message(fault.without_snippet()).into_owned()
}

/// Every object in a file's text; lists are taken apart, and empty documents are left out.
pub fn read(file: &str, text: &str) -> Result<Vec<Document>, DocumentError> {
    let fault = |fault| DocumentError::Syntax { file: file.to_owned(), fault: Box::new(fault) };
    let values: Vec<Value> = serde_saphyr::from_multiple(text).map_err(fault)?;
    let mut documents = Vec::new();
    for (index, value) in values.into_iter().enumerate().filter(|(_, value)| !value.is_null()) {
        let place = Place::document(file, index + 1);
        if !value.is_object() {
            return Err(DocumentError::NotAnObject { place });
        }
        documents.extend(items(place, value));
    }
    Ok(documents)
}

/// The items of a `List` (or `NamespaceList` …), else the object itself.
fn items(place: Place, mut object: Value) -> Vec<Document> {
    let is_list =
        object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match object.get_mut("items") {
        Some(Value::Array(items)) if is_list => {
            let item = |(index, object)| Document {
                place: Place { item: Some(index), ..place.clone() },
                object,
            };
            std::mem::take(items).into_iter().enumerate().map(item).collect()
        }
        _ => vec![Document { place, object }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart_and_their_items_found_again() {
        let documents =
            read("f", "---\n{kind: NamespaceList, items: [{a: 1}, {b: 2}]}\n---\n{kind: Namespace, items: [1]}\n").expect("documents");
        let paths: Vec<String> = documents
            .iter()
            .map(|document| format!("{} {}", document.place, document.place.path("a")))
            .collect();
        assert_eq!(
            paths,
            ["f, document 1 items[0].a", "f, document 1 items[1].a", "f, document 2 a"]
        );
        assert_eq!(
            documents[2].object["items"],
            serde_json::json!([1]),
            "only lists are taken apart"
        );
    }

    #[test]
    fn faults_say_where() {
        assert!(
            read("f", "a: [")
                .expect_err("no YAML")
                .to_string()
                .starts_with("f is neither YAML nor JSON: ")
        );
        assert_eq!(
            read("f", "{}\n---\n- 1").expect_err("a list").to_string(),
            "f, document 2 is not an object: write Kubernetes objects, with `---` between them"
        );
    }
}
