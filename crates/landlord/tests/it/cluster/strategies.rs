//! Strategies: what the guard is asked for, and the command.

use std::fs;

use kube::api::{DeleteParams, DynamicObject};
use local_cluster::kubewarden::{DEFINITION, policies};
use local_cluster::manifest::api_of;
use local_cluster::user::ADMIN;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::world::{World, eventually};
use crate::landlord::{Run, root, run};

mod questions;

/// The shipped policy with a strategy. Nobody runs it here.
fn policy(strategy: &Value) -> Value {
    let text = fs::read_to_string(root().join("deploy/cluster-admission-policy.yaml"))
        .expect("the policy");
    let mut policy: Value = serde_saphyr::from_str(&text).expect("YAML");
    let excluded = ["kube-*", "landlord", "kubewarden"];
    policy["spec"]["settings"] =
        json!({"excludedNamespaces": excluded, "guard": {"scope": "all"}, "strategy": strategy});
    policy
}

async fn world(strategy: &Value, arguments: &[&str]) -> World {
    let mut world = World::without_controller("landlord").await;
    world.cluster.apply(DEFINITION).await.expect("the kind");
    world.cluster.apply(&policy(strategy).to_string()).await.expect("the policy");
    world.add_controller_with(&[&["--policy=landlord"], arguments].concat(), "one").await;
    world
}

impl World {
    async fn policy_object(&self) -> DynamicObject {
        policies(&self.cluster.client(ADMIN).expect("a client"))
            .get("landlord")
            .await
            .expect("the policy")
    }

    async fn mode(&self) -> Option<String> {
        self.policy_object()
            .await
            .metadata
            .annotations
            .unwrap_or_default()
            .remove("landlord.dev/strategy")
    }

    async fn comes_to_mode(&self, mode: &str) {
        eventually(mode, async || self.mode().await.as_deref() == Some(mode)).await;
    }

    async fn conditions(&self) -> Vec<Value> {
        self.policy_object().await.data["spec"]["matchConditions"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// `landlord strategy` as the cluster's admin.
    async fn strategy(&self, words: &str) -> Run {
        let words =
            format!("strategy {words} --kubeconfig={}", self.cluster.kubeconfig().display());
        tokio::task::spawn_blocking(move || run(&words)).await.expect("the command")
    }

    async fn report(&self) -> Value {
        serde_json::from_str(&self.strategy("-o json").await.out).expect("JSON")
    }
}

/// The guard, as it is rendered for the policy's settings and these flags.
fn guard(flags: &str) -> String {
    let file = NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(file.path(), policy(&json!({})).to_string()).expect("written");
    let run = run(&format!("render guard --settings={} {flags}", file.path().display()));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    run.out
}

/// A guard that lets no Pod in, and is not the one for these settings: nothing is left to the
/// controller, and it is said why.
async fn half_a_guard_is_none(world: &World) {
    let deny = guard("")
        .split("---\n")
        .filter(|object| object.contains("landlord.dev/guard: deny"))
        .collect::<Vec<_>>()
        .join("---\n");
    world.cluster.apply(&deny).await.expect("one part");
    let missing = "the guard is not enforced: parts of it are missing, or not bound: names, stamp, seal, refusal, references, room, hold, binding";
    eventually("what is missing", async || world.strategy("").await.out.contains(missing)).await;
    // Rendered before the settings said `all`.
    world.cluster.apply(&guard("--scope=labelled")).await.expect("an old guard");
    let old = "part deny is not the one for these settings: it differs in matchConstraints";
    eventually("what differs", async || world.strategy("").await.out.contains(old)).await;
    assert_eq!(world.mode().await.as_deref(), Some("webhook"));
    assert_eq!(world.report().await["history"], json!([]));
}

#[tokio::test]
async fn nothing_is_left_to_the_controller_without_a_guard() {
    let mut world = world(&json!({"mode": "controller", "auto": {"period": "1s"}}), &[]).await;
    eventually("a refusal", async || world.report().await["refused"] == true).await;
    assert_eq!(world.mode().await.as_deref(), Some("webhook"));
    let report = world.strategy("").await;
    assert_eq!(report.code, Some(2), "{}{}", report.out, report.err);
    assert!(
        report
            .out
            .contains("`controller`, the settings' mode is refused: the guard is not enforced"),
        "{}",
        report.out
    );
    eventually("its Event", async || {
        world
            .events("ClusterAdmissionPolicy", "landlord")
            .await
            .iter()
            .any(|(reason, _)| reason == "StrategyRefused")
    })
    .await;
    // The namespace that is kept unready for the question is not among those that landlord reports.
    assert!(!world.log("one").contains("not compliant"), "{}", world.log("one"));

    half_a_guard_is_none(&world).await;
    world.cluster.apply(&guard("--on-unready=deny")).await.expect("a guard");
    world.comes_to_mode("controller").await;
    assert_eq!(world.strategy("").await.code, Some(0));
    assert!(
        world.page("one", "/metrics").await.contains("landlord_strategy{mode=\"controller\"} 1")
    );

    a_pin_is_obeyed_until_it_goes(&world).await;
    without_a_binding_nothing_is_left_to_it(&world).await;
    eventually("the whole story", async || {
        let report = world.report().await;
        let history: Vec<Value> = report["history"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["to"].clone())
            .collect();
        history == ["controller", "webhook", "controller", "webhook", "controller"]
    })
    .await;

    whoever_leads_next_goes_on(&mut world).await;
}

async fn a_pin_is_obeyed_until_it_goes(world: &World) {
    let refused = world.strategy("--pin hybrid").await;
    assert!(
        refused.code == Some(1) && refused.err.contains("strategy.critical"),
        "{}",
        refused.err
    );
    assert_eq!(
        world.strategy("--pin webhook").await.out,
        "pinned to webhook: the controller follows at its next measurement\n"
    );
    world.comes_to_mode("webhook").await;
    let unpinned = world.strategy("--unpin -o yaml").await;
    let report: Value = serde_saphyr::from_str(&unpinned.out).expect("YAML");
    assert_eq!(
        (unpinned.code, &report["chosen"]),
        (Some(0), &json!("`controller`, the settings' mode"))
    );
    world.comes_to_mode("controller").await;
}

async fn without_a_binding_nothing_is_left_to_it(world: &World) {
    let object = serde_json::from_value(json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "landlord-guard-deny"}}))
    .expect("an object");
    let bindings =
        api_of(&world.cluster.client(ADMIN).expect("a client"), &object).await.expect("the kind");
    bindings.delete("landlord-guard-deny", &DeleteParams::default()).await.expect("deleted");
    world.comes_to_mode("webhook").await;
    world.cluster.apply(&guard("--on-unready=hold --place")).await.expect("another guard");
    world.comes_to_mode("controller").await;
}

async fn whoever_leads_next_goes_on(world: &mut World) {
    let before = world.report().await;
    world.controller(0).signal(Signal::SIGTERM).expect("a signal");
    world.add_controller_with(&["--policy=landlord"], "two").await;
    eventually("another leader's measurement", async || {
        world.page("two", "/metrics").await.contains("landlord_strategy{mode=\"controller\"} 1")
    })
    .await;
    let after = world.report().await;
    assert_eq!((&after["history"], &after["since"]), (&before["history"], &before["since"]));
}

#[tokio::test]
async fn a_broken_strategy_is_refused_with_the_settings() {
    let world = world(&json!({"mode": "hybrit"}), &[]).await;
    let words = "strategy.mode: unknown variant `hybrit`, expected one of `webhook`, `controller`, `hybrid`, `auto`; did you mean `hybrid`?";
    eventually("the refusal", async || world.log("one").contains(words)).await;
    for command in ["strategy", "plan", "status", "doctor", "audit", "backfill"] {
        let line = format!("{command} --kubeconfig={}", world.cluster.kubeconfig().display());
        let report = tokio::task::spawn_blocking(move || run(&line)).await.expect("the command");
        assert!(report.code == Some(1) && report.err.contains(words), "{command}: {}", report.err);
    }
}
