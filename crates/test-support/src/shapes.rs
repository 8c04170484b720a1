//! Shapes: Pods of every kind, and the namespace that they are put in. What the plugins make of
//! them, others must make of them as well.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, Toleration};
use serde_json::{Value, json};

/// A namespace's selector, and its tolerations in both forms.
pub const SELECTOR: &str = "pool=solar, tier=,zone=a";
pub const COMPACT: &str = "pool=solar:NoSchedule,spot:NoExecute,empty=:PreferNoSchedule";

pub fn json_tolerations() -> String {
    json!([
        {"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
        {"key": "empty", "operator": "Equal", "value": "", "effect": "PreferNoSchedule"},
    ])
    .to_string()
}

/// 312 shapes of Pods: own selectors and tolerations, some the same as the namespace's, some more
/// or less, some the opposite; with and without affinity.
pub fn shapes() -> Vec<Value> {
    let selectors = json!([
        null, {}, {"pool": "solar"}, {"disk": "ssd", "zone": "a"}, {"pool": "lunar"}, {"tier": "x"}, {"pool": "solar", "tier": ""}, {"zone": "b"},
        {"pool": "solar", "tier": "", "zone": "a"}, {"tier": ""}, {"disk": "ssd"}, {"example.com/a": "b"}, {"pool": "lunar", "disk": "ssd"},
    ]);
    let same =
        json!({"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"});
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
    let affinities = [
        json!(null),
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}),
    ];
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
pub fn tolerated(pod: &Pod) -> BTreeSet<Tolerated> {
    let tolerations =
        pod.spec.as_ref().and_then(|spec| spec.tolerations.clone()).into_iter().flatten();
    let all: BTreeSet<Tolerated> = tolerations.map(Tolerated::from_toleration).collect();
    all.iter()
        .filter(|one| !all.iter().any(|other| other != *one && other.covers(one)))
        .cloned()
        .collect()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tolerated {
    key: String,
    exists: bool,
    value: String,
    effect: String,
    seconds: Option<i64>,
}

impl Tolerated {
    fn from_toleration(one: Toleration) -> Self {
        let text = Option::unwrap_or_default;
        let exists = one.operator.as_deref() == Some("Exists");
        Self {
            key: text(one.key),
            exists,
            value: text(one.value),
            effect: text(one.effect),
            seconds: one.toleration_seconds,
        }
    }

    /// As Kubernetes compares them (`pkg/util/tolerations`).
    fn covers(&self, other: &Self) -> bool {
        let any_key = self.key.is_empty() && self.exists;
        let as_long =
            self.seconds.is_none_or(|most| other.seconds.is_some_and(|seconds| seconds <= most));
        (any_key || self.key == other.key)
            && (self.effect.is_empty() || self.effect == other.effect)
            && (self.exists || !other.exists && self.value == other.value)
            && as_long
    }
}
