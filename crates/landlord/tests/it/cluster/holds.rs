//! Pods behind landlord's scheduling gate, and where the real scheduler puts them once they are
//! released. The gate is put on by the tests, as the guard would; `PodNodeSelector` is off, so that
//! what a Pod carries afterwards is landlord's doing.

use kube::api::{Patch, PatchParams, PostParams};
use local_cluster::{Cluster, Node};
use serde_json::{Value, json};

use super::world::{GATE, NODE_SELECTOR, World, eventually};

mod disturbances;
mod pods;

/// Patches of Pods that the controller has under way at a time.
const UNDER_WAY: usize = 16;

/// Without a controller; pools solar (tainted) and lunar.
async fn world() -> World {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    let tainted = Node::new("solar-1").label("pool", "solar").taint("pool", "solar", "NoSchedule");
    world
        .cluster
        .add_nodes([tainted, Node::new("lunar-1").label("pool", "lunar")])
        .await
        .expect("nodes");
    world.flags = vec!["--release-pods"];
    world
}

fn solar() -> Value {
    json!({"nodeSelector": {"pool": "solar"}, "tolerations": [{"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"}]})
}

#[tokio::test]
async fn a_held_pod_gets_what_its_namespace_gives_and_is_placed_in_the_pool() {
    let mut world = world().await;
    world.add_controller("one").await;
    // The tenant is not there yet, so the namespace cannot be as it should be.
    world.create("web", "solar", json!({})).await;
    world.hold("web", "plain").await;
    let own = json!({"nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]});
    world.create_pod("web", "own", &[GATE], own).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 2").await;
    assert_eq!(world.gates("web", "plain").await, [GATE]);

    world.set_tenant("solar", solar()).await;
    world.comes_to_node("web", "plain", "solar-1").await;
    world.comes_to_node("web", "own", "solar-1").await;
    let spec = world.pods("web").get("own").await.expect("the Pod").spec.expect("a spec");
    assert_eq!(json!(spec.node_selector), json!({"kubernetes.io/os": "linux", "pool": "solar"}));
    let keys: Vec<_> = spec
        .tolerations
        .into_iter()
        .flatten()
        .filter_map(|one| one.key)
        .filter(|key| !key.contains('/'))
        .collect();
    assert_eq!(keys, ["gpu", "pool"]);
    assert_eq!(spec.scheduling_gates, None);

    // Held by an API server that did not know yet: the namespace has long been as it should be.
    world.hold("web", "late").await;
    world.comes_to_node("web", "late", "solar-1").await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 3").await;
    world.comes_to_count("landlord_pod_hold_seconds_count 3").await;
    eventually("no held Pod", async || {
        world.condition("solar", "PodsReleased").await["status"] == "True"
    })
    .await;
}

#[tokio::test]
async fn other_gates_stay() {
    let mut world = world().await;
    world.add_controller("one").await;
    world.set_tenant("solar", solar()).await;
    world.create("web", "solar", json!({})).await;
    world.create_pod("web", "twice", &["example.com/quota", GATE], json!({})).await;
    eventually("the release", async || world.gates("web", "twice").await == ["example.com/quota"])
        .await;
    let spec = world.pods("web").get("twice").await.expect("the Pod").spec.expect("a spec");
    assert_eq!((json!(spec.node_selector), spec.node_name), (json!({"pool": "solar"}), None));
    let patch: Patch<Value> = Patch::Merge(json!({"spec": {"schedulingGates": null}}));
    world.pods("web").patch("twice", &PatchParams::default(), &patch).await.expect("patched");
    world.comes_to_node("web", "twice", "solar-1").await;
}

#[tokio::test]
async fn three_hundred_pods_are_released_by_the_leader() {
    let mut world = world().await;
    world.add_controller("one").await;
    eventually("a leader", async || world.log("one").contains("leading")).await;
    world.add_controller("two").await;
    world.create_held(30, 10).await;
    world.set_tenant("solar", solar()).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.all_come_to_their_pools(300).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 0").await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 300").await;
    assert!(
        !world.page("two", "/metrics").await.contains("landlord_pods_released_total{"),
        "the other only watches"
    );
}

/// Their names are in the opposite order, and that is the order of a list.
#[tokio::test]
async fn the_oldest_pods_are_released_first() {
    let mut world = world().await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.create("web", "lunar", json!({})).await;
    for age in (0..4).rev() {
        for number in 0..40 {
            world.hold("web", &format!("p{age}-{number:02}")).await;
        }
        // Kubernetes counts the age in seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    world.add_controller("one").await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 160").await;
    let log = world.log("one");
    let ages: Vec<char> =
        log.lines().filter_map(|line| line.split("pod=p").nth(1)?.chars().next()).collect();
    assert_eq!(ages.len(), 160);
    for (index, age) in ages.iter().enumerate() {
        let before = ages[..index].iter().filter(|other| *other < age).count();
        assert!(before <= 2 * UNDER_WAY, "{before} younger Pods before number {index}: {ages:?}");
    }
}

#[tokio::test]
async fn a_pod_that_clashes_stays_held_until_the_tenant_says_otherwise() {
    let mut world = world().await;
    world.add_controller("one").await;
    world.create("web", "solar", json!({})).await;
    world.create_pod("web", "odd", &[GATE], json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "venus"}})).await;
    let told = async |of: &str| {
        let events = world.pod_events("web", "odd").await;
        events
            .iter()
            .filter(|(reason, note)| {
                reason == "SelectorClash" && note.contains("pool=lunar") && note.contains(of)
            })
            .count()
    };
    eventually("an Event", async || told("pool=venus").await == 1).await;
    let released = async || world.condition("solar", "PodsReleased").await;
    eventually("a condition", async || released().await["reason"] == "SelectorClash").await;
    let message = released().await["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("web/odd") && message.contains("create the Pod anew"), "{message}");
    world.comes_to_count("landlord_held_pods{state=\"clashing\"} 1").await;

    world.set_tenant("solar", solar()).await;
    eventually("another Event", async || told("pool=solar").await == 1).await;
    assert_eq!(
        (world.gates("web", "odd").await, told("pool=venus").await),
        (vec![GATE.to_owned()], 1),
        "told once for each clash"
    );

    world.set_tenant("solar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.comes_to_node("web", "odd", "lunar-1").await;
    eventually("a condition", async || released().await["reason"] == "NoneHeld").await;
}

#[tokio::test]
async fn a_namespace_that_is_not_as_it_should_be_keeps_its_pods() {
    let mut world = world().await;
    world.add_controller("one").await;
    let mut spec = solar();
    spec["conflicts"] = json!("reject");
    world.set_tenant("solar", spec).await;
    let refused = json!({"metadata": {"name": "web", "labels": {"landlord.dev/tenant": "solar"}, "annotations": {NODE_SELECTOR: "pool=lunar"}}});
    world
        .namespaces()
        .create(&PostParams::default(), &serde_json::from_value(refused).expect("a namespace"))
        .await
        .expect("created");
    world.hold("web", "kept").await;
    eventually("a pending ledger", async || world.ledger("web").await.starts_with("{\"pending\""))
        .await;
    // Anyone who comes later and may go is released before.
    world.create("other", "solar", json!({})).await;
    world.hold("other", "free").await;
    world.comes_to_node("other", "free", "solar-1").await;
    assert_eq!(world.gates("web", "kept").await, [GATE]);
    eventually("a condition", async || {
        world.condition("solar", "PodsReleased").await["reason"] == "Held"
    })
    .await;

    world.patch("web", json!({"annotations": {NODE_SELECTOR: null}})).await;
    world.comes_to_node("web", "kept", "solar-1").await;
}

/// Capsule's tenants know no tolerations, and their status is not landlord's.
#[tokio::test]
async fn pods_of_a_capsule_tenant_are_released() {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "capsule").await;
    world
        .cluster
        .add_nodes([Node::new("solar-1").label("pool", "solar"), Node::new("lunar-1")])
        .await
        .expect("nodes");
    world.flags = vec!["--release-pods"];
    world.add_controller("one").await;
    world.create("web", "oil", json!({})).await;
    world.hold("web", "first").await;
    world.create_pod("web", "odd", &[GATE], json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.set_tenant("oil", json!({"nodeSelector": {"pool": "solar"}, "owners": []})).await;
    world.comes_to_node("web", "first", "solar-1").await;
    eventually("an Event", async || {
        world.pod_events("web", "odd").await.iter().any(|(reason, _)| reason == "SelectorClash")
    })
    .await;
}
