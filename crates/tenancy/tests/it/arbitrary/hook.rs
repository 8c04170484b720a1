//! Hooks, and the settings that can have them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use tenancy::settings::Settings;

use super::{KEYS, Scope, VALUES, object, pick, wants};

/// What hooks read: keys that some of them write, so that not all of them can be meant, and others.
fn condition(scope: Scope) -> impl Strategy<Value = Value> {
    let stable = [
        "$.namespace.metadata.labels.env",
        "$.namespace.metadata.labels.tier",
        "$.tenant.metadata.name",
        "$.namespace.metadata.name",
    ];
    let any = [
        "$.namespace.metadata.labels.a",
        "$.namespace.metadata.labels.*",
        "$.namespace.metadata.annotations.note",
    ];
    let paths =
        if scope.stable_selectors { stable.to_vec() } else { [&stable[..], &any[..]].concat() };
    (proptest::sample::select(paths), pick(&VALUES), 0..5).prop_map(
        |(path, value, form)| match form {
            0 => json!({"path": path, "equals": value}),
            1 => json!({"path": path, "not": {"equals": value}}),
            2 => json!({"path": path, "exists": false}),
            3 => json!({"path": path, "matches": "^[12s]"}),
            _ => json!({"path": path, "in": ["1", "solar", "web"]}),
        },
    )
}

fn hook(scope: Scope) -> impl Strategy<Value = Value> {
    let source = prop_oneof![3 => wants(), 1 => pick(&KEYS).prop_map(|key| json!({key: {"fromPath": "$.namespace.metadata.labels.env"}}))];
    let pool = prop_oneof![2 => Just(Value::Null), 1 => pick(&["x", "y"]).prop_map(|zone| json!({"zone": zone}))];
    let set = (source, wants(), pool).prop_map(|(labels, annotations, pool)| {
        object(vec![("labels", labels), ("annotations", annotations), ("nodeSelector", pool)])
    });
    let free = scope.release.is_none() && scope.conflicts.is_none();
    let remove = option::weighted(0.3, pick(&KEYS))
        .prop_map(move |key| json!({"labels": Vec::from_iter(key.filter(|_| free))}));
    let conflicts = option::weighted(0.3, pick(&["override", "keep", "reject"]))
        .prop_map(move |conflicts| conflicts.filter(|_| free));
    let name = pick(&["one", "two", "three", "four"]);
    let failure = option::of(pick(&["reject", "warn", "ignore"]));
    (
        name,
        vec(condition(scope), 0..2),
        set,
        remove,
        vec(condition(scope), 0..2),
        conflicts,
        failure,
    )
        .prop_map(|(name, when, set, remove, require, conflicts, failure)| {
            object(vec![
                ("name", json!(name)),
                ("when", json!(when)),
                ("set", set),
                ("remove", remove),
                ("require", json!(require)),
                ("conflicts", json!(conflicts)),
                ("onFailure", json!(failure)),
            ])
        })
}

/// Hooks that can be meant together, in any order.
pub(crate) fn hooks(scope: Scope) -> impl Strategy<Value = Value> {
    let together = |hooks: Value, hook: Value| with_hook(&json!({}), hooks, &hook);
    vec(hook(scope), 0..4).prop_map(move |hooks| hooks.into_iter().fold(json!([]), together))
}

/// The hooks with one more, if these settings can have it.
pub(crate) fn with_hook(settings: &Value, hooks: Value, hook: &Value) -> Value {
    let mut settings = settings.clone();
    settings["hooks"] = hooks.clone();
    settings["hooks"].as_array_mut().expect("a list").push(hook.clone());
    if Settings::from_value(&settings).is_ok() { settings["hooks"].take() } else { hooks }
}
