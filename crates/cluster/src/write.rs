//! Write: one patch of one namespace.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use tenancy::metadata::{Field, Key, Metadata};

use crate::cached_namespace::CachedNamespace;

/// A JSON merge patch, guarded by uid and resourceVersion: a state that it was not made for answers
/// 409 or 422.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The namespace's name.
    pub name: String,
    /// Its uid: another namespace of that name is not meant.
    pub uid: String,
    /// The resourceVersion that the patch was made for.
    pub version: String,
    /// The body.
    pub patch: Value,
    /// Each key that the patch changes, and the value that it gets; `None` takes it away.
    pub changes: Vec<(Key, Option<String>)>,
}

impl Write {
    /// The patch that turns the metadata of a namespace into `after`; `None` where they are equal.
    pub fn between(before: &CachedNamespace, after: &Metadata) -> Option<Self> {
        let changes = changes(&before.namespace.metadata, after);
        if changes.is_empty() {
            return None;
        }
        let name = before.namespace.name.clone().unwrap_or_default();
        Some(Self {
            name,
            uid: before.uid.clone(),
            version: before.version.clone(),
            patch: patch(before, &changes),
            changes,
        })
    }

    /// The same, which also resets `managedFields`: they are as large again as the labels and
    /// annotations, and landlord's own entry would be new among them.
    pub fn without_managers(mut self) -> Self {
        if let Some(metadata) = self.patch.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("managedFields".to_owned(), json!([{}]));
        }
        self
    }

    /// Keys that an answer does not carry as they were written: admission set them back.
    pub fn missing_in(&self, answer: &ObjectMeta) -> Vec<Key> {
        let found = |key: &Key| {
            let map = match key.field {
                Field::Label => answer.labels.as_ref(),
                Field::Annotation => answer.annotations.as_ref(),
            };
            map.and_then(|map| map.get(&key.name))
        };
        self.changes
            .iter()
            .filter(|(key, value)| found(key) != value.as_ref())
            .map(|(key, _)| key.clone())
            .collect()
    }
}

fn changes(before: &Metadata, after: &Metadata) -> Vec<(Key, Option<String>)> {
    let mut changes = Vec::new();
    for field in [Field::Label, Field::Annotation] {
        let old = before.field(field);
        let new = after.field(field);
        let set = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
        changes.extend(
            set.map(|(key, value)| (Key { field, name: key.clone() }, Some(value.clone()))),
        );
        changes.extend(
            old.keys()
                .filter(|key| !new.contains_key(*key))
                .map(|key| (Key { field, name: key.clone() }, None)),
        );
    }
    changes
}

/// The JSON merge patch.
fn patch(before: &CachedNamespace, changes: &[(Key, Option<String>)]) -> Value {
    let mut metadata = Map::new();
    metadata.insert("uid".to_owned(), json!(before.uid));
    metadata.insert("resourceVersion".to_owned(), json!(before.version));
    for (field, name) in [(Field::Label, "labels"), (Field::Annotation, "annotations")] {
        let of_field = changes.iter().filter(|(key, _)| key.field == field);
        let map: Map<String, Value> =
            of_field.map(|(key, value)| (key.name.clone(), json!(value))).collect();
        if !map.is_empty() {
            metadata.insert(name.to_owned(), Value::Object(map));
        }
    }
    json!({"metadata": metadata})
}
