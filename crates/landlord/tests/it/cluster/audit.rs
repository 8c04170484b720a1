//! `landlord audit` on a real API server and scheduler: strays of each kind.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node, User};
use serde_json::{Value, json};

use super::world::{World, eventually};
use crate::landlord::{Run, root, run};

mod evictions;

/// Two pools, tenant solar, and namespace `web` of it, without a selector so far.
pub(super) async fn world(cluster: local_cluster::Builder) -> World {
    let world = World::on(cluster, "landlord").await;
    world.cluster.add_nodes([Node::new("lunar-1").label("pool", "lunar")]).await.expect("a node");
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world
}

async fn landlord(world: &World, words: &str) -> Run {
    let settings = world.cluster.file("settings.yaml").display().to_string();
    let words = format!(
        "{words} --settings={settings} --kubeconfig={}",
        world.cluster.kubeconfig().display()
    );
    tokio::task::spawn_blocking(move || run(&words)).await.expect("the command")
}

/// The report of an audit with these flags, and its exit code.
pub(super) async fn audit(world: &World, flags: &str) -> (Value, Option<i32>) {
    let run = landlord(world, &format!("audit -o json {flags}")).await;
    (
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err)),
        run.code,
    )
}

/// One of its fields for each Pod.
fn by_pod(report: &Value, pointer: &str) -> BTreeMap<String, String> {
    let field = |pod: &Value| {
        (
            pod["name"].as_str().expect("a name").to_owned(),
            pod.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned(),
        )
    };
    report["pods"].as_array().expect("a list").iter().map(field).collect()
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    super::world::map(pairs)
}

pub(super) fn pods(world: &World) -> Api<Pod> {
    Api::namespaced(world.cluster.client(ADMIN).expect("a client"), "web")
}

/// Creates a Pod and waits until it has a node.
pub(super) async fn place(world: &World, name: &str, mut metadata: Value, mut spec: Value) {
    metadata["name"] = json!(name);
    spec["containers"] = json!([{"name": "none", "image": "registry.k8s.io/pause:3.10"}]);
    let pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("a Pod");
    pods(world).create(&PostParams::default(), &pod).await.expect("created");
    eventually("its node", async || placed(world, name).await).await;
}

async fn placed(world: &World, name: &str) -> bool {
    let spec = pods(world).get(name).await.expect("the Pod").spec;
    spec.and_then(|spec| spec.node_name).is_some()
}

/// An owner that would make the Pod again; nobody looks whether it is there.
fn owned_by(kind: &str) -> Value {
    json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": "owner", "uid": "00000000-0000-0000-0000-000000000000", "controller": true}]})
}

async fn names(world: &World) -> Vec<String> {
    let pods = pods(world).list(&ListParams::default()).await.expect("Pods");
    // Nobody ends the containers here, so a Pod that was evicted only says so.
    pods.items
        .into_iter()
        .filter(|pod| pod.meta().deletion_timestamp.is_none())
        .map(|pod| pod.metadata.name.expect("a name"))
        .collect()
}

#[tokio::test]
async fn every_stray_has_its_reason() {
    let world = world(Cluster::builder()).await;
    assert_eq!(audit(&world, "").await.1, Some(0), "there are no Pods");
    place(&world, "older", owned_by("ReplicaSet"), json!({})).await;
    place(&world, "logs", owned_by("DaemonSet"), json!({})).await;
    place(&world, "asked", json!({}), json!({"nodeName": "lunar-1"})).await;
    place(&world, "own", json!({}), json!({"nodeSelector": {"pool": "lunar"}})).await;
    let (report, code) = audit(&world, "").await;
    let before = map([
        ("older", "BeforeCompliance"),
        ("logs", "DaemonSet"),
        ("asked", "NodeName"),
        ("own", "SelectorChanged"),
    ]);
    assert_eq!((by_pod(&report, "/cause"), code), (before, Some(2)));
    assert_eq!(report["guard"]["state"], "absent");
    assert_eq!(
        report["tenants"],
        json!([{"name": "solar", "namespaces": 1, "pods": 4, "outside": 4}])
    );

    // The times of objects are whole seconds.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    let (report, _) = audit(&world, "").await;
    let why = by_pod(&report, "/why").remove("older").expect("the Pod");
    assert!(why.starts_with("it is older than the selector on its namespace, of 20"), "{why}");

    world
        .cluster
        .add_nodes([
            Node::new("solar-1").label("pool", "solar"),
            Node::new("solar-2").label("pool", "solar"),
        ])
        .await
        .expect("nodes");
    place(&world, "inside", json!({}), json!({})).await;
    place(&world, "relabelled", json!({}), json!({})).await;
    let (report, _) = audit(&world, "").await;
    assert_eq!(
        report["tenants"][0],
        json!({"name": "solar", "namespaces": 1, "pods": 6, "outside": 4})
    );
    relabel_node_of(&world, "relabelled", "moon").await;
    let (report, _) = audit(&world, "").await;
    assert_eq!(by_pod(&report, "/cause").remove("relabelled").as_deref(), Some("NodeRelabelled"));

    world.set_tenant("solar", json!({"nodeSelector": {"pool": "moon"}})).await;
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    let (report, _) = audit(&world, "").await;
    let causes = by_pod(&report, "/cause");
    assert_eq!(causes.get("relabelled"), None, "the tenant followed the node: {causes:?}");
    let other = Node::new("solar-3").label("pool", "solar");
    world.cluster.add_nodes([other]).await.expect("a node");
    nothing_found_is_no_clean_audit(&world).await;
}

/// Moves the node that this Pod is on into another pool.
async fn relabel_node_of(world: &World, pod: &str, pool: &str) {
    let spec = pods(world).get(pod).await.expect("the Pod").spec;
    let node = spec.and_then(|spec| spec.node_name).expect("its node");
    let patch = Patch::Merge(json!({"metadata": {"labels": {"pool": pool}}}));
    let nodes: Api<k8s_openapi::api::core::v1::Node> =
        Api::all(world.cluster.client(ADMIN).expect("a client"));
    nodes.patch(&node, &PatchParams::default(), &patch).await.expect("patched");
}

async fn nothing_found_is_no_clean_audit(world: &World) {
    let run = landlord(world, "audit -l team=nobody").await;
    assert!(
        run.code == Some(1) && run.err.contains("no namespaces found with labels \"team=nobody\""),
        "labels that no namespace has are no clean audit: {}",
        run.err
    );
    let run = landlord(world, "audit --tenant nobody").await;
    assert!(
        run.code == Some(1) && run.err.contains("no tenant \"nobody\""),
        "a tenant that is not there has no clean audit: {}",
        run.err
    );
}

#[tokio::test]
async fn without_the_plugin_the_window_has_no_end() {
    let world = world(Cluster::builder().without_pod_node_selector()).await;
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    place(&world, "stray", json!({}), json!({})).await;
    assert_eq!(by_pod(&audit(&world, "").await.0, "/cause"), map([("stray", "Unguarded")]));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    world.cluster.apply(&guard()).await.expect("a guard");
    let (report, _) = audit(&world, "").await;
    assert_eq!(
        by_pod(&report, "/cause"),
        map([("stray", "Unguarded")]),
        "it came before the guard"
    );
    assert_eq!(report["guard"]["state"], "present");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    place(&world, "later", json!({}), json!({})).await;
    assert_eq!(
        by_pod(&audit(&world, "").await.0, "/cause"),
        map([("later", "Unexplained"), ("stray", "Unguarded")]),
        "this guard lets all in"
    );
}

/// What an audit sees of the guard; it lets everything in.
fn guard() -> String {
    let meta = "metadata: {name: landlord-guard-deny, labels: {landlord.dev/guard: deny}}";
    let rules =
        r#"[{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}]"#;
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n{meta}\nspec: {{matchConstraints: {{resourceRules: {rules}}}, \
         validations: [{{expression: 'true'}}]}}\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\n{meta}\nspec: \
         {{policyName: landlord-guard-deny, validationActions: [Deny]}}\n"
    )
}

/// The role in docs/operations.md, given to a user who has no other.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    let world = world(Cluster::builder().user(User::new("auditor", [""; 0]))).await;
    place(&world, "owned", owned_by("ReplicaSet"), json!({})).await;
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("a node");
    let words = format!(
        "audit -o json --evict --yes --settings={} --kubeconfig={}",
        world.cluster.file("settings.yaml").display(),
        world.cluster.kubeconfig_of("auditor").display()
    );
    let as_auditor = async || {
        let words = words.clone();
        tokio::task::spawn_blocking(move || run(&words)).await.expect("the command")
    };
    let without = as_auditor().await;
    assert!(without.code == Some(1) && without.err.contains("cannot be listed"), "{}", without.err);
    let docs =
        std::fs::read_to_string(root().join("docs/operations.md")).expect("the documentation");
    let role = docs
        .split("```yaml\n")
        .filter_map(|block| block.split("```").next())
        .find(|block| block.contains("landlord:audit"));
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: auditor}\nroleRef: {apiGroup: \
                   rbac.authorization.k8s.io, kind: ClusterRole, name: 'landlord:audit'}\nsubjects: [{kind: User, name: auditor}]\n";
    world
        .cluster
        .apply(&format!("{}---\n{binding}", role.expect("the role")))
        .await
        .expect("rights");
    let with = as_auditor().await;
    assert_eq!(with.code, Some(0), "{}", with.err);
    let report: Value = serde_json::from_str(&with.out).expect("JSON");
    assert_eq!(by_pod(&report, "/eviction/outcome"), map([("owned", "evicted")]));
    assert_eq!(report["guard"]["state"], "absent", "its policies may be listed");
}
