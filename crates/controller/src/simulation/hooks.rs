//! Hooks at reconcile: what they reject is reported and placed all the same, what they warn about
//! stays compliant, and a tenant with a bad hook stands in nobody's way.

use serde_json::json;

use super::*;
use crate::store::Compliance;
use assessment::Reason;

const ENV: &str = "$.namespace.metadata.labels.env";

fn reason(simulation: &Simulation, name: &str) -> Option<Reason> {
    simulation.reconciler.shared().progress.trouble(name).map(|trouble| trouble.reason)
}

fn state(simulation: &Simulation, name: &str) -> Option<Compliance> {
    let shared = simulation.reconciler.shared();
    shared.store.standing(name).map(|standing| standing.state)
}

#[tokio::test(start_paused = true)]
async fn a_rejected_namespace_is_reported_and_still_runs_in_its_pool() {
    let server = populated(0);
    server.put(namespace("web", "solar")).expect("a namespace");
    let hook = json!({"name": "env", "require": [{"path": ENV, "in": ["dev", "prod"], "message": "dev or prod"}]});
    let simulation = Simulation::start_with(server, &json!({"hooks": [hook]}));
    simulation.until("the report", |this| reason(this, "web") == Some(Reason::HookRejected)).await;
    simulation.until("its pool", |this| this.is_in_pool("web", "a")).await;
    assert_eq!(state(&simulation, "web"), Some(Compliance::Conflicted));
    let metrics = simulation.reconciler.outcomes().metrics().render();
    assert!(
        metrics.contains("landlord_hook_failures_total{reason=\"HookRejected\"} 1"),
        "{metrics}"
    );
    let mut fixed = (*simulation.server.object("Namespace", "web").expect("it")).clone();
    fixed["metadata"]["labels"]["env"] = json!("dev");
    simulation.server.put(fixed).expect("an edit");
    simulation.until("compliance", |this| state(this, "web") == Some(Compliance::Compliant)).await;
    assert_eq!(reason(&simulation, "web"), None);
}

#[tokio::test(start_paused = true)]
async fn a_warning_is_told_and_leaves_the_namespace_compliant() {
    let server = populated(0);
    server.put(namespace("web", "solar")).expect("a namespace");
    let hooks = json!([
        {"name": "env", "onFailure": "warn", "require": [{"path": ENV, "exists": true}]},
        {"name": "mute", "onFailure": "ignore", "require": [{"path": ENV, "exists": true}]},
    ]);
    let simulation = Simulation::start_with(server, &json!({"hooks": hooks}));
    simulation.until("compliance", |this| state(this, "web") == Some(Compliance::Compliant)).await;
    assert_eq!(reason(&simulation, "web"), Some(Reason::HookWarning));
    let message =
        simulation.reconciler.shared().progress.trouble("web").expect("a trouble").message.clone();
    assert_eq!(message, "hook env: $.namespace.metadata.labels.env is absent, it must exist");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_a_bad_hook_stands_in_nobodys_way() {
    let server = populated(0);
    let hook = json!({"name": "bad", "require": [{"path": ENV, "matches": "("}]});
    server
        .put(tenant("lunar", json!({"nodeSelector": {"pool": "b"}, "hooks": [hook]})))
        .expect("a tenant");
    server.put(namespace("moon", "lunar")).expect("a namespace");
    server.put(namespace("web", "solar")).expect("a namespace");
    let simulation = Simulation::start(server);
    simulation.until("its pool", |this| this.is_in_pool("web", "a")).await;
    simulation
        .until("the report", |this| this.reconciler.shared().progress.trouble("moon").is_some())
        .await;
    let message =
        simulation.reconciler.shared().progress.trouble("moon").expect("a trouble").message.clone();
    assert!(
        message.contains(
            "spec.hooks[0].require[0].matches: hook \"bad\": \"(\" is not a regular expression"
        ),
        "{message}"
    );
}
