//! What the owner of a Pod sees that waits at the gate.

use std::process::Command;

use local_cluster::Cluster;
use local_cluster::user::ADMIN;
use serde_json::json;

use super::world::{GATE, NODE_SELECTOR, World, eventually};

impl World {
    fn describe_pod(&self, namespace: &str, name: &str) -> String {
        let output = Command::new(self.cluster.binaries().path("kubectl"))
            .arg(format!("--kubeconfig={}", self.cluster.kubeconfig_of(ADMIN).display()))
            .args(["describe", "pod", "--namespace", namespace, name])
            .output()
            .expect("kubectl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// In the words of `kubectl describe pod`, and only there: the Event is in the Pod's namespace.
#[tokio::test]
async fn kubectl_describe_says_what_a_pod_waits_for() {
    let mut world = World::on(Cluster::builder(), "landlord").await;
    world.flags = vec!["--release-pods"];
    let solar = json!({"nodeSelector": {"pool": "solar"}, "conflicts": "reject"});
    world.set_tenant("solar", solar).await;
    world.create_bare("clash", json!({})).await;
    world.patch("clash", json!({"annotations": {NODE_SELECTOR: "pool=own"}})).await;
    world.patch("clash", json!({"labels": {world.tenant_label(): "solar"}})).await;
    world.create("lost", "nobody", json!({})).await;
    world.add_controller("one").await;
    for namespace in ["clash", "lost"] {
        world.create_pod(namespace, "web", &[GATE], json!({})).await;
    }
    for (namespace, part) in [("clash", NODE_SELECTOR), ("lost", "nobody")] {
        eventually("an event", async || {
            world.describe_pod(namespace, "web").contains("WaitingForNamespace")
        })
        .await;
        let text = world.describe_pod(namespace, "web");
        let event = text.lines().find(|line| line.contains("WaitingForNamespace")).expect("it");
        assert!(event.contains("Warning") && event.contains("landlord"), "{text}");
        assert!(text.contains("waits until namespace") && text.contains(part), "{text}");
    }
}
