//! The scenarios with the controller alone.

use serde_json::json;
use test_support::scenarios;

use super::world::World;

/// A controller that follows all who may update namespaces: neither webhook nor guard records who
/// relabels one.
async fn trusting(source: &'static str) -> World {
    let mut world = World::without_controller(source).await;
    world.set_settings(&json!({"tenantSource": source, "claims": "trusted"}));
    world.add_controller("one").await;
    world
}

#[tokio::test]
async fn what_a_tenant_says_reaches_its_namespaces() {
    let world = trusting("capsule").await;
    scenarios::what_a_tenant_says_reaches_its_namespaces(&world).await;
}

#[tokio::test]
async fn scenario_11_every_namespace_follows_its_selector() {
    for source in ["capsule", "landlord"] {
        let world = trusting(source).await;
        scenarios::scenario_11_every_namespace_follows_its_selector(&world).await;
    }
}

#[tokio::test]
async fn scenario_15_what_came_while_all_were_down_is_found() {
    for source in ["capsule", "landlord"] {
        let mut world = trusting(source).await;
        scenarios::scenario_15_what_came_while_all_were_down_is_found(&mut world).await;
    }
}
