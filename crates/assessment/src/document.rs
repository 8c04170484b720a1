//! Document: a Kubernetes object and where it was written, read from YAML or JSON.

use std::fmt;

use serde_json::Value;
use serde_saphyr::{Budget, MessageFormatter, Options, UserMessageFormatter};

/// The kind whose `spec.settings` are landlord's settings.
pub const POLICY_KIND: &str = "ClusterAdmissionPolicy";

/// Most bytes of YAML in one file. It takes some twenty times its size in memory while it is read;
/// JSON has no limit.
pub const MAX_YAML_BYTES: usize = 256 * 1024 * 1024;

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
    #[error("{file} is not valid JSON: {fault}")]
    Json { file: String, fault: serde_json::Error },
    #[error(
        "{file} has {} MiB of YAML, and at most {} MiB are read: write it as JSON (`kubectl get … -o json`), which has no limit",
        .bytes.div_ceil(1024 * 1024),
        MAX_YAML_BYTES / (1024 * 1024)
    )]
    TooLarge { file: String, bytes: usize },
    #[error("{place} is not an object: write Kubernetes objects, with `---` between them")]
    NotAnObject { place: Place },
}

/// What is wrong, without where.
pub fn message(fault: &serde_saphyr::Error) -> String {
    UserMessageFormatter.format_message(fault.without_snippet()).into_owned()
}

/// Every object in a file's text; lists are taken apart, and empty documents are left out.
pub fn read(file: &str, text: &str) -> Result<Vec<Document>, DocumentError> {
    let values = read_values(file, text.trim_start_matches('\u{feff}'))?;
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

/// JSON where it is, of any size; else YAML. `{a: 1}` and JSON with `---` between are YAML.
fn read_values(file: &str, text: &str) -> Result<Vec<Value>, DocumentError> {
    let start: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).take(2).collect();
    if !matches!(start[..], ['{' | '[', ..]) {
        return read_yaml(file, text);
    }
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(text).into_iter().collect();
    values.or_else(|fault| match (read_yaml(file, text), &start[..]) {
        // Of what only JSON begins with, JSON's fault is the one to fix.
        (Err(_), ['{', '"'] | ['[', '{']) => {
            Err(DocumentError::Json { file: file.to_owned(), fault })
        }
        (yaml, _) => yaml,
    })
}

/// The limits of the reader are by what it makes of the text; here the text itself is limited, and
/// what aliases may repeat.
fn read_yaml(file: &str, text: &str) -> Result<Vec<Value>, DocumentError> {
    if text.len() > MAX_YAML_BYTES {
        return Err(DocumentError::TooLarge { file: file.to_owned(), bytes: text.len() });
    }
    let mut budget = Budget::default();
    budget.max_events = usize::MAX;
    budget.max_nodes = usize::MAX;
    budget.max_documents = usize::MAX;
    budget.max_total_scalar_bytes = usize::MAX;
    let mut options = Options::default();
    options.budget = Some(budget);
    serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|fault| DocumentError::Syntax { file: file.to_owned(), fault: Box::new(fault) })
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

    /// As `kubectl get namespaces -o json` prints it, and as YAML of the same size.
    #[test]
    fn a_dump_of_a_large_cluster_is_read() {
        let item = |number: usize| {
            format!(
                r#"{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "n{number}", "labels": {{"a": "b"}}}}}}"#
            )
        };
        let items: Vec<String> = (0..100_000).map(item).collect();
        let list =
            format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#, items.join(","));
        let documents = read("dump.json", &list).expect("JSON of any size");
        assert_eq!(documents.len(), 100_000);
        assert_eq!(documents[99_999].object["metadata"]["name"], "n99999");
        assert_eq!(documents[99_999].place.path("a"), "items[99999].a");

        let yaml: String = (0..40_000)
            .map(|number| {
                format!("---\nkind: Namespace\nmetadata: {{name: n{number}, labels: {{a: b}}}}\n")
            })
            .collect();
        assert_eq!(read("dump.yaml", &yaml).expect("YAML").len(), 40_000);
    }

    #[test]
    fn json_may_be_several_and_yaml_may_look_like_it() {
        for text in [
            "{\"a\": 1}\n{\"a\": 1}",
            "\u{feff} {\"a\": 1}\n---\n{\"a\": 1}\n",
            "{a: 1}\n---\n{a: 1}",
        ] {
            let documents = read("f", text).expect("objects");
            assert_eq!(documents.len(), 2, "{text}");
            assert!(
                documents.iter().all(|one| one.object == serde_json::json!({"a": 1})),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_too_large_or_broken_is_said_as_it_is() {
        let large = "#".repeat(MAX_YAML_BYTES + 1);
        assert_eq!(
            read("f", &large).expect_err("too large").to_string(),
            "f has 257 MiB of YAML, and at most 256 MiB are read: write it as JSON (`kubectl get … -o json`), which has no limit"
        );
        assert_eq!(
            read("f", r#"{"kind": "List", "items": [{"a": 1}"#).expect_err("cut off").to_string(),
            "f is not valid JSON: EOF while parsing a list at line 1 column 35"
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
