//! The controller's own account: what is said where settings or guard name another one.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams};
use local_cluster::user::{ADMIN, CONTROLLER};
use serde_json::json;
use test_support::health::examine;

use super::world::{NODE_SELECTOR, World, eventually};
use crate::landlord::run;

/// A namespace that the seal is tried on.
const TRIAL: &str = "trial";

impl World {
    fn name_controller(&self, account: &str) {
        self.set_settings(&json!({"tenantSource": self.source, "controller": account}));
    }

    /// Installs the guard for the settings in force.
    async fn install_guard(&self) {
        let settings = self.cluster.file("settings.yaml").display().to_string();
        let guard = run(&format!("render guard --settings={settings}"));
        assert_eq!((guard.code, guard.err.as_str()), (Some(0), ""));
        self.cluster.apply(&guard.out).await.expect("a guard that the API server takes");
    }

    /// Whether the controller's account may write sealed keys: nothing is stored.
    async fn controller_writes_through(&self) -> bool {
        let api: Api<Namespace> = Api::all(self.cluster.client(CONTROLLER).expect("a client"));
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let patch =
            Patch::Merge(json!({"metadata": {"annotations": {NODE_SELECTOR: "pool=solar"}}}));
        match api.patch(TRIAL, &params, &patch).await {
            Ok(after) => after.metadata.annotations.unwrap_or_default().contains_key(NODE_SELECTOR),
            Err(error) => {
                assert!(error.to_string().contains("are sealed"), "{error}");
                false
            }
        }
    }

    /// What the doctor says of the account.
    async fn account_finding(&self) -> (String, String) {
        let mut found = examine(self, ADMIN, "").await.0;
        found.remove("account").expect("a finding").remove(0)
    }

    async fn account_metric(&self, value: u8) {
        let line = format!("landlord_account_valid {value}\n");
        eventually("the metric", async || self.page("one", "/metrics").await.contains(&line)).await;
    }
}

/// First the settings and the guard name another account, then the guard alone.
#[tokio::test]
async fn a_guard_for_another_account_is_reported_and_not_fought() {
    let mut world = World::without_controller("landlord").await;
    world.name_controller("ops:robot");
    world.create_bare(TRIAL, json!({})).await;
    world.install_guard().await;
    eventually("the seal", async || !world.controller_writes_through().await).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.add_controller("one").await;

    world.account_metric(0).await;
    let log = world.log("one");
    assert!(log.contains("wrong account") && log.contains("ops:robot"), "{log}");
    eventually("the condition", async || {
        let ready = world.condition("solar", "Ready").await;
        ready["reason"] == "WrongAccount" && ready["status"] == "True"
    })
    .await;
    eventually("an event", async || {
        let events = world.events("Namespace", "web").await;
        events.iter().any(|(reason, note)| reason == "Forbidden" && note.contains(NODE_SELECTOR))
    })
    .await;
    assert_eq!(world.ledger("web").await, "");
    eventually("the doctor", async || {
        let (state, what) = world.account_finding().await;
        state == "wrong" && what.contains("name service account ops:robot")
    })
    .await;

    world.name_controller("landlord:controller");
    world.account_metric(1).await;
    let (state, what) = world.account_finding().await;
    assert!(state == "wrong" && what.contains("landlord-guard-seal"), "{state}: {what}");

    world.install_guard().await;
    eventually("no seal", async || world.controller_writes_through().await).await;
    let (state, what) = world.account_finding().await;
    assert!(state == "ok" && what.contains(CONTROLLER), "{state}: {what}");
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    let ready = async || world.condition("solar", "Ready").await["reason"].clone();
    eventually("the condition", async || ready().await == "Valid").await;
    let metrics = world.page("one", "/metrics").await;
    let forbidden = metrics
        .lines()
        .find_map(|line| {
            line.strip_prefix(r#"landlord_namespace_writes_total{outcome="Forbidden"} "#)
        })
        .and_then(|count| count.parse::<u32>().ok())
        .expect("a count");
    assert!((3..16).contains(&forbidden), "{forbidden} writes that were refused");
}
