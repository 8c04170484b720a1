//! Another writer that sets landlord's keys back again and again.

use serde_json::json;

use super::world::{NODE_SELECTOR, World, eventually};

const RIVAL: &str = "argocd-controller";

/// After three reversals a label stays as the other writer has it, and the tenant says who that is
/// and what ends it.
#[tokio::test]
async fn a_contested_label_is_left_alone_and_reported() {
    let world = World::new("landlord").await;
    world.set_tenant("solar", json!({"labels": {"a": "b", "c": "d"}})).await;
    world.create("web", "solar", json!({})).await;
    for _ in 0..2 {
        world.comes_to("web", "solar", [("a", "b"), ("c", "d")], []).await;
        world.patch_as(RIVAL, "web", json!({"labels": {"a": "x"}})).await;
    }
    world.comes_to("web", "solar", [("a", "b"), ("c", "d")], []).await;
    world.patch_as(RIVAL, "web", json!({"labels": {"a": "x", "c": "x"}})).await;
    world.comes_to("web", "solar", [("a", "x"), ("c", "d")], []).await;

    eventually("the condition", async || {
        world.condition("solar", "Converged").await["reason"] == "Contested"
    })
    .await;
    let message = world.condition("solar", "Converged").await["message"]
        .as_str()
        .expect("a message")
        .to_owned();
    for part in ["namespace web", "label \"a\"", RIVAL, "ignoreDifferences", "/metadata/labels/a"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    eventually("an event", async || {
        world
            .events("Namespace", "web")
            .await
            .iter()
            .any(|(reason, note)| reason == "Contested" && note.contains(RIVAL))
    })
    .await;
    assert_eq!(world.status("solar").await["namespaces"]["conflicted"], 1);
    assert!(world.page("one", "/metrics").await.contains("landlord_contested_total 1"));

    world.patch_as(RIVAL, "web", json!({"labels": {"a": "b"}})).await;
    eventually("peace", async || world.condition("solar", "Converged").await["status"] == "True")
        .await;
}

/// Where Pods run is never left to the other writer; but no Pod may come in as long as it is there.
#[tokio::test]
async fn a_contested_node_selector_is_put_right_and_the_ledger_pending() {
    let world = World::new("landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    for _ in 0..3 {
        world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
        assert!(world.ledger("web").await.starts_with(r#"{"tenant":"solar""#));
        world.patch_as(RIVAL, "web", json!({"annotations": {NODE_SELECTOR: "pool=lunar"}})).await;
    }
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    eventually("a pending ledger", async || {
        world.ledger("web").await.starts_with(r#"{"pending":"Contested","tenant":"solar""#)
    })
    .await;
    eventually("the condition", async || {
        world.condition("solar", "Converged").await["reason"] == "Contested"
    })
    .await;
}

/// A key that is taken away has no owner in `managedFields`: who applied the namespace once is not
/// accused of it, and the advice is nobody's in particular.
#[tokio::test]
async fn who_wrote_something_else_is_not_accused() {
    let world = World::new("landlord").await;
    world.set_tenant("solar", json!({"labels": {"contact": "ops"}})).await;
    world.create("web", "solar", json!({})).await;
    world.patch_as(RIVAL, "web", json!({"labels": {"own": "key"}})).await;
    for _ in 0..3 {
        world.comes_to("web", "solar", [("contact", "ops"), ("own", "key")], []).await;
        world.patch_as("kube-downscaler", "web", json!({"labels": {"contact": null}})).await;
    }
    let note = async || {
        let events = world.events("Namespace", "web").await;
        events.into_iter().find(|(reason, _)| reason == "Contested").map(|(_, note)| note)
    };
    eventually("an event", async || note().await.is_some()).await;
    let note = note().await.expect("the note");
    assert!(note.contains("by another writer") && note.contains("audit log"), "{note}");
    assert!(!note.contains("argocd") && !note.contains("Argo CD"), "{note}");
}
