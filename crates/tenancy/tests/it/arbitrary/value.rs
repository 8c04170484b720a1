//! Any JSON.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

use super::pick;

/// Names of fields that real documents have.
const NAMES: [&str; 40] = [
    "metadata",
    "spec",
    "name",
    "labels",
    "annotations",
    "overrides",
    "namespaceSelector",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "nodeSelector",
    "tolerations",
    "tenantSource",
    "inline",
    "custom",
    "identify",
    "jsonPath",
    "path",
    "rules",
    "enforce",
    "kinds",
    "namespaceOptions",
    "additionalMetadata",
    "additionalMetadataList",
    "owners",
    "status",
    "tenant",
    "previous",
    "ownerReferences",
    "hooks",
    "when",
    "set",
    "remove",
    "require",
    "equals",
    "matches",
    "not",
    "fromPath",
];

/// Any JSON, in shapes that begin like real documents often enough.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let name = pick(&NAMES);
    let text = prop_oneof![
        pick(&[
            "",
            "web",
            "landlord",
            "capsule",
            "a",
            "In",
            "Exists",
            "override",
            "{{namespace}}",
            "{{",
            "$.a",
            "$..b[0]",
            "k=v",
            "\u{0}",
            "é/ü",
            "Namespace"
        ]),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::Array),
            3 => btree_map(prop_oneof![9 => name.clone(), 1 => ".{0,4}"], inner, 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}
