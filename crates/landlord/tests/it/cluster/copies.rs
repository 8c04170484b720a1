//! An audit of many Pods in many namespaces, and of a copy of the cluster: both say the same.

use std::process::Command;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node};
use serde_json::{Value, json};

use super::world::World;
use crate::landlord::{Run, run, run_on};

/// More namespaces than are listed one by one, and more Pods than a page holds.
const NAMESPACES: usize = 24;
const PODS: usize = 650;

async fn pods(world: &World) {
    let client = world.cluster.client(ADMIN).expect("a client");
    let create = async |number: usize| {
        let node = if number.is_multiple_of(5) { "solar-1" } else { "lunar-1" };
        let spec = json!({"nodeName": node, "containers": [{"name": "none", "image": "registry.k8s.io/pause:3.10"}]});
        let pod = serde_json::from_value(
            json!({"metadata": {"name": format!("pod-{number}")}, "spec": spec}),
        )
        .expect("a Pod");
        let api: Api<Pod> =
            Api::namespaced(client.clone(), &format!("web-{}", number % NAMESPACES));
        api.create(&PostParams::default(), &pod).await.expect("created");
    };
    stream::iter(0..PODS).map(create).buffer_unordered(16).collect::<Vec<()>>().await;
}

/// What the documentation says to copy, by kubectl.
fn copy(world: &World) -> String {
    let kinds = "ns,tenants.landlord.dev,pods,nodes,validatingadmissionpolicies,validatingadmissionpolicybindings";
    let output = Command::new(world.cluster.binaries().path("kubectl"))
        .arg(format!("--kubeconfig={}", world.cluster.kubeconfig().display()))
        .args(["get", kinds, "-A", "-o", "yaml", "--show-managed-fields"])
        .output()
        .expect("kubectl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The report, without what a copy cannot know.
fn report(run: &Run) -> Value {
    let mut report: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
    report["guard"] = Value::Null;
    report
}

#[tokio::test]
async fn a_copy_is_judged_like_the_cluster() {
    let world = World::on(Cluster::builder(), "landlord").await;
    world
        .cluster
        .add_nodes([
            Node::new("lunar-1").label("pool", "lunar"),
            Node::new("solar-1").label("pool", "solar"),
        ])
        .await
        .expect("nodes");
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    for number in 0..NAMESPACES {
        world.create(&format!("web-{number}"), "solar", json!({})).await;
    }
    pods(&world).await;
    let settings = world.cluster.file("settings.yaml").display().to_string();
    let words = format!(
        "audit -o json --settings={settings} --kubeconfig={}",
        world.cluster.kubeconfig().display()
    );
    let live = tokio::task::spawn_blocking(move || run(&words)).await.expect("the command");
    let found = report(&live);
    assert_eq!(
        found["tenants"],
        json!([{"name": "solar", "namespaces": NAMESPACES, "pods": PODS, "outside": PODS - PODS / 5}])
    );
    assert_eq!(found["pods"].as_array().map(Vec::len), Some(PODS - PODS / 5));

    let copied = copy(&world);
    let offline = tokio::task::spawn_blocking(move || {
        run_on(&format!("audit -f - -o json --settings={settings}"), &copied)
    })
    .await
    .expect("the command");
    assert_eq!((offline.code, report(&offline)), (live.code, found));
}
