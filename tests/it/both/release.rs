//! `landlord release --all` while the policy is at work: its webhook puts nothing back, and goes where that is asked for.

use std::process::{Command, Output};

use local_cluster::kubewarden::policies;
use serde_json::json;

use super::world::{World, eventually};
use crate::landlord::{binary, start_policy};

impl World {
    async fn release(&self, flags: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(["release", "--all", "--yes"]).args(flags).arg(format!("--kubeconfig={}", self.cluster.kubeconfig().display()));
        tokio::task::spawn_blocking(move || command.output()).await.expect("a task").expect("the command")
    }

    /// Labels of landlord's or of the tenant's, and annotations.
    async fn traces(&self, name: &str) -> (Vec<String>, Vec<String>) {
        let (labels, annotations) = self.metadata(name).await;
        let given = |key: &String| key.starts_with("landlord.dev/") || key == "cost-center";
        let ledger = self.ledger(name).await;
        let ledger = (!ledger.is_empty()).then_some(ledger);
        (labels.into_keys().filter(given).collect(), annotations.into_keys().chain(ledger).collect())
    }
}

#[tokio::test]
async fn the_webhook_puts_nothing_back() {
    let mut world = World::without_controller("landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711"}})).await;
    world.create("web", "solar", json!({})).await;
    world.create("shop", "solar", json!({})).await;
    assert_eq!(world.traces("web").await.0.len(), 2, "the policy wrote as it was created");

    let released = world.release(&[]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned() + &String::from_utf8_lossy(&released.stderr);
    assert_eq!(released.status.code(), Some(0), "{text}");
    for name in ["web", "shop"] {
        assert_eq!(world.traces(name).await, (Vec::new(), Vec::new()), "{text}");
    }
    assert!(text.contains("writes into new namespaces"), "{text}");

    let again = world.release(&["--with-policy"]).await;
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    let policies = policies(&world.cluster.admin().expect("a client"));
    eventually("no policy", async || policies.get_opt("landlord").await.is_ok_and(|policy| policy.is_none())).await;
}

/// Where labels of people stay, the claim stays, and the webhook would write everything anew: that is said, and how to end it.
#[tokio::test]
async fn what_the_webhook_puts_back_is_said() {
    let mut world = World::without_controller("landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    world.set_tenant("solar", json!({"labels": {"cost-center": "4711"}})).await;
    world.create("web", "solar", json!({})).await;
    let released = world.release(&["--keep-claims"]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned();
    assert!(released.status.code() == Some(2) && text.contains("web is not clean") && text.contains("--with-policy"), "{text}");

    let released = world.release(&["--keep-claims", "--with-policy"]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned() + &String::from_utf8_lossy(&released.stderr);
    assert_eq!(released.status.code(), Some(0), "{text}");
    assert_eq!(world.traces("web").await, (vec!["landlord.dev/tenant".to_owned()], Vec::new()), "{text}");
}
