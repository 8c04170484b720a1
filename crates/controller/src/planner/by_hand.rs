//! Writes that somebody asked for by a command.

use serde_json::{Map, Value, json};
use tenancy::metadata::{Field, Metadata};

use super::Write;
use crate::store::Held;

impl Write {
    /// A patch that somebody asked for, that makes of a namespace as it was read what shall be; `None` if that is what it is.
    pub(crate) fn by_hand(held: &Held, after: &Metadata) -> Option<Self> {
        let patch = difference(held, after)?;
        let name = held.namespace.name.clone().unwrap_or_default();
        let (uid, version) = (held.uid.clone(), held.version.clone());
        Some(Self { name, uid, version, tenant: None, patch, placement: true, sets: Vec::new(), trouble: None })
    }
}

/// A merge patch from one to the other.
fn difference(held: &Held, after: &Metadata) -> Option<Value> {
    let before = &held.namespace.metadata;
    let mut metadata = json!({"uid": held.uid, "resourceVersion": held.version});
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
