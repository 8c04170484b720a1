//! The worked examples with the controller alone: no webhook, so what a namespace lacks is written,
//! and what a hook rejects is reported.

use local_cluster::manifest::apply_object;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::world::{World, eventually};
use crate::landlord::root;
use test_support::examples::{self, Example};

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
    assert!(
        world
            .page("one", "/metrics")
            .await
            .contains("landlord_hook_failures_total{reason=\"HookRejected\"}")
    );
}

/// The cases that are judged at reconcile.
async fn run(world: &World, example: &Example) {
    world.set_settings(&example.settings);
    for tenant in &example.tenants {
        apply(world, tenant.clone()).await;
    }
    let cases: Vec<&Value> =
        example.cases.iter().filter(|case| examples::is_at(case, "reconcile")).collect();
    assert!(!cases.is_empty(), "{} has no case for the controller", example.name);
    for case in &cases {
        apply(
            world,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": case["namespace"]}),
        )
        .await;
    }
    for case in cases {
        let name = case["namespace"]["name"].as_str().expect("a name").to_owned();
        let what = format!(
            "{}: {}; the log is {}",
            example.name,
            case["name"],
            world.cluster.log("one").display()
        );
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
    events.iter().any(|(reason, note)| {
        reason == "HookRejected" && parts.iter().all(|part| note.contains(part))
    })
}

async fn apply(world: &World, object: Value) {
    let object = serde_json::from_value(object).expect("an object");
    apply_object(&world.cluster.client(ADMIN).expect("a client"), &object)
        .await
        .expect("an object that the API server takes");
}
