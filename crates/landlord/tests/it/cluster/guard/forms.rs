//! Forms: which of them the controller keeps on an API server without MutatingAdmissionPolicies.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use local_cluster::user::{ADMIN, CONTROLLER, MEMBERS_RIGHTS};
use local_cluster::{Cluster, User};
use nix::sys::signal::Signal;
use serde_json::json;

use super::super::rights::{audited_cluster, used_and_missing};
use super::super::world::{LEDGER, World, eventually};
use super::keeper::{is_in_force, rendered};
use super::stage::{STRANGER, ledger, settings};
use crate::landlord::{Run, run};

/// What an API server 1.35 serves.
const OLDER: &str = "--emulated-version=1.35";
const ALONE: &str = "--kubernetes=1.35";
const BESIDE: &str = "--kubernetes=1.35 --beside-webhook";

impl World {
    /// Whether the guard rendered with these flags is in force, and nothing else of it.
    async fn has_just(&self, flags: &str) -> bool {
        let client = self.cluster.client(ADMIN).expect("a client");
        let labelled = ListParams::default().labels("landlord.dev/guard");
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client);
        let found = policies.list(&labelled).await.expect("policies").items.len()
            + bindings.list(&labelled).await.expect("bindings").items.len();
        let guard = rendered(self, flags);
        found == guard.len() && is_in_force(self, &guard).await
    }

    /// What becomes of a namespace that a stranger creates with a ledger, or the webhook for her.
    async fn try_ledger(&self) -> Result<Namespace, kube::Error> {
        let api: Api<Namespace> = Api::all(self.cluster.client(STRANGER).expect("a client"));
        let namespace =
            json!({"metadata": {"name": "fresh", "annotations": {LEDGER: ledger("solar")}}});
        let namespace = serde_json::from_value(namespace).expect("a namespace");
        api.create(&PostParams { dry_run: true, ..PostParams::default() }, &namespace).await
    }

    fn doctor(&self) -> Run {
        run(&format!(
            "doctor --settings={} --kubeconfig={}",
            self.cluster.file("settings.yaml").display(),
            self.cluster.kubeconfig().display()
        ))
    }
}

/// Landlord's webhook as the API server sees it; nothing answers there.
fn webhook() -> MutatingWebhookConfiguration {
    serde_json::from_value(json!({
        "metadata": {"name": "clusterwide-landlord"},
        "webhooks": [{
            "name": "clusterwide-landlord.kubewarden.admission", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": "https://127.0.0.1:1/validate"}, "failurePolicy": "Ignore", "timeoutSeconds": 1,
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["namespaces"]}],
        }],
    }))
    .expect("a configuration")
}

/// Alone it refuses what it cannot correct. Once the webhook is there, that would be what the
/// webhook writes; once it is gone again, nothing else judges. The rights suffice for all of it.
#[tokio::test]
async fn the_form_that_applies_is_kept() {
    let (builder, log, _folder) = audited_cluster();
    let builder = builder.user(User::member(STRANGER, ["strangers"])).api_server_argument(OLDER);
    let mut world = World::on(builder, "landlord").await;
    world.cluster.apply(MEMBERS_RIGHTS).await.expect("rights");
    world.set_settings(&settings("landlord"));
    let settings = format!("--settings={}", world.cluster.file("settings.yaml").display());
    let controller = world.add_controller_with(&[&settings, "--guard"], "one").await;
    eventually("the guard", async || world.has_just(ALONE).await).await;
    eventually("readiness", async || world.page("one", "/readyz").await.contains("ready\n")).await;
    let metric = "landlord_guard_form{form=\"validating\"} 1";
    assert!(world.page("one", "/metrics").await.contains(metric));
    eventually("a refusal", async || {
        world.try_ledger().await.is_err_and(|error| error.to_string().contains("landlord's own"))
    })
    .await;
    parts_that_refuse_are_repaired(&world, controller).await;

    let client = world.cluster.client(ADMIN).expect("a client");
    let webhooks: Api<MutatingWebhookConfiguration> = Api::all(client);
    webhooks.create(&PostParams::default(), &webhook()).await.expect("created");
    eventually("the form beside it", async || world.has_just(BESIDE).await).await;
    eventually("what the webhook writes", async || world.try_ledger().await.is_ok()).await;
    let doctor = world.doctor();
    for check in ["version", "guard"] {
        let line = doctor.out.lines().find(|line| line.split_whitespace().nth(1) == Some(check));
        assert!(line.is_some_and(|line| line.starts_with("ok")), "{check}: {}", doctor.out);
    }
    assert!(doctor.out.contains("beside-webhook"), "{}", doctor.out);

    webhooks.delete("clusterwide-landlord", &DeleteParams::default()).await.expect("deleted");
    eventually("the form alone", async || world.has_just(ALONE).await).await;
    let text = world.log("one");
    let told = |form: &str| text.matches(&format!("form=\"{form}\"")).count();
    assert_eq!((told("validating"), told("beside-webhook")), (2, 1), "{text}");
    assert!(!text.contains("MutatingAdmissionPolicy"), "{text}");
    let (used, missing) = used_and_missing(CONTROLLER, &log);
    assert!(missing.is_empty(), "rights that are missing: {missing:?}");
    assert!(used.contains("list admissionregistration.k8s.io/mutatingwebhookconfigurations"));
}

/// All at once, while the controller stands still.
async fn parts_that_refuse_are_repaired(world: &World, controller: usize) {
    let guard = run(&format!(
        "render guard --settings={} {ALONE}",
        world.cluster.file("settings.yaml").display()
    ));
    let parts = ["stamp", "owners", "seal"].map(|part| format!("landlord.dev/guard: {part}\n"));
    let is_meant = |object: &&str| parts.iter().any(|part| object.contains(part));
    let meant: Vec<&str> = guard.out.split("---\n").filter(is_meant).collect();
    assert_eq!(meant.len(), 6);
    world.signal(controller, Signal::SIGSTOP);
    let edited = meant.join("---\n").replace("landlord.dev/guard: ", "landlord.dev/guard: not-");
    world.cluster.apply(&edited).await.expect("another guard");
    world.signal(controller, Signal::SIGCONT);
    eventually("the repair", async || world.has_just(ALONE).await).await;
}

/// While the kind of `paramKind` is missing, the API server refuses whatever a policy matches, the
/// requests of admins as well.
#[tokio::test]
async fn a_missing_definition_of_tenants_stops_claims_only() {
    let cluster = Cluster::builder().start().await.expect("a cluster");
    let guard = run("render guard --without-mutating-policies");
    cluster.apply(&guard.out).await.expect("the guard");
    let namespaces: Api<Namespace> = Api::all(cluster.client(ADMIN).expect("a client"));
    let create = async |name: &str, labels: serde_json::Value| {
        let namespace = json!({"metadata": {"name": name, "labels": labels}});
        let namespace = serde_json::from_value(namespace).expect("a namespace");
        namespaces.create(&PostParams::default(), &namespace).await
    };
    let (mut count, mut refusal) = (0, String::new());
    while refusal.is_empty() && count < 300 {
        count += 1;
        match create(&format!("claim-{count}"), json!({"landlord.dev/tenant": "solar"})).await {
            Err(error) => refusal = error.to_string(),
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
    assert!(
        refusal.contains("landlord-guard-owners") && refusal.contains("paramKind"),
        "{refusal}"
    );
    create("plain", json!({"team": "a"})).await.expect("no claim");
    create("empty", json!({"landlord.dev/tenant": ""})).await.expect("no claim either");
}
