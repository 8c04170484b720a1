//! Managed fields: of an object's metadata, the keys that a field manager has set.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;
use tenancy::metadata::{Field, Key};

/// Whether the entry says that its manager set the key.
pub fn owns(entry: &ManagedFieldsEntry, key: &Key) -> bool {
    let field = match key.field {
        Field::Label => "f:labels",
        Field::Annotation => "f:annotations",
    };
    let metadata = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:metadata"));
    metadata
        .and_then(|metadata| metadata.get(field))
        .and_then(Value::as_object)
        .is_some_and(|keys| keys.contains_key(&format!("f:{}", key.name)))
}
