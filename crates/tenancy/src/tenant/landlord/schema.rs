//! Schemas of the fields whose rules JSON Schema can say beyond their Rust types, so that the API
//! server refuses an invalid tenant when it is applied. What a pattern can say is a pattern; the
//! rest is CEL, within the API server's cost limits: every list, map and string is bounded.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A label key: an optional DNS subdomain and `/`, and a name of up to 63 characters.
const KEY: &str =
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// Nothing, or a name.
const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
/// Characters of a label value, and tags.
const LABEL_TEMPLATE: &str = r"^([-A-Za-z0-9_.]|\{\{\s*(tenant\.name|namespace)\s*\}\})*$";
/// Anything but a `{{` that does not begin a known tag.
const TEMPLATE: &str = r"^([^{]|\{[^{]|\{\{\s*(tenant\.name|namespace)\s*\}\})*\{?$";
/// A key, in which tags may stand.
const KEY_TEMPLATE: &str = r"^([-A-Za-z0-9_./]|\{\{\s*(tenant\.name|namespace)\s*\}\})+$";
/// Most characters of an annotation's value here; all annotations together may have 256 KiB.
const MAX_ANNOTATION: u32 = 32768;
/// Most characters of one string for hooks.
const MAX_DATA: u32 = 4096;
const MAX_ENTRIES: u32 = 32;
const MAX_ITEMS: u32 = 16;

fn rule(rule: String, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}

/// CEL's spelling of a pattern.
fn quoted(pattern: &str) -> String {
    format!("r'{pattern}'")
}

pub(super) fn node_selector(_: &mut SchemaGenerator) -> Schema {
    let keys = rule(
        format!("self.all(key, key.size() <= 317 && key.matches({}))", quoted(KEY)),
        "nodeSelector: every key must be a label key, [prefix/]name",
    );
    json_schema!({
        "type": "object", "maxProperties": MAX_ENTRIES,
        "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE},
        "x-kubernetes-validations": [keys],
    })
}

fn entries(field: &str, value: Value) -> Schema {
    let keys = rule(
        format!("self.all(key, key.size() <= 380 && key.matches({}))", quoted(KEY_TEMPLATE)),
        &format!(
            "{field}: every key must be [prefix/]name, and may hold {{{{tenant.name}}}} and {{{{namespace}}}}"
        ),
    );
    let reserved = rule(
        "self.all(key, !key.startsWith('landlord.dev/') && !(key in ['scheduler.alpha.kubernetes.io/node-selector', \
         'scheduler.alpha.kubernetes.io/defaultTolerations', 'kubernetes.io/metadata.name']))"
            .to_owned(),
        &format!("{field}: landlord writes this key itself; use nodeSelector, tolerations or a claim"),
    );
    json_schema!({"type": "object", "maxProperties": MAX_ENTRIES, "additionalProperties": value, "x-kubernetes-validations": [keys, reserved]})
}

pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    entries("labels", json!({"type": "string", "maxLength": 128, "pattern": LABEL_TEMPLATE}))
}

pub(super) fn annotations(_: &mut SchemaGenerator) -> Schema {
    entries(
        "annotations",
        json!({"type": "string", "maxLength": MAX_ANNOTATION, "pattern": TEMPLATE}),
    )
}

pub(super) fn tolerations(_: &mut SchemaGenerator) -> Schema {
    let exists = rule(
        "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''"
            .to_owned(),
        "tolerations: operator Exists takes no value",
    );
    // Declared, so that it is refused and not dropped in silence.
    let seconds = rule(
        "!has(self.tolerationSeconds)".to_owned(),
        "tolerations: tolerationSeconds is not supported; a pool's taints do not pass",
    );
    json_schema!({"type": "array", "maxItems": MAX_ITEMS, "items": {
        "type": "object", "required": ["key", "effect"],
        "properties": {
            "key": {"type": "string", "minLength": 1, "maxLength": 317, "pattern": KEY},
            "operator": {"type": "string", "enum": ["Equal", "Exists"]},
            "value": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE},
            "effect": {"type": "string", "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
            "tolerationSeconds": {"type": "integer", "format": "int64"},
        },
        "x-kubernetes-validations": [exists, seconds],
    }})
}

pub(super) fn data(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": MAX_ENTRIES, "additionalProperties": {"type": "string", "maxLength": MAX_DATA}})
}

pub(super) fn prefixes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": MAX_ENTRIES, "items": {
        "type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9][-a-z0-9]*$",
    }})
}

pub(super) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    let keys = rule(
        format!("self.all(key, key.size() <= 317 && key.matches({}))", quoted(KEY)),
        "namespaceSelector.matchLabels: every key must be a label key",
    );
    let values = rule(
        "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : !has(self.values) || self.values.size() == 0"
            .to_owned(),
        "namespaceSelector.matchExpressions: In and NotIn need values, Exists and DoesNotExist take none",
    );
    let terms = rule(
        "(has(self.matchLabels) && self.matchLabels.size() > 0) || (has(self.matchExpressions) && self.matchExpressions.size() > 0)"
            .to_owned(),
        "namespaceSelector: without a term it would match every namespace; write matchLabels or matchExpressions",
    );
    json_schema!({"type": "object", "x-kubernetes-validations": [terms], "properties": {
        "matchLabels": {
            "type": "object", "maxProperties": MAX_ENTRIES, "x-kubernetes-validations": [keys],
            "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE},
        },
        "matchExpressions": {"type": "array", "maxItems": MAX_ITEMS, "items": {
            "type": "object", "required": ["key", "operator"],
            "properties": {
                "key": {"type": "string", "minLength": 1, "maxLength": 317, "pattern": KEY},
                "operator": {"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
                "values": {"type": "array", "maxItems": MAX_ENTRIES, "items": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}},
            },
            "x-kubernetes-validations": [values],
        }},
    }})
}
