//! The schema of hooks, so that the API server refuses at `kubectl apply` what can be seen of a
//! hook by itself. What needs more than its schema and CEL rules (expressions, paths inside `set`,
//! hooks that meet) is reported in the Tenant's condition.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Most hooks of one tenant, and conditions and requirements of one hook: CEL's cost limits need
/// bounds.
const MAX_ITEMS: u32 = 16;
const MAX_KEYS: u32 = 32;
const MAX_PATH: u32 = 256;
const MAX_TEXT: u32 = 512;

fn rule(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}

/// The hooks of all tenants, which no CRD bounds.
pub(crate) fn of_settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": hook()})
}

/// The hooks of one tenant.
pub(crate) fn of_tenant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": MAX_ITEMS, "items": hook(),
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    })
}

fn hook() -> Value {
    let reads = |list: &str| {
        format!("(has(self.{list}) && self.{list}.exists(one, one.path.startsWith('$.request')))")
    };
    let request = format!(
        "!({} || {}) || (has(self.stages) && self.stages == ['admission'])",
        reads("when"),
        reads("require")
    );
    json!({
        "type": "object", "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
            "stages": {"type": "array", "minItems": 1, "maxItems": 2, "x-kubernetes-list-type": "set",
                       "items": {"type": "string", "enum": ["admission", "reconcile"]}},
            "priority": {"type": "integer", "format": "int32"},
            "when": {"type": "array", "maxItems": MAX_ITEMS, "items": condition(false)},
            "set": {"type": "object", "properties": {"nodeSelector": values(), "labels": values(), "annotations": values()}},
            "remove": {"type": "object", "properties": {"labels": names(), "annotations": names()}},
            "require": {"type": "array", "maxItems": MAX_ITEMS, "items": condition(true)},
            "onFailure": {"type": "string", "enum": ["reject", "warn", "ignore"]},
            "conflicts": {"type": "string", "enum": ["override", "keep", "reject"]},
        },
        "x-kubernetes-validations": [
            rule("has(self.set) || has(self.remove) || has(self.require)", "hooks: a hook sets, removes or requires something"),
            rule(&request, "hooks: what reads $.request runs at admission only; write stages: [admission]"),
        ],
    })
}

/// `exists`, `equals`, `in`, `matches`.
fn tests() -> serde_json::Map<String, Value> {
    // As in Kubernetes' own lists of ports: numbers may be written without quotes.
    let scalar = json!({"x-kubernetes-int-or-string": true});
    let tests = json!({
        "exists": {"type": "boolean"},
        "equals": scalar,
        "in": {"type": "array", "minItems": 1, "maxItems": MAX_KEYS, "items": scalar},
        "matches": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
    });
    tests.as_object().cloned().unwrap_or_default()
}

fn condition(requirement: bool) -> Value {
    let mut properties = tests();
    let one = rule(
        "[has(self.exists), has(self.equals), has(self.__in__), has(self.matches)].filter(test, test).size() == 1",
        "hooks: not takes one of exists, equals, in and matches",
    );
    properties.insert(
        "not".to_owned(),
        json!({"type": "object", "properties": tests(), "x-kubernetes-validations": [one]}),
    );
    properties.insert(
        "path".to_owned(),
        json!({"type": "string", "maxLength": MAX_PATH, "pattern": r"^\$\.(request|namespace|tenant)([.\[].*)?$"}),
    );
    if requirement {
        properties.insert("message".to_owned(), json!({"type": "string", "maxLength": MAX_TEXT}));
    }
    let one = rule(
        "[has(self.exists), has(self.equals), has(self.__in__), has(self.matches), has(self.not)].filter(test, test).size() == 1",
        "hooks: write one of exists, equals, in, matches and not",
    );
    json!({"type": "object", "required": ["path"], "properties": properties, "x-kubernetes-validations": [one]})
}

/// Texts, or `{fromPath: …}`: of no type, so CEL does not see them.
fn values() -> Value {
    json!({"type": "object", "maxProperties": MAX_KEYS, "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true}})
}

fn names() -> Value {
    json!({"type": "array", "maxItems": MAX_KEYS, "items": {"type": "string", "minLength": 1, "maxLength": 380}})
}
