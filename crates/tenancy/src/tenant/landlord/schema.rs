//! Schemas of the fields whose rules JSON Schema can say beyond their Rust types.

use schemars::{Schema, SchemaGenerator, json_schema};

fn strings() -> Schema {
    json_schema!({"type": "object", "maxProperties": 64, "additionalProperties": {"type": "string"}})
}

pub(super) fn node_selector(_: &mut SchemaGenerator) -> Schema {
    strings()
}

pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    strings()
}

pub(super) fn annotations(_: &mut SchemaGenerator) -> Schema {
    strings()
}

pub(super) fn tolerations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 32, "items": {"type": "object", "properties": {
        "key": {"type": "string"}, "operator": {"type": "string"}, "value": {"type": "string"}, "effect": {"type": "string"},
    }}})
}

pub(super) fn hooks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 64, "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}})
}

pub(super) fn prefixes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 64, "items": {"type": "string", "minLength": 1, "maxLength": 63}})
}

pub(super) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "properties": {
        "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}},
        "matchExpressions": {"type": "array", "items": {"type": "object", "properties": {
            "key": {"type": "string"}, "operator": {"type": "string"}, "values": {"type": "array", "items": {"type": "string"}},
        }}},
    }})
}
