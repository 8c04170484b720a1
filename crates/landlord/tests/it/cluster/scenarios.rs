//! The scenarios with the controller alone.

use test_support::scenarios;

use super::world::World;

#[tokio::test]
async fn what_a_tenant_says_reaches_its_namespaces() {
    let world = World::new("capsule").await;
    scenarios::what_a_tenant_says_reaches_its_namespaces(&world).await;
}

#[tokio::test]
async fn scenario_11_every_namespace_follows_its_selector() {
    for source in ["capsule", "landlord"] {
        let world = World::new(source).await;
        scenarios::scenario_11_every_namespace_follows_its_selector(&world).await;
    }
}

#[tokio::test]
async fn scenario_15_what_came_while_all_were_down_is_found() {
    for source in ["capsule", "landlord"] {
        let mut world = World::new(source).await;
        scenarios::scenario_15_what_came_while_all_were_down_is_found(&mut world).await;
    }
}
