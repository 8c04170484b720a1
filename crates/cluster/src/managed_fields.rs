//! Managed fields: of an object's metadata, the keys that a field manager has set.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};
use tenancy::metadata::{Field, Key};

/// Whether the entry says that its manager set the key.
pub fn owns(entry: &ManagedFieldsEntry, key: &Key) -> bool {
    keys_of(entry, key.field).is_some_and(|keys| keys.contains_key(&format!("f:{}", key.name)))
}

/// The labels that the entry's manager has set.
pub fn labels_of(entry: &ManagedFieldsEntry) -> impl Iterator<Item = &str> {
    keys_of(entry, Field::Label)
        .into_iter()
        .flat_map(|keys| keys.keys().filter_map(|key| key.strip_prefix("f:")))
}

fn keys_of(entry: &ManagedFieldsEntry, field: Field) -> Option<&Map<String, Value>> {
    let field = match field {
        Field::Label => "f:labels",
        Field::Annotation => "f:annotations",
    };
    let metadata = entry.fields_v1.as_ref()?.0.get("f:metadata")?;
    metadata.get(field)?.as_object()
}
