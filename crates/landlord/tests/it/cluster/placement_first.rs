//! What decides where Pods run goes first, also where it is found as the controller starts.

use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;

use super::world::{NODE_SELECTOR, World};

const BACKLOG: usize = 600;
/// Writes that may be under way at a time.
const UNDER_WAY: usize = 64;

/// The API server's versions say in which order it took the writes.
#[tokio::test]
async fn a_missing_selector_is_written_before_the_backlog_that_is_found_with_it() {
    let mut world = World::without_controller("landlord").await;
    world.set_tenant("labels", json!({"labels": {"a": "b"}})).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create_many("a-backlog", "labels", BACKLOG).await;
    world.create("z-web", "solar", json!({})).await;
    world.add_controller("one").await;
    world.comes_to("z-web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    local_cluster::eventually("the backlog", async || world.written().await == BACKLOG + 1).await;

    let all = world.namespaces().list(&ListParams::default()).await.expect("namespaces");
    let version = |name: &str| {
        let found = all.iter().find(|one| one.name_any() == name).expect("the namespace");
        found.resource_version().and_then(|version| version.parse::<u64>().ok()).expect("a number")
    };
    let placed = version("z-web");
    let earlier = all
        .iter()
        .map(ResourceExt::name_any)
        .filter(|name| name.starts_with("a-backlog") && version(name) < placed)
        .count();
    assert!(earlier <= UNDER_WAY, "{earlier} of {BACKLOG} were written before it");
}
