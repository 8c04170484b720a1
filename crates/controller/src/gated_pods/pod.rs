//! Pod: of a held Pod, what decides about its release, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::api::core::v1::{PodSchedulingGate, Toleration};
use k8s_openapi::jiff::Timestamp;
use kube::core::{NotUsed, Object};
use serde::Deserialize;

use super::{Clash, GATE};

/// A Pod as it is read: the rest of it is not even decoded.
pub type UnscheduledPod = Object<Scheduling, NotUsed>;
/// Pods of a list.
pub type Keys = BTreeSet<PodKey>;

/// What of a Pod's spec decides where it may run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Scheduling {
    node_selector: BTreeMap<String, String>,
    tolerations: Vec<Toleration>,
    scheduling_gates: Vec<PodSchedulingGate>,
}

/// Which Pod. The older one comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodKey {
    created: Timestamp,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// A Pod that waits.
#[derive(Clone, Debug)]
pub struct HeldPod {
    pub uid: String,
    pub version: String,
    pub gates: Vec<String>,
    pub node_selector: BTreeMap<String, String>,
    pub tolerations: Vec<Toleration>,
    pub state: State,
    /// Whether its owner was told of a clash.
    pub(super) told: bool,
    /// When its creation was seen; `None` where the Pod was there before.
    pub(super) seen: Option<Instant>,
    /// Failures and conflicts in a row, and until when it gets no turn for them.
    pub(super) attempts: u32,
    pub(super) pause: Option<Instant>,
}

/// How a held Pod stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// For its namespace, or for its turn.
    Waiting,
    /// Its own selector forbids what its namespace demands.
    Clashing(Clash),
    /// It could not be released.
    Failing(String),
}

impl State {
    pub const WORDS: [&'static str; 3] = ["waiting", "clashing", "failing"];

    /// A bounded word for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Clashing(_) => "clashing",
            Self::Failing(_) => "failing",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("it waits"),
            Self::Clashing(clash) => clash.fmt(f),
            Self::Failing(message) => f.write_str(message),
        }
    }
}

impl PodKey {
    pub fn of(pod: &UnscheduledPod) -> Self {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        let created = pod.metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |created| created.0);
        Self { created, namespace: text(&pod.metadata.namespace), name: text(&pod.metadata.name) }
    }
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl HeldPod {
    /// From a Pod that just changed, or was found (`seen`); `None` where it is not held, or is on its way out.
    pub fn of(pod: UnscheduledPod, seen: Option<Instant>) -> Option<Self> {
        let Scheduling { node_selector, tolerations, scheduling_gates } = pod.spec;
        let gates: Vec<String> = scheduling_gates.into_iter().map(|gate| gate.name).collect();
        let held = pod.metadata.deletion_timestamp.is_none() && gates.iter().any(|gate| gate == GATE);
        held.then(|| Self {
            uid: pod.metadata.uid.unwrap_or_default(),
            version: pod.metadata.resource_version.unwrap_or_default(),
            gates,
            node_selector,
            tolerations,
            state: State::Waiting,
            told: false,
            seen,
            attempts: 0,
            pause: None,
        })
    }

    /// Takes over what was learned of the same Pod in an earlier state.
    pub(super) fn follow(&mut self, earlier: &Self) {
        self.state = earlier.state.clone();
        (self.told, self.seen) = (earlier.told, earlier.seen);
        (self.attempts, self.pause) = (earlier.attempts, earlier.pause);
    }

    /// How long it has waited since its creation. Kubernetes counts that in whole seconds; what was seen says more.
    pub(super) fn waited(&self, key: &PodKey, now: Instant) -> Duration {
        let age = || SystemTime::now().duration_since(SystemTime::from(key.created)).unwrap_or_default();
        self.seen.map_or_else(age, |seen| now.saturating_duration_since(seen))
    }
}

/// For tests: `key=value:effect` or `key:effect`, of which all may be absent.
#[cfg(test)]
pub(super) fn a_toleration(text: &str) -> Toleration {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (taint, effect) = text.split_once(':').expect("a colon");
    let (key, value) = taint.split_once('=').map_or((taint, None), |(key, value)| (key, Some(value.to_owned())));
    let operator = Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned());
    Toleration { key: some(key), operator, value, effect: some(effect), toleration_seconds: None }
}

/// For tests: a held Pod with this of its own.
#[cfg(test)]
pub(super) fn a_pod(node_selector: serde_json::Value, tolerations: &[Toleration], gates: &[&str]) -> HeldPod {
    HeldPod {
        uid: "u".to_owned(),
        version: "7".to_owned(),
        gates: gates.iter().map(|gate| (*gate).to_owned()).collect(),
        node_selector: serde_json::from_value(node_selector).expect("a map"),
        tolerations: tolerations.to_vec(),
        state: State::Waiting,
        told: false,
        seen: None,
        attempts: 0,
        pause: None,
    }
}

/// For tests: a key of a Pod that was created so many seconds after the epoch.
#[cfg(test)]
pub(super) fn a_key(created: i64, namespace: &str, name: &str) -> PodKey {
    PodKey { created: Timestamp::from_second(created).expect("a time"), namespace: namespace.into(), name: name.into() }
}
