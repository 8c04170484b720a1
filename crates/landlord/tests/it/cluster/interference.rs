//! Admission of another product that denies or undoes what landlord writes, for one namespace: that
//! one is reported, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kube::api::{Api, Patch, PatchParams};
use local_cluster::user::ADMIN;
use serde_json::json;

use super::webhook::Webhook;
use super::world::{NODE_SELECTOR, World, eventually};

/// Namespaces of the tenant that has nothing to do with it.
const OTHERS: usize = 20;

impl World {
    /// Solar, whose namespaces are interfered with, and lunar with many.
    async fn two_tenants() -> Self {
        let world = Self::new("landlord").await;
        world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
        world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
        for number in 0..OTHERS {
            world.create(&format!("lunar-{number}"), "lunar", json!({})).await;
        }
        world
    }

    /// An edit of lunar reaches all its namespaces.
    async fn others_are_written(&self, pool: &str) {
        self.set_tenant("lunar", json!({"nodeSelector": {"pool": pool}})).await;
        let selector = format!("pool={pool}");
        for number in 0..OTHERS {
            let name = format!("lunar-{number}");
            self.comes_to(&name, "lunar", [], [(NODE_SELECTOR, &selector)]).await;
        }
    }

    /// Waits for an Event about a namespace with one of these reasons and this in its note.
    async fn is_reported(&self, name: &str, reasons: &[&str], part: &str) {
        eventually("an event", async || {
            let events = self.events("Namespace", name).await;
            events
                .iter()
                .any(|(reason, note)| reasons.contains(&reason.as_str()) && note.contains(part))
        })
        .await;
    }

    /// How many writes had this outcome.
    async fn writes(&self, outcome: &str) -> usize {
        let start = format!("landlord_namespace_writes_total{{outcome=\"{outcome}\"}} ");
        let metrics = self.page("one", "/metrics").await;
        let count = metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok());
        count.unwrap_or(0)
    }
}

/// Attempts that back off from one second on, each twice as long after the one before.
fn attempts_within(seconds: f64) -> usize {
    (seconds + 1.0).log2().ceil() as usize + 1
}

/// A webhook's denial keeps its status: 429 and 503 say nothing of the API server.
#[tokio::test]
async fn a_webhook_that_denies_one_namespace_stops_no_other() {
    let world = World::two_tenants().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let webhook = Webhook::start(&world, move |name| {
        let code = name.strip_prefix("bad-")?.parse().ok()?;
        (!over.load(Ordering::Relaxed)).then(|| (code, format!("not now: {code}")))
    })
    .await;
    let asked = async |name: &str| {
        world.patch(name, json!({"annotations": {"seen": "yes"}})).await;
        webhook.asked(name)
    };
    // The API server asks a webhook a moment after it was installed.
    while asked("lunar-0").await == 0 {}
    world.patch("lunar-0", json!({"annotations": {"seen": null}})).await;

    let began = Instant::now();
    let bad = ["bad-403", "bad-429", "bad-503"];
    for name in bad {
        world.create(name, "solar", json!({})).await;
    }
    world.others_are_written("other").await;
    for name in bad {
        world.is_reported(name, &["Forbidden", "Refused", "Busy", "ServerError"], "not now").await;
    }
    eventually("the status", async || world.status("solar").await["namespaces"]["failed"] == 3)
        .await;
    for name in bad {
        let (asked, seconds) = (webhook.asked(name), began.elapsed().as_secs_f64());
        assert!(asked <= attempts_within(seconds), "{name}: {asked} times in {seconds} s");
        assert_eq!(world.ledger(name).await, "");
    }
    world.others_are_written("lunar").await;

    is_over.store(true, Ordering::Relaxed);
    for name in bad {
        world.comes_to(name, "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    }
}

/// Takes the node selector from one namespace, anyone who writes it.
const STRIPPER: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: other-product}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [namespaces]}]}
  matchConditions:
  - name: stripped
    expression: >-
      object.metadata.name == "stripped" && has(object.metadata.annotations)
      && "scheduler.alpha.kubernetes.io/node-selector" in object.metadata.annotations
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [JSONPatch{op: "remove", path: "/metadata/annotations/" + jsonpatch.escapeKey("scheduler.alpha.kubernetes.io/node-selector")}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: other-product}
spec: {policyName: other-product}
"#;

impl World {
    /// Whether a node selector on that namespace would stay: nothing is stored.
    async fn is_stripped(&self) -> bool {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let patch = Patch::Merge(json!({"metadata": {"annotations": {NODE_SELECTOR: "pool=x"}}}));
        let answer = self.namespaces().patch("stripped", &params, &patch).await.expect("an answer");
        !answer.metadata.annotations.unwrap_or_default().contains_key(NODE_SELECTOR)
    }

    async fn remove_stripper(&self) {
        let client = self.cluster.client(ADMIN).expect("a client");
        for object in STRIPPER.split("---\n") {
            let object: kube::api::DynamicObject =
                serde_saphyr::from_str(object).expect("an object");
            let api: Api<kube::api::DynamicObject> =
                local_cluster::manifest::api_of(&client, &object).await.expect("the kind");
            api.delete("other-product", &Default::default()).await.expect("deleted");
        }
    }
}

/// The API server accepts the write, and its answer does not carry it.
#[tokio::test]
async fn a_policy_that_strips_the_selector_is_reported_and_not_fought() {
    let world = World::two_tenants().await;
    world.create_bare("stripped", json!({})).await;
    world.cluster.apply(STRIPPER).await.expect("a policy");
    eventually("the policy", async || world.is_stripped().await).await;

    let began = Instant::now();
    world.patch("stripped", json!({"labels": {world.tenant_label(): "solar"}})).await;
    world.others_are_written("other").await;
    world.is_reported("stripped", &["Reverted"], NODE_SELECTOR).await;
    eventually("the condition", async || {
        world.condition("solar", "Converged").await["status"] == "False"
    })
    .await;
    let (undone, seconds) = (world.writes("Reverted").await, began.elapsed().as_secs_f64());
    assert!((3..=attempts_within(seconds)).contains(&undone), "{undone} writes in {seconds} s");
    world.others_are_written("lunar").await;

    world.remove_stripper().await;
    eventually("no policy", async || !world.is_stripped().await).await;
    world.comes_to("stripped", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    eventually("a ready ledger", async || {
        world.ledger("stripped").await.starts_with(r#"{"tenant":"solar""#)
    })
    .await;
}
