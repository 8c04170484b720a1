//! etcd is restored from a snapshot while the controller runs.

use serde_json::json;

use super::world::{NODE_SELECTOR, World, eventually};

/// Writes that are lost, so that versions go far back.
const LOST: usize = 100;

/// All drift is put right and all edits reach their namespaces, though versions went back.
#[tokio::test]
async fn a_restored_etcd_is_noticed_and_followed() {
    let mut world = World::new("landlord").await;
    for tenant in ["solar", "lunar"] {
        world.set_tenant(tenant, json!({"nodeSelector": {"pool": "a"}})).await;
        for number in 0..3 {
            let name = format!("{tenant}-{number}");
            world.create(&name, tenant, json!({})).await;
            world.comes_to(&name, tenant, [], [(NODE_SELECTOR, "pool=a")]).await;
        }
    }
    let snapshot = world.cluster.snapshot_etcd("one").expect("a copy");
    for number in 0..LOST {
        let note = json!({"annotations": {"note": number.to_string()}});
        world.patch(&format!("solar-{}", number % 3), note).await;
    }
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "b"}})).await;
    world.create("late", "solar", json!({})).await;
    world.comes_to("late", "solar", [], [(NODE_SELECTOR, "pool=b")]).await;

    world.cluster.restore_etcd(&snapshot).await.expect("up again");
    assert!(world.namespaces().get_opt("late").await.expect("an answer").is_none());
    // Drift, an edit, and a namespace of the name of one that is not there any more.
    world.patch("lunar-0", json!({"annotations": {NODE_SELECTOR: "pool=stray"}})).await;
    world.patch("solar-0", json!({"annotations": {NODE_SELECTOR: null}})).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "c"}})).await;
    world.create("late", "lunar", json!({})).await;
    for (name, tenant, selector) in [
        ("solar-0", "solar", "pool=a"),
        ("solar-1", "solar", "pool=a"),
        ("solar-2", "solar", "pool=a"),
        ("lunar-0", "lunar", "pool=c"),
        ("lunar-1", "lunar", "pool=c"),
        ("lunar-2", "lunar", "pool=c"),
        ("late", "lunar", "pool=c"),
    ] {
        world.comes_to(name, tenant, [], [(NODE_SELECTOR, selector)]).await;
    }
    // And it goes on so.
    world.patch("lunar-1", json!({"annotations": {NODE_SELECTOR: "pool=stray"}})).await;
    world.comes_to("lunar-1", "lunar", [], [(NODE_SELECTOR, "pool=c")]).await;
    let counts = async |tenant: &str| world.status(tenant).await["namespaces"].clone();
    eventually("the counts", async || {
        let (solar, lunar) = (counts("solar").await, counts("lunar").await);
        solar["compliant"] == 3 && solar["total"] == 3 && lunar["compliant"] == 4
    })
    .await;
    let log = world.log("one");
    assert!(log.contains("etcd was restored"), "{log}");
}
