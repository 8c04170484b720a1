//! Namespace: the part of a Kubernetes Namespace that the engine reads.

use serde_json::{Map as JsonMap, Value};

use crate::collection::try_gather;
use crate::metadata::{Map, Metadata};

/// The label that the API server puts on every namespace before admission.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Metadata of a namespace that paths read: what policy, controller and command line all have, and
/// what does not change by itself.
pub(crate) const READ_METADATA: [&str; 10] = [
    "name",
    "generateName",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
];

/// What the engine reads of a Namespace; everything else stays with the edge, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// `None` while the API server has not yet made a name from `generateName`.
    pub name: Option<String>,
    /// `metadata.generateName`, where it is not empty.
    pub generate_name: Option<String>,
    /// Labels and annotations.
    pub metadata: Metadata,
    /// `metadata.ownerReferences`; an entry without version, kind or name is left out.
    pub owner_references: Vec<OwnerReference>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub terminating: bool,
}

/// An entry of `metadata.ownerReferences`, its API version cut down to the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerReference {
    /// The API group; empty for the core group.
    pub group: String,
    /// The owner's kind.
    pub kind: String,
    /// The owner's name.
    pub name: String,
}

/// An object that cannot be a Namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    /// A field is of another JSON type than in a `v1` Namespace.
    #[error("{path} is {found}, expected {expected}: {remedy}")]
    Shape {
        /// Where the field is, as `metadata.labels`.
        path: String,
        /// The JSON type that it has to be, with an article.
        expected: &'static str,
        /// The JSON type that it is, with an article.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

impl Namespace {
    /// Reads a `v1` Namespace. Absent and `null` maps are empty.
    pub fn from_value(object: &Value) -> Result<Self, NamespaceError> {
        let metadata = fields(object, "metadata", "metadata")?;
        let text = |key| metadata.and_then(|m| m.get(key)).and_then(Value::as_str);
        Ok(Self {
            name: text("name").filter(|name| !name.is_empty()).map(str::to_owned),
            generate_name: text("generateName").filter(|name| !name.is_empty()).map(str::to_owned),
            metadata: Metadata {
                labels: strings(metadata, "labels", "metadata.labels")?,
                annotations: strings(metadata, "annotations", "metadata.annotations")?,
            },
            owner_references: owner_references(metadata),
            terminating: metadata
                .and_then(|m| m.get("deletionTimestamp"))
                .is_some_and(|at| !at.is_null()),
        })
    }

    /// The name, or the stem it will be made of, for messages and rules that the stem decides.
    pub fn name_or_stem(&self) -> &str {
        self.name.as_deref().or(self.generate_name.as_deref()).unwrap_or_default()
    }
}

fn fields<'a>(
    parent: &'a Value,
    key: &str,
    path: &str,
) -> Result<Option<&'a JsonMap<String, Value>>, NamespaceError> {
    match parent.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        Some(other) => Err(shape(path.to_owned(), "an object", other)),
    }
}

fn strings(
    metadata: Option<&JsonMap<String, Value>>,
    key: &str,
    path: &str,
) -> Result<Map, NamespaceError> {
    let entries = match metadata.and_then(|m| m.get(key)) {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(entries)) => entries,
        Some(other) => return Err(shape(path.to_owned(), "an object", other)),
    };
    let entry = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Ok((key.clone(), text.clone())),
        // The API server decodes a null value of a string map as the empty string.
        Value::Null => Ok((key.clone(), String::new())),
        other => Err(shape(format!("{path}[{key:?}]"), "a string", other)),
    };
    try_gather(entries.iter().map(entry))
}

fn owner_references(metadata: Option<&JsonMap<String, Value>>) -> Vec<OwnerReference> {
    let references = metadata.and_then(|m| m.get("ownerReferences")).and_then(Value::as_array);
    references.into_iter().flatten().filter_map(owner_reference).collect()
}

fn owner_reference(reference: &Value) -> Option<OwnerReference> {
    let text = |key| reference.get(key).and_then(Value::as_str);
    let group = text("apiVersion")?.split_once('/').map_or("", |(group, _)| group);
    Some(OwnerReference {
        group: group.to_owned(),
        kind: text("kind")?.to_owned(),
        name: text("name")?.to_owned(),
    })
}

fn shape(path: String, expected: &'static str, found: &Value) -> NamespaceError {
    let name = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let remedy = match found {
        Value::Bool(_) | Value::Number(_) if expected == "a string" => "write it in quotes",
        _ => "send the Namespace as the API server has it",
    };
    NamespaceError::Shape { path, expected, found: name, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_the_engine_needs() {
        let namespace = Namespace::from_value(&json!({"metadata": {
            "name": "a", "labels": {"x": "1"}, "annotations": null, "deletionTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": "solar", "uid": "u"}],
        }}))
        .expect("a namespace");
        assert_eq!(namespace.name.as_deref(), Some("a"));
        assert_eq!(namespace.metadata.labels.get("x").map(String::as_str), Some("1"));
        assert_eq!(
            namespace.owner_references.first().map(|o| o.group.as_str()),
            Some("capsule.clastix.io")
        );
        assert!(namespace.terminating);
    }

    #[test]
    fn a_wrong_shape_is_named() {
        let error =
            Namespace::from_value(&json!({"metadata": {"labels": {"a": 1}}})).expect_err("refused");
        assert!(error.to_string().starts_with("metadata.labels[\"a\"] is a number"), "{error}");
    }
}
