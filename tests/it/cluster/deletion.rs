//! Deleting a namespace never depends on the policy, be it up or down; everything else fails closed
//! while it is down.

use local_cluster::user::ADMIN;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::tenants::Source;
use super::world::{NODE_SELECTOR, OWNER, World, annotations, builder, map, shipped};

fn metadata(name: &str) -> Value {
    json!({"name": name, "labels": {Source::Landlord.label(): "brief"}})
}

async fn world() -> World {
    let world = World::start(builder(), shipped("landlord")).await;
    world
        .apply(Source::Landlord.tenant("brief").selecting("pool", "solar").manifest())
        .await
        .expect("a tenant");
    world
}

async fn delete(world: &World, name: &str) {
    world.delete(OWNER, name).await.expect("deleted");
    world.cluster.finalize_namespace(name).await.expect("finalized");
    assert!(
        world.namespaces(ADMIN).get_opt(name).await.expect("an answer").is_none(),
        "{name} is gone"
    );
}

#[tokio::test]
async fn a_dead_policy_fails_closed_and_blocks_no_deletion() {
    let world = world().await;
    for name in ["up", "down", "orphan"] {
        world.create(OWNER, metadata(name)).await.expect("created");
    }
    delete(&world, "up").await;
    world.remove(Source::Landlord.tenant("brief").manifest()).await;
    delete(&world, "orphan").await;
    world
        .apply(Source::Landlord.tenant("brief").selecting("pool", "solar").manifest())
        .await
        .expect("a tenant");

    world.kubewarden.kill_policy_server();
    let refused = world.create(OWNER, metadata("late")).await.expect_err("failurePolicy: Fail");
    assert!(refused.message.contains("kw.cap.landlord"), "{}", refused.message);
    let edit = json!({"metadata": {"annotations": {NODE_SELECTOR: "pool=lunar"}}});
    world.patch(OWNER, "down", edit).await.expect_err("failurePolicy: Fail");
    world
        .patch(OWNER, "down", json!({"spec": {"finalizers": ["kubernetes"]}}))
        .await
        .expect("nothing of ours changes");
    delete(&world, "down").await;

    world.kubewarden.revive_policy_server().await.expect("revived");
    let made = world.create(OWNER, metadata("late")).await.expect("created");
    assert_eq!(annotations(&made), map([(NODE_SELECTOR, "pool=solar")]));
}

/// A policy server that hangs is as good as dead: the API server gives up after the policy's
/// timeout.
#[tokio::test]
async fn a_frozen_policy_fails_closed() {
    let mut policy = shipped("landlord");
    policy["spec"]["timeoutSeconds"] = json!(2);
    let world = World::start(builder(), policy).await;
    world
        .apply(Source::Landlord.tenant("brief").selecting("pool", "solar").manifest())
        .await
        .expect("a tenant");
    world.kubewarden.signal_policy_server(Signal::SIGSTOP).expect("frozen");
    let refused = world.create(OWNER, metadata("frozen")).await.expect_err("failurePolicy: Fail");
    assert!(
        refused.message.contains("deadline exceeded") || refused.message.contains("Timeout"),
        "{}",
        refused.message
    );
    world.kubewarden.signal_policy_server(Signal::SIGCONT).expect("thawed");
    world.create(OWNER, metadata("frozen")).await.expect("created");
}
