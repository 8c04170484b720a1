//! Write: one patch of one namespace.

use serde_json::{Map, Value, json};
use tenancy::metadata::{Field, Metadata};

use crate::cached_namespace::CachedNamespace;

/// A JSON merge patch, guarded by uid and resourceVersion: a state that it was not made for answers 409 or 422.
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
}

impl Write {
    /// The patch that turns the metadata of a namespace into `after`; `None` where they are equal.
    pub fn between(before: &CachedNamespace, after: &Metadata) -> Option<Self> {
        let patch = difference(before, after)?;
        let name = before.namespace.name.clone().unwrap_or_default();
        let (uid, version) = (before.uid.clone(), before.version.clone());
        Some(Self { name, uid, version, patch })
    }
}

/// A merge patch from one to the other.
fn difference(before: &CachedNamespace, after: &Metadata) -> Option<Value> {
    let mut metadata = json!({"uid": before.uid, "resourceVersion": before.version});
    let before = &before.namespace.metadata;
    for (field, name) in [(Field::Label, "labels"), (Field::Annotation, "annotations")] {
        let (old, new) = (before.field(field), after.field(field));
        let set = new.iter().filter(|(key, value)| old.get(*key) != Some(*value)).map(|(key, value)| (key.clone(), json!(value)));
        let remove = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
        let changes: Map<String, Value> = set.chain(remove).collect();
        if !changes.is_empty() {
            metadata[name] = Value::Object(changes);
        }
    }
    (before != after).then(|| json!({"metadata": metadata}))
}
