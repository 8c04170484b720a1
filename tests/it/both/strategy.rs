//! `auto`, live: the policy server goes away, namespaces are left to the controller, and it comes
//! back.

use std::process::Command;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use local_cluster::kubewarden::{apply_policy, policies};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::world::{LEDGER, NODE_SELECTOR, World, eventually};
use crate::cluster::shipped;
use crate::landlord::{binary, start_policy};

async fn world() -> World {
    let mut world = World::without_controller("landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    let mut policy = shipped("landlord");
    // A guard that watches every namespace, as `unclaimed: reject` is the webhook's work.
    policy["spec"]["settings"]["guard"] = json!({"scope": "all"});
    policy["spec"]["settings"]["strategy"] = json!({"mode": "auto", "critical": {"names": ["pay-*"]},
        "auto": {"period": "1s", "holdFor": "5s", "namespaces": 3, "creationsPerSecond": 1000, "admissionLatency": "10s"}});
    apply_policy(&world.cluster.admin().expect("a client"), &policy.to_string())
        .await
        .expect("an active policy");
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.add_controller_with(&["--policy=landlord", "--guard"], "one").await;
    world
}

impl World {
    async fn comes_to_mode(&self, mode: &str) {
        let policies = policies(&self.cluster.admin().expect("a client"));
        eventually(mode, async || {
            let annotations = policies
                .get("landlord")
                .await
                .expect("the policy")
                .metadata
                .annotations
                .unwrap_or_default();
            annotations.get("landlord.dev/strategy").is_some_and(|found| found == mode)
        })
        .await;
    }

    /// `landlord strategy -o json`.
    fn report(&self) -> Value {
        let kubeconfig = format!("--kubeconfig={}", self.cluster.kubeconfig().display());
        let output = Command::new(binary())
            .args(["strategy", "-o", "json", &kubeconfig])
            .output()
            .expect("the command");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// What a creation for tenant solar is answered with, not stored.
    async fn try_creation(&self, name: &str) -> kube::Result<Namespace> {
        let labels = json!({self.tenant_label(): "solar"});
        let namespace =
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))
                .expect("a namespace");
        self.namespaces()
            .create(&PostParams { dry_run: true, ..PostParams::default() }, &namespace)
            .await
    }

    /// Whether the webhook writes the ledger as the namespace is created.
    async fn is_written_at_creation(&self, name: &str) -> bool {
        let answer = self.try_creation(name).await;
        answer.is_ok_and(|namespace| {
            namespace.metadata.annotations.unwrap_or_default().contains_key(LEDGER)
        })
    }
}

#[tokio::test]
async fn auto_leaves_a_dead_webhook_comes_back_and_gives_way_to_growth() {
    let world = world().await;
    let policy = world.policy.as_ref().expect("the policy");
    world.comes_to_mode("webhook").await;
    eventually("healthy probes", async || {
        world.report()["measurement"]["admission"]["failures"] == 0
    })
    .await;
    // A policy of the API server takes a moment to be in force.
    eventually("a guard that is enforced", async || {
        world.report()["measurement"]["guard"]["state"] == "enforced"
    })
    .await;
    assert_eq!(world.report()["measurement"]["admission"]["probes"], 3);
    assert!(world.is_written_at_creation("ci-1").await);

    // Before the controller can do anything about it.
    world.signal(0, Signal::SIGSTOP);
    policy.kill_policy_server();
    let refused = world.try_creation("tried").await.expect_err("failurePolicy: Fail").to_string();
    world.signal(0, Signal::SIGCONT);
    assert!(refused.contains("failed calling webhook"), "{refused}");
    world.comes_to_mode("controller").await;
    eventually("a creation without the webhook", async || {
        world.try_creation("second").await.is_ok()
    })
    .await;
    world.create("second", "solar", json!({})).await;
    world.comes_to("second", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;

    policy.revive_policy_server().await.expect("the policy server");
    world.comes_to_mode("webhook").await;
    eventually("the webhook's ledger", async || world.is_written_at_creation("ci-1").await).await;

    // A cluster that grows: only what is critical is worth a call.
    for number in 0..3 {
        world.create(&format!("web-{number}"), "solar", json!({})).await;
    }
    world.comes_to_mode("hybrid").await;
    eventually("a creation without the webhook", async || {
        !world.is_written_at_creation("ci-1").await
    })
    .await;
    assert!(world.is_written_at_creation("pay-1").await);

    let report = world.report();
    let changes: Vec<&Value> =
        report["history"].as_array().expect("changes").iter().map(|change| &change["to"]).collect();
    assert_eq!(changes, ["controller", "webhook", "hybrid"], "{report}");
    let reason = report["history"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("3 of 3 probes of the webhook failed: "), "{reason}");
    let events = world.events("ClusterAdmissionPolicy", "landlord").await;
    assert!(
        events.iter().any(|(reason, note)| reason == "StrategyChanged"
            && note.starts_with("webhook → controller: 3 of 3")),
        "{events:?}"
    );
    assert_eq!(world.conditions_of_others().await, shipped("landlord")["spec"]["matchConditions"]);
}

impl World {
    async fn conditions_of_others(&self) -> Value {
        let policy = policies(&self.cluster.admin().expect("a client"))
            .get("landlord")
            .await
            .expect("the policy");
        let all = policy.data["spec"]["matchConditions"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|condition| condition["name"] != "landlord-strategy").collect()
    }
}
