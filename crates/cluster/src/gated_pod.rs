//! Gated Pod: of a Pod that landlord's scheduling gate holds, what decides about its release, and
//! nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use guard::GATE;
use k8s_openapi::api::core::v1::{PodSchedulingGate, Toleration};
use k8s_openapi::jiff::Timestamp;
use kube::core::{NotUsed, Object};
use serde::Deserialize;

/// A Pod as it is read: the rest of it is not even decoded.
pub type UnscheduledPod = Object<Scheduling, NotUsed>;

/// What of a Pod's spec decides where it may run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Scheduling {
    node_selector: BTreeMap<String, String>,
    tolerations: Vec<Toleration>,
    scheduling_gates: Vec<PodSchedulingGate>,
}

/// Which Pod. The older one comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    pub created: Timestamp,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// A Pod that the gate holds.
#[derive(Clone, Debug)]
pub struct GatedPod {
    pub uid: String,
    pub version: String,
    pub gates: Vec<String>,
    pub node_selector: BTreeMap<String, String>,
    pub tolerations: Vec<Toleration>,
}

impl PodKey {
    pub fn from_pod(pod: &UnscheduledPod) -> Self {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        let created =
            pod.metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |created| created.0);
        Self { created, namespace: text(&pod.metadata.namespace), name: text(&pod.metadata.name) }
    }
}

impl PodKey {
    /// Seconds since the epoch at which it was created: the older, the smaller.
    pub fn age_rank(&self) -> u64 {
        u64::try_from(self.created.as_second()).unwrap_or_default()
    }
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl GatedPod {
    /// `None` where the gate does not hold it, or it is on its way out.
    pub fn from_pod(pod: UnscheduledPod) -> Option<Self> {
        let Scheduling { node_selector, tolerations, scheduling_gates } = pod.spec;
        let gates: Vec<String> = scheduling_gates.into_iter().map(|gate| gate.name).collect();
        let gated =
            pod.metadata.deletion_timestamp.is_none() && gates.iter().any(|gate| gate == GATE);
        gated.then(|| Self {
            uid: pod.metadata.uid.unwrap_or_default(),
            version: pod.metadata.resource_version.unwrap_or_default(),
            gates,
            node_selector,
            tolerations,
        })
    }
}

/// For tests: `key=value:effect` or `key:effect`, of which all may be absent.
#[cfg(test)]
pub(crate) fn a_toleration(text: &str) -> Toleration {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (taint, effect) = text.split_once(':').expect("a colon");
    let (key, value) =
        taint.split_once('=').map_or((taint, None), |(key, value)| (key, Some(value.to_owned())));
    let operator = Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned());
    Toleration { key: some(key), operator, value, effect: some(effect), toleration_seconds: None }
}

/// For tests: a gated Pod with this of its own.
#[cfg(test)]
pub(crate) fn a_pod(
    node_selector: serde_json::Value,
    tolerations: &[Toleration],
    gates: &[&str],
) -> GatedPod {
    GatedPod {
        uid: "u".to_owned(),
        version: "7".to_owned(),
        gates: gates.iter().map(|gate| (*gate).to_owned()).collect(),
        node_selector: serde_json::from_value(node_selector).expect("a map"),
        tolerations: tolerations.to_vec(),
    }
}
