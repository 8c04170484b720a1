//! The worked examples with the controller alone: no webhook, so what a namespace lacks is written, and what a hook rejects is reported.

use local_cluster::manifest::apply_object;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::examples::{self, Example};
use super::world::{World, eventually};
use crate::landlord::root;

#[tokio::test]
async fn every_example_at_reconcile() {
    let mut world = World::without_controller("landlord").await;
    for object in examples::rancher() {
        apply(&world, object).await;
    }
    world.add_controller("one").await;
    for example in examples::all(&root()) {
        run(&world, &example).await;
    }
    assert!(world.page("one", "/metrics").await.contains("landlord_hook_failures_total{reason=\"HookRejected\"}"));
}

/// The cases that are judged at reconcile.
async fn run(world: &World, example: &Example) {
    world.set_settings(&example.settings);
    for tenant in &example.tenants {
        apply(world, tenant.clone()).await;
    }
    let cases: Vec<&Value> = example.cases.iter().filter(|case| examples::is_at(case, "reconcile")).collect();
    assert!(!cases.is_empty(), "{} has no case for the controller", example.name);
    for case in &cases {
        apply(world, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": case["namespace"]})).await;
    }
    for case in cases {
        let name = case["namespace"]["name"].as_str().expect("a name").to_owned();
        let what = format!("{}: {}; the log is {}", example.name, case["name"], world.cluster.log("one").display());
        if let Some(parts) = examples::denied(case) {
            eventually(&what, async || is_rejected(world, &name, &parts).await).await;
        }
        eventually(&what, async || differences(world, case, &name).await.is_empty()).await;
    }
}

async fn differences(world: &World, case: &Value, name: &str) -> Vec<String> {
    let (labels, annotations) = world.metadata(name).await;
    examples::differences(case, &labels, &annotations)
}

/// Whether an event says so, with every part of what is expected.
async fn is_rejected(world: &World, name: &str, parts: &[String]) -> bool {
    let events = world.events("Namespace", name).await;
    events.iter().any(|(reason, note)| reason == "HookRejected" && parts.iter().all(|part| note.contains(part)))
}

async fn apply(world: &World, object: Value) {
    let object = serde_json::from_value(object).expect("an object");
    apply_object(&world.cluster.client(ADMIN).expect("a client"), &object).await.expect("an object that the API server takes");
}

/// What the schema of the CRD sees is refused when it is applied; what it cannot see is said by the tenant's condition.
#[tokio::test]
async fn bad_hooks_are_refused_or_reported() {
    let mut world = World::without_controller("landlord").await;
    let (path, a) = ("$.namespace.metadata.name", json!({"labels": {"a": "b"}}));
    let mistakes = [
        (json!({"name": "x"}), "a hook sets, removes or requires something"),
        (json!({"name": "X y", "set": a}), "spec.hooks[0].name"),
        (json!({"name": "x", "set": a, "stages": []}), "spec.hooks[0].stages"),
        (json!({"name": "x", "set": a, "when": [{"path": "$.foo.bar", "exists": true}]}), "spec.hooks[0].when[0].path"),
        (json!({"name": "x", "set": a, "when": [{"path": "$.request.userInfo.username", "exists": true}]}), "write stages: [admission]"),
        (json!({"name": "x", "require": [{"path": path}]}), "write one of exists, equals, in, matches and not"),
        (
            json!({"name": "x", "require": [{"path": path, "equals": "a", "exists": true}]}),
            "write one of exists, equals, in, matches and not",
        ),
        (json!({"name": "x", "require": [{"path": path, "not": {}}]}), "not takes one of exists, equals, in and matches"),
        (json!({"name": "x", "set": a, "onFailure": "perhaps"}), "spec.hooks[0].onFailure"),
    ];
    for (hook, message) in mistakes {
        let refusal = try_tenant(&world, "bad", json!([hook])).await.expect_err(message);
        assert!(refusal.contains(message), "{hook}: {refusal}");
    }
    let twice = json!([{"name": "x", "set": a}, {"name": "x", "set": a}]);
    assert!(try_tenant(&world, "bad", twice).await.is_err(), "two hooks of one name");

    try_tenant(&world, "unseen", json!([{"name": "x", "require": [{"path": path, "matches": "("}]}])).await.expect("the schema takes it");
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.create("dark", "unseen", json!({})).await;
    world.add_controller("one").await;
    world.comes_to("web", "solar", [], [("scheduler.alpha.kubernetes.io/node-selector", "pool=solar")]).await;
    eventually("the tenant's condition", async || {
        let ready = world.condition("unseen", "Ready").await;
        let message = ready["message"].as_str().unwrap_or_default();
        ready["status"] == "False" && message.contains("spec.hooks[0].require[0].matches: hook \"x\": \"(\" is not a regular expression")
    })
    .await;
    assert_eq!(world.condition("solar", "Ready").await["status"], "True");
}

async fn try_tenant(world: &World, name: &str, hooks: Value) -> Result<(), String> {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": {"hooks": hooks}});
    let object = serde_json::from_value(tenant).expect("an object");
    apply_object(&world.cluster.client(ADMIN).expect("a client"), &object).await.map(drop).map_err(|error| error.to_string())
}
