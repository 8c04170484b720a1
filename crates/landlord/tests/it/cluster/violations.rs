//! `controller --audit` on a real API server and scheduler: Pods outside their pool, counted once.

use k8s_openapi::api::core::v1::{ConfigMap, Event, Node as KubeNode};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node};
use nix::sys::signal::Signal;
use serde_json::json;

use super::audit::{audit, place, pods, world};
use super::world::{NODE_SELECTOR, World, comes_true, eventually};

/// Placements inside and outside, violations, and those that ended.
const TOTALS: [&str; 4] = [
    "landlord_placements_total{tenant=\"solar\",inside=\"true\"}",
    "landlord_placements_total{tenant=\"solar\",inside=\"false\"}",
    "landlord_violations_total{tenant=\"solar\"}",
    "landlord_violations_ended_total{tenant=\"solar\"}",
];

async fn totals(world: &World, controller: &str) -> [Option<u64>; 4] {
    let page = world.page(controller, "/metrics").await;
    TOTALS.map(|name| page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()))
}

async fn count_to(world: &World, controller: &str, expected: [u64; 4]) {
    let expected = expected.map(Some);
    let is_counted = comes_true(async || totals(world, controller).await == expected).await;
    assert!(is_counted, "{:?}, not {expected:?}", totals(world, controller).await);
}

/// Waits until as many Pods are outside, each for its cause, and no other.
async fn outside(world: &World, controller: &str, expected: &[&str]) {
    let causes = async || {
        let page = world.page(controller, "/metrics").await;
        let lines = page.lines().filter_map(|line| {
            line.strip_prefix("landlord_pods_outside{tenant=\"solar\",cause=\"")
        });
        let mut causes: Vec<String> = lines.map(|line| line.replace("\"}", "")).collect();
        causes.sort();
        causes
    };
    let is_so = comes_true(async || causes().await == expected).await;
    assert!(is_so, "{:?}, not {expected:?}", causes().await);
}

async fn label(world: &World, node: &str, pool: &str) {
    let nodes: Api<KubeNode> = Api::all(world.cluster.client(ADMIN).expect("a client"));
    let patch = Patch::Merge(json!({"metadata": {"labels": {"pool": pool}}}));
    nodes.patch(node, &PatchParams::default(), &patch).await.expect("patched");
}

/// Whether a leader has begun to count.
async fn is_recorded(world: &World) -> bool {
    let client = world.cluster.client(ADMIN).expect("a client");
    let maps: Api<ConfigMap> = Api::namespaced(client, "landlord");
    maps.get_opt("landlord-violations").await.expect("an answer").is_some()
}

/// How many Events say that the Pod is outside.
async fn reports(world: &World, pod: &str) -> usize {
    let client = world.cluster.client(ADMIN).expect("a client");
    let events: Api<Event> = Api::namespaced(client, "web");
    let all = events.list(&ListParams::default()).await.expect("Events");
    let is_report = |event: &&Event| {
        event.reason.as_deref() == Some("PodOutside")
            && event.involved_object.name.as_deref() == Some(pod)
    };
    all.items.iter().filter(is_report).count()
}

#[tokio::test]
async fn a_pod_outside_is_counted_once_whoever_leads() {
    let mut world = world(Cluster::builder()).await;
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("a node");
    world.flags.push("--audit");
    let one = world.add_controller("one").await;
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    // Counting has begun.
    eventually("its record", async || is_recorded(&world).await).await;
    place(&world, "bound", json!({}), json!({})).await;
    place(&world, "named", json!({}), json!({"nodeName": "lunar-1"})).await;
    outside(&world, "one", &["NodeName 1"]).await;
    count_to(&world, "one", [1, 1, 1, 0]).await;

    label(&world, "solar-1", "moon").await;
    outside(&world, "one", &["NodeName 1", "NodeRelabelled 1"]).await;
    count_to(&world, "one", [1, 1, 2, 0]).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "moon"}})).await;
    outside(&world, "one", &["NodeName 1"]).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "dusk"}})).await;
    outside(&world, "one", &["NodeName 1", "SelectorChanged 1"]).await;
    let counted = [1, 1, 3, 1];
    count_to(&world, "one", counted).await;
    let (report, _) = audit(&world, "").await;
    assert_eq!(report["tenants"][0]["outside"], 2, "the command counts the same: {report}");

    world.add_controller("two").await;
    outside(&world, "two", &["NodeName 1", "SelectorChanged 1"]).await;
    world.end_controller(one, Signal::SIGTERM).await;
    pods(&world).delete("named", &DeleteParams::default().grace_period(0)).await.expect("deleted");
    outside(&world, "two", &["SelectorChanged 1"]).await;
    count_to(&world, "two", [1, 1, 3, 2]).await;
    assert_eq!((reports(&world, "named").await, reports(&world, "bound").await), (1, 2));
}
