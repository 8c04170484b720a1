//! `landlord audit --evict`: what moves, what stays, and what a disruption budget says to it.

use kube::api::{ListParams, Patch, PatchParams};
use local_cluster::{Cluster, Node};
use serde_json::json;

use super::{audit, by_pod, landlord, map, names, owned_by, place, pods, world};
use crate::cluster::eventually;
use crate::cluster::world::World;

const BUDGET: &str = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: all, namespace: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: kept}}}}";

#[tokio::test]
async fn evictions_move_what_they_may_and_no_more() {
    let world = world(Cluster::builder()).await;
    let kept = || json!({"ownerReferences": owned_by("ReplicaSet")["ownerReferences"], "labels": {"app": "kept"}});
    place(&world, "owned", owned_by("ReplicaSet"), json!({})).await;
    place(&world, "bare", json!({}), json!({})).await;
    place(&world, "logs", owned_by("DaemonSet"), json!({})).await;
    place(&world, "asked", owned_by("ReplicaSet"), json!({"nodeName": "lunar-1"})).await;
    place(&world, "kept", kept(), json!({})).await;
    // A budget does not count Pods that never ran.
    make_ready(&world).await;
    world.cluster.apply(BUDGET).await.expect("a budget");

    let run = landlord(&world, "audit --evict --dry-run=client").await;
    assert!(
        run.code == Some(2) && run.out.contains("run `landlord backfill` first"),
        "{}{}",
        run.out,
        run.err
    );
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    let run = landlord(&world, "audit --evict --dry-run=client").await;
    assert!(run.out.contains("label a node first"), "{}", run.out);
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("a node");

    let run = landlord(&world, "audit --evict").await;
    assert!(
        run.code == Some(1)
            && run.err.contains("2 Pods are to be evicted")
            && run.err.contains("--yes"),
        "{}",
        run.err
    );
    dry_runs_plan_it(&world).await;
    what_may_go_goes(&world).await;
}

/// The API server knows of budgets, the client does not.
async fn dry_runs_plan_it(world: &World) {
    let dry = audit(world, "--evict --dry-run=client").await;
    let planned = map([
        ("asked", "left alone"),
        ("bare", "left alone"),
        ("kept", "would be evicted"),
        ("logs", "left alone"),
        ("owned", "would be evicted"),
    ]);
    assert_eq!((by_pod(&dry.0, "/eviction/outcome"), dry.1), (planned, Some(2)));
    let judged = map([
        ("asked", "left alone"),
        ("bare", "left alone"),
        ("kept", "blocked"),
        ("logs", "left alone"),
        ("owned", "would be evicted"),
    ]);
    let dry = audit(world, "--evict --dry-run=server --patience 0").await;
    assert_eq!((by_pod(&dry.0, "/eviction/outcome"), dry.1), (judged, Some(2)));
    assert_eq!(
        names(world).await,
        ["asked", "bare", "kept", "logs", "owned"],
        "nobody left so far"
    );
}

async fn what_may_go_goes(world: &World) {
    let (report, code) =
        audit(world, "--evict --yes --patience 3 --evictions-per-second 100").await;
    let fates = map([
        ("asked", "left alone"),
        ("bare", "left alone"),
        ("kept", "blocked"),
        ("logs", "left alone"),
        ("owned", "evicted"),
    ]);
    assert_eq!((by_pod(&report, "/eviction/outcome"), code), (fates, Some(2)));
    let message = by_pod(&report, "/eviction/message").remove("kept").expect("the Pod");
    assert!(message.contains("disruption budget"), "{message}");
    assert_eq!(names(world).await, ["asked", "bare", "kept", "logs"]);

    let (report, _) = audit(world, "--evict --yes --patience 0 --bare-pods").await;
    let fates = map([
        ("asked", "left alone"),
        ("bare", "evicted"),
        ("kept", "blocked"),
        ("logs", "evicted"),
        ("owned", "left alone"),
    ]);
    assert_eq!(by_pod(&report, "/eviction/outcome"), fates);
    assert_eq!(names(world).await, ["asked", "kept"]);
}

/// Two Pods that ask for another pool: one by its namespace's old selector, the other by its
/// owner's template.
#[tokio::test]
async fn a_pod_whose_template_asks_for_other_nodes_stays() {
    let world = world(Cluster::builder()).await;
    let selector = json!({"pool": "lunar"});
    for (name, template) in [("old", json!({})), ("wanted", selector.clone())] {
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name, "namespace": "web"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}}, "spec": {"nodeSelector": template, "containers": [{"name": "none", "image": "none"}]}}}});
        world.cluster.apply(&set.to_string()).await.expect("a ReplicaSet");
        let mut metadata = owned_by("ReplicaSet");
        metadata["ownerReferences"][0]["name"] = json!(name);
        place(&world, name, metadata, json!({"nodeSelector": selector})).await;
    }
    place(&world, "orphan", owned_by("ReplicaSet"), json!({"nodeSelector": selector})).await;
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("a node");
    let (report, _) = audit(&world, "--evict --yes").await;
    let fates = map([("old", "evicted"), ("wanted", "left alone"), ("orphan", "left alone")]);
    assert_eq!(by_pod(&report, "/eviction/outcome"), fates);
    let messages = by_pod(&report, "/eviction/message");
    assert!(
        messages["wanted"].contains("fix the template's nodeSelector")
            && messages["orphan"].contains("cannot be read"),
        "{messages:?}"
    );
}

/// The budget lets one go at a time; the replacements land inside.
#[tokio::test]
async fn a_deployment_moves_as_its_budget_allows() {
    let world = world(Cluster::builder().controller_manager()).await;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "kept", "namespace": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "kept"}}, "template": {
            "metadata": {"labels": {"app": "kept"}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "none", "image": "registry.k8s.io/pause:3.10"}]}}},
    });
    world.cluster.apply(&deployment.to_string()).await.expect("a Deployment");
    eventually("two strays", async || audit(&world, "").await.0["tenants"][0]["outside"] == 2)
        .await;
    world.cluster.apply(BUDGET).await.expect("a budget");
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("a node");
    let kubelet = async {
        loop {
            make_ready(&world).await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let (report, code) = tokio::select! {
        found = audit(&world, "--evict --yes --patience 120 --evictions-per-second 10") => found,
        () = kubelet => panic!("it does not end"),
    };
    let mut fates: Vec<String> = by_pod(&report, "/eviction/outcome").into_values().collect();
    fates.sort();
    assert_eq!(
        (fates, code),
        (vec!["evicted".to_owned(), "evicted".to_owned()], Some(0)),
        "{report}"
    );
    eventually("two inside", async || {
        let (report, _) = audit(&world, "").await;
        report["tenants"][0]["pods"] == 2 && report["tenants"][0]["outside"] == 0
    })
    .await;
}

/// There is no kubelet: Pods are as ready as a user says.
async fn make_ready(world: &World) {
    let all = pods(world).list(&ListParams::default()).await.expect("Pods");
    let status = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    for pod in all {
        let name = pod.metadata.name.expect("a name");
        // One that just left needs nothing any more.
        drop(
            pods(world)
                .patch_status(&name, &PatchParams::default(), &Patch::Strategic(&status))
                .await,
        );
    }
}
