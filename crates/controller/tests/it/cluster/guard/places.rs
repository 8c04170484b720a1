//! Where there is no `PodNodeSelector`, or it judged by an old state of the namespace: *hold* and *deny* tell by the Pod itself, *place* does its work.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, Toleration};
use local_cluster::Builder;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::super::world::{LEDGER, NODE_SELECTOR, eventually};
use super::stage::{GATE, OWNER, STRANGER, Stage, builder, gates, is_held, ledger, selector};

/// A namespace's selector, and its tolerations in both forms.
const SELECTOR: &str = "pool=solar, tier=,zone=a";
const COMPACT: &str = "pool=solar:NoSchedule,spot:NoExecute,empty=:PreferNoSchedule";

fn json_tolerations() -> String {
    json!([
        {"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
        {"key": "empty", "operator": "Equal", "value": "", "effect": "PreferNoSchedule"},
    ])
    .to_string()
}

#[tokio::test]
async fn a_pod_that_lacks_the_selector_waits_and_one_that_contradicts_it_is_refused() {
    let stage = Stage::new(builder().without_pod_node_selector(), "landlord", "").await;
    stage.ready("web", "solar").await;
    let carrying = json!({"nodeSelector": {"pool": "solar", "disk": "ssd"}});
    let passes = async || stage.pod(OWNER, "web", "carries", carrying.clone()).await.is_ok_and(|pod| !is_held(&pod));
    eventually("a Pod that passes", passes).await;
    let lacking = stage.pod(OWNER, "web", "lacks", json!({"nodeSelector": {"disk": "ssd"}})).await.expect("it waits");
    assert_eq!((gates(&lacking), selector(&lacking)), (vec![GATE.to_owned()], vec!["disk=ssd".to_owned()]));
    for gate in [json!([]), json!([{"name": GATE}])] {
        let spec = json!({"nodeSelector": {"pool": "lunar"}, "schedulingGates": gate});
        let refused = stage.pod(OWNER, "web", "differs", spec).await.expect_err("another pool");
        assert_eq!((refused.code, refused.message.contains("pool=solar")), (403, true), "{}", refused.message);
    }
    stage.install("--on-unready=deny").await;
    let refused = stage.pod(OWNER, "web", "late", json!({})).await.expect_err("it lacks the selector");
    assert!(refused.message.contains("does not carry the node selector pool=solar"), "{}", refused.message);
    stage.pod(OWNER, "web", "carries-too", carrying).await.expect("it passes");
    all_namespaces_wait(&stage).await;
}

/// With scope `all`, a namespace waits until somebody has looked at it, whatever it says or does not say.
async fn all_namespaces_wait(stage: &Stage) {
    stage.create(STRANGER, json!({"name": "unseen"})).await.expect("created");
    stage.pod(STRANGER, "unseen", "early", json!({})).await.expect("labelled namespaces only, as yet");
    stage.install("--scope=all").await;
    let waits = async || stage.pod(STRANGER, "unseen", "web", json!({})).await.is_ok_and(|pod| is_held(&pod));
    eventually("a Pod that waits", waits).await;
    assert!(stage.bind(STRANGER, "unseen", "early", "lunar-1").await.is_err_and(|one| one.code == 403));
    stage.create(ADMIN, json!({"name": "kube-own"})).await.expect("created");
    assert!(!is_held(&stage.pod(STRANGER, "kube-own", "web", json!({})).await.expect("excluded")));
    stage.patch(ADMIN, "unseen", json!({"annotations": {"landlord.dev/unclaimed": "true"}})).await.expect("patched");
    let passes = async || stage.pod(STRANGER, "unseen", "late", json!({})).await.is_ok_and(|pod| !is_held(&pod));
    eventually("a Pod that passes", passes).await;
}

/// 312 shapes of Pods: own selectors and tolerations, some the same as the namespace's, some more or less, some the opposite; with and without affinity.
fn shapes() -> Vec<Value> {
    let selectors = json!([
        null, {}, {"pool": "solar"}, {"disk": "ssd", "zone": "a"}, {"pool": "lunar"}, {"tier": "x"}, {"pool": "solar", "tier": ""}, {"zone": "b"},
        {"pool": "solar", "tier": "", "zone": "a"}, {"tier": ""}, {"disk": "ssd"}, {"example.com/a": "b"}, {"pool": "lunar", "disk": "ssd"},
    ]);
    let same = json!({"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"});
    let tolerations = json!([
        null,
        [],
        [same],
        [same, same],
        [{"key": "pool", "value": "solar", "effect": "NoSchedule"}],
        [{"key": "pool", "value": "solar"}],
        [{"key": "pool", "value": "lunar", "effect": "NoSchedule"}, {"key": "spot", "operator": "Exists", "effect": "NoExecute"}],
        [{"key": "other", "operator": "Exists"}],
        [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
        [{"key": "empty", "effect": "PreferNoSchedule"}, same],
        [{"operator": "Exists", "effect": "NoSchedule"}],
        [{"operator": "Exists"}],
    ]);
    let term = json!({"matchExpressions": [{"key": "pool", "operator": "Exists"}]});
    let affinities =
        [json!(null), json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}})];
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let mut shapes = Vec::new();
    for selector in list(&selectors) {
        for tolerations in list(&tolerations) {
            let spec = |affinity: &Value| json!({"nodeSelector": selector, "tolerations": tolerations, "affinity": affinity});
            shapes.extend(affinities.iter().map(spec));
        }
    }
    shapes
}

/// What a Pod tolerates: its tolerations without those that say less than another one.
fn tolerated(pod: &Pod) -> BTreeSet<Tolerated> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.clone()).into_iter().flatten();
    let all: BTreeSet<Tolerated> = tolerations.map(Tolerated::of).collect();
    all.iter().filter(|one| !all.iter().any(|other| other != *one && other.covers(one))).cloned().collect()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tolerated {
    key: String,
    exists: bool,
    value: String,
    effect: String,
    seconds: Option<i64>,
}

impl Tolerated {
    fn of(one: Toleration) -> Self {
        let text = Option::unwrap_or_default;
        let exists = one.operator.as_deref() == Some("Exists");
        Self { key: text(one.key), exists, value: text(one.value), effect: text(one.effect), seconds: one.toleration_seconds }
    }

    /// As Kubernetes compares them (`pkg/util/tolerations`).
    fn covers(&self, other: &Self) -> bool {
        let any_key = self.key.is_empty() && self.exists;
        let as_long = self.seconds.is_none_or(|most| other.seconds.is_some_and(|seconds| seconds <= most));
        (any_key || self.key == other.key)
            && (self.effect.is_empty() || self.effect == other.effect)
            && (self.exists || !other.exists && self.value == other.value)
            && as_long
    }
}

/// What each Pod's selector and tolerations become; `None` for one that is refused.
async fn placements(builder: Builder, flags: &str) -> Vec<Option<(Vec<String>, BTreeSet<Tolerated>)>> {
    let stage = Stage::new(builder, "landlord", flags).await;
    stage.create(ADMIN, json!({"name": "web", "labels": {stage.label(): "solar"}})).await.expect("created");
    let annotations = json!({LEDGER: ledger("solar"), NODE_SELECTOR: SELECTOR, "landlord.dev/tolerations": COMPACT,
                             "scheduler.alpha.kubernetes.io/defaultTolerations": json_tolerations()});
    stage.patch(ADMIN, "web", json!({"annotations": annotations})).await.expect("patched");
    eventually("a Pod that passes", async || stage.pod(OWNER, "web", "first", json!({})).await.is_ok_and(|pod| !is_held(&pod))).await;
    let mut placements = Vec::new();
    for (number, spec) in shapes().into_iter().enumerate() {
        let made = stage.pod(OWNER, "web", &format!("web-{number}"), spec).await.ok();
        assert!(made.as_ref().is_none_or(|pod| gates(pod).is_empty()), "a namespace that is ready holds nobody");
        placements.push(made.map(|pod| (selector(&pod), tolerated(&pod))));
    }
    placements
}

#[tokio::test]
async fn place_gives_what_the_plugins_give() {
    let by_guard = placements(builder().without_pod_node_selector(), "--place").await;
    let by_plugins = placements(builder().plugin("PodTolerationRestriction"), "").await;
    let refused = by_guard.iter().filter(|one| one.is_none()).count();
    assert_eq!((by_guard.len(), refused), (312, 4 * 24), "both kinds of Pods are among them");
    for (number, (ours, theirs)) in by_guard.iter().zip(&by_plugins).enumerate() {
        assert_eq!(ours, theirs, "{}", shapes()[number]);
    }
}
