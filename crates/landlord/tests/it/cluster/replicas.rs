//! Two replicas, of which one writes.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use local_cluster::user::ADMIN;
use nix::sys::signal::Signal;
use serde_json::json;

use super::world::{NODE_SELECTOR, World, eventually};

async fn lease(world: &World) -> Option<LeaseSpec> {
    let api: Api<Lease> =
        Api::namespaced(world.cluster.client(ADMIN).expect("a client"), "landlord");
    api.get_opt("landlord-controller").await.expect("an answer")?.spec
}

async fn holder(world: &World) -> Option<String> {
    lease(world).await?.holder_identity
}

async fn works(world: &World, name: &str) {
    world.create(name, "solar", json!({})).await;
    world.comes_to(name, "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
}

#[tokio::test]
async fn another_replica_takes_over() {
    let mut world = World::new("landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    works(&world, "first").await;
    let two = world.add_controller("two").await;
    assert_eq!(holder(&world).await.as_deref(), Some("one"));

    // In order: the lease is given up, so nobody has to wait for its end.
    world.end_controller(0, Signal::SIGTERM).await;
    let status = world.controller(0).ended().expect("an answer").expect("an end");
    assert!(status.success(), "{status}");
    eventually("the second's lease", async || holder(&world).await.as_deref() == Some("two")).await;
    works(&world, "second").await;

    // By a crash: the lease has to run out.
    let three = world.add_controller("three").await;
    world.end_controller(two, Signal::SIGKILL).await;
    let last = lease(&world).await.expect("the lease of the dead");
    works(&world, "third").await;
    let next = lease(&world).await.expect("the lease");
    assert_eq!(next.holder_identity.as_deref(), Some("three"));
    let ran_out = last.renew_time.expect("a time").0
        + Duration::from_secs(
            u64::try_from(last.lease_duration_seconds.expect("a duration")).expect("a duration"),
        );
    assert!(
        next.acquire_time.expect("a time").0 >= ran_out,
        "nobody takes a lease that may still hold"
    );

    // Frozen, and thawed when another leads already: it must not write.
    world.add_controller("four").await;
    world.controller(three).signal(Signal::SIGSTOP).expect("a signal");
    works(&world, "fourth").await;
    assert_eq!(holder(&world).await.as_deref(), Some("four"));
    world.controller(three).signal(Signal::SIGCONT).expect("a signal");
    eventually("its retreat", async || world.log("three").contains("another replica leads")).await;
    works(&world, "fifth").await;
    assert!(!world.log("three").contains("namespace=\"fifth\""), "{}", world.log("three"));
}

/// A leader that is frozen with writes under way, and thawed when another has written all of it
/// otherwise: resourceVersion is the fence.
#[tokio::test]
async fn what_a_thawed_leader_had_in_mind_is_not_written() {
    const NAMESPACES: usize = 1000;
    let mut world = World::without_controller("landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "a"}})).await;
    world.create_many("old", "solar", NAMESPACES).await;
    let namespaces = world.namespaces();
    let in_pool = async |pool: &str| {
        let list = namespaces.list(&ListParams::default()).await.expect("namespaces");
        list.iter()
            .filter(|one| one.annotations().get(NODE_SELECTOR) == Some(&format!("pool={pool}")))
            .count()
    };
    let one = world.add_controller("one").await;
    eventually("the middle", async || world.written().await > 50).await;
    world.signal(one, Signal::SIGSTOP);
    let left = NAMESPACES - in_pool("a").await;
    world.add_controller("two").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "b"}})).await;
    eventually("the other's work", async || in_pool("b").await == NAMESPACES).await;
    world.controller(one).signal(Signal::SIGCONT).expect("a signal");
    eventually("its retreat", async || world.log("one").contains("another replica leads")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(left > 0, "it was frozen in the middle");
    assert_eq!(in_pool("b").await, NAMESPACES, "{}", world.log("one"));
}
