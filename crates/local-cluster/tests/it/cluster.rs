//! A cluster does what Kubernetes does, with kube-controller-manager and without.

use std::process::Command;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::{Client, ResourceExt};
use local_cluster::user::{ADMIN, CONTROLLER};
use local_cluster::{Cluster, Node, StartError, User, eventually};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

async fn create_namespace(client: &Client, name: &str) -> Result<Namespace, kube::Error> {
    Api::all(client.clone())
        .create(&PostParams::default(), &object::<Namespace>(json!({"metadata": {"name": name}})))
        .await
}

fn pod_on(template: &str) -> Value {
    json!({"metadata": {"name": template}, "spec": {"containers": [{"name": "a", "image": "a"}], "nodeSelector": {"pool": "a"}}})
}

#[tokio::test]
async fn the_scheduler_places_pods_and_namespaces_go_by_hand() {
    let cluster =
        Cluster::builder().user(User::member("anna", ["team"])).start().await.expect("a cluster");
    let client = cluster.admin().expect("a client");
    let nodes = [Node::new("a-1").label("pool", "a").pods(1), Node::new("b-1").label("pool", "b")];
    cluster.add_nodes(nodes).await.expect("nodes");
    create_namespace(&client, "web").await.expect("created");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "web");
    pods.create(&PostParams::default(), &object(pod_on("fits"))).await.expect("a Pod");
    let node =
        async || pods.get("fits").await.expect("the Pod").spec.and_then(|spec| spec.node_name);
    eventually("the Pod's placement", async || node().await.is_some()).await;
    assert_eq!(node().await.as_deref(), Some("a-1"));

    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete("web", &DeleteParams::default()).await.expect("deleted");
    let phase =
        namespaces.get("web").await.expect("still there").status.and_then(|status| status.phase);
    assert_eq!(phase.as_deref(), Some("Terminating"));
    assert_eq!(cluster.finalize_namespaces().await.expect("finalized"), 1);
    assert!(namespaces.get_opt("web").await.expect("an answer").is_none());

    let words = create_namespace(&cluster.client("anna").expect("a client"), "x")
        .await
        .expect_err("no rights yet")
        .to_string();
    assert!(words.contains(r#"User "anna" cannot create resource "namespaces""#), "{words}");
    assert!(
        matches!(cluster.client("berta"), Err(StartError::UnknownUser(name)) if name == "berta")
    );
    kubectl_sees_the_same(&cluster);
}

fn kubectl_sees_the_same(cluster: &Cluster) {
    let kubectl = |context: &str, arguments: &[&str]| {
        let mut command = Command::new(cluster.binaries().path("kubectl"));
        command
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .args(["--context", context])
            .args(arguments);
        let output = command.output().expect("kubectl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    assert!(kubectl(ADMIN, &["version"]).contains("Server Version: v1.37.2"));
    assert!(kubectl(CONTROLLER, &["auth", "whoami"]).contains("system:serviceaccounts:landlord"));
}

#[tokio::test]
async fn with_the_controller_manager_deployments_work_and_namespaces_go_by_themselves() {
    let cluster = Cluster::builder().controller_manager().start().await.expect("a cluster");
    let client = cluster.admin().expect("a client");
    cluster.add_nodes([Node::new("a-1").label("pool", "a")]).await.expect("nodes");
    create_namespace(&client, "web").await.expect("created");
    let deployment = json!({"metadata": {"name": "d"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}}});
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "web");
    deployments.create(&PostParams::default(), &object(deployment)).await.expect("a Deployment");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "web");
    let placed = async || {
        let list = pods.list(&ListParams::default()).await.expect("Pods");
        list.iter()
            .filter(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()))
            .count()
            == 2
    };
    eventually("the Deployment's placement", placed).await;

    let namespaces: Api<Namespace> = Api::all(client);
    create_namespace(&namespaces.clone().into_client(), "empty").await.expect("created");
    namespaces.delete("empty", &DeleteParams::default()).await.expect("deleted");
    eventually("the namespace's end", async || {
        namespaces.get_opt("empty").await.expect("an answer").is_none()
    })
    .await;
}

#[tokio::test]
async fn what_was_written_survives_a_crash_of_the_api_server() {
    let mut cluster = Cluster::builder().start().await.expect("a cluster");
    let client = cluster.admin().expect("a client");
    create_namespace(&client, "kept").await.expect("created");
    cluster.restart_api_server().await.expect("up again");
    let found = Api::<Namespace>::all(cluster.admin().expect("a client"))
        .get("kept")
        .await
        .expect("still there");
    assert_eq!(found.name_any(), "kept");
}

/// What was written after the snapshot is gone, versions go back, and nothing is left of the folder
/// in the end, though etcd was started twice.
#[tokio::test]
async fn etcd_is_put_back_to_a_snapshot() {
    let mut cluster = Cluster::builder().start().await.expect("a cluster");
    let kept =
        create_namespace(&cluster.admin().expect("a client"), "kept").await.expect("created");
    let snapshot = cluster.snapshot_etcd("one").expect("a copy");
    create_namespace(&cluster.admin().expect("a client"), "later").await.expect("created");
    cluster.restore_etcd(&snapshot).await.expect("up again");
    let namespaces: Api<Namespace> = Api::all(cluster.admin().expect("a client"));
    let found = namespaces.get("kept").await.expect("still there");
    assert_eq!(found.metadata.resource_version, kept.metadata.resource_version);
    assert_eq!(namespaces.get_opt("later").await.expect("an answer"), None);
    let folder = cluster.file("");
    drop(cluster);
    eventually("no folder", async || !folder.exists()).await;
}

#[tokio::test]
async fn a_cluster_that_cannot_start_says_why_and_keeps_its_log() {
    let error = Cluster::builder()
        .api_server_argument("--no-such-flag")
        .start()
        .await
        .err()
        .expect("no cluster");
    let words = error.to_string();
    assert!(
        words.contains("kube-apiserver ended at once") && words.contains("no-such-flag"),
        "{words}"
    );
}
