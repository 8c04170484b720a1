//! The Helm chart as a real Helm renders it: what follows from which values, and that deploy/ is
//! the same.

use serde_json::{Value, json};

use crate::helm::{lint, render};

mod edge;
mod features;
mod generated;
mod hooks;
mod pods;
mod rights;
mod settings;

/// Values as users combine them.
fn sets() -> Vec<(&'static str, Value)> {
    let custom = json!({"custom": {"apiVersion": "example.com/v1", "kind": "Team", "nodeSelector": "$.spec.nodes"}});
    vec![
        ("the defaults", json!({})),
        (
            "the policy",
            json!({"policy": {"enabled": true, "pods": {"enabled": true}, "policyServer": "big"}}),
        ),
        ("the guard", json!({"guard": {"enabled": true, "place": true}})),
        ("held Pods", json!({"releasePods": true})),
        ("Capsule", json!({"settings": {"tenantSource": "capsule"}})),
        (
            "custom tenants",
            json!({"settings": {"tenantSource": custom}, "policy": {"enabled": true}}),
        ),
        (
            "inline tenants",
            json!({"settings": {"tenantSource": {"inline": [{"name": "solar"}]}}, "policy": {"enabled": true}}),
        ),
        (
            "a strategy",
            json!({"settings": {"strategy": {"mode": "auto"}}, "policy": {"enabled": true}, "guard": {"enabled": true}}),
        ),
        ("all that is optional", everything_optional()),
        (
            "nothing that is optional",
            json!({"crds": {"install": false}, "rbac": {"create": false}, "serviceAccount": {"create": false}, "guard": {"enabled": false}, "networkPolicy": {"enabled": false}, "flowSchema": {"enabled": false}, "podDisruptionBudget": {"enabled": false}}),
        ),
    ]
}

/// All that is off or empty by default.
fn everything_optional() -> Value {
    serde_json::from_str(include_str!("chart/everything.json")).expect("JSON")
}

#[test]
fn lint_has_nothing_to_say() {
    for (what, values) in sets() {
        let run = lint(&values);
        assert!(
            run.code == Some(0) && !run.out.contains("[WARNING]") && !run.out.contains("[ERROR]"),
            "{what}: {}{}",
            run.out,
            run.err
        );
    }
}

/// The object of this kind and name.
fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    objects
        .iter()
        .find(|one| one["kind"] == kind && one["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let [one] = of_kind(objects, kind)
        .try_into()
        .unwrap_or_else(|found: Vec<_>| panic!("{} of kind {kind}", found.len()));
    one
}

fn rendered(values: Value) -> Vec<Value> {
    render("landlord", &values).expect("valid values")
}

/// The settings in a ConfigMap.
fn settings(objects: &[Value]) -> Value {
    let text = named(objects, "ConfigMap", "landlord-settings")["data"]["settings.yaml"]
        .as_str()
        .expect("text");
    serde_saphyr::from_str(text).expect("YAML")
}
