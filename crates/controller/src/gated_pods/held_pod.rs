//! Held Pod: a gated Pod, and how it stands.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant, SystemTime};

use cluster::gated_pod::{GatedPod, PodKey, UnscheduledPod};
use cluster::pod_release::Clash;

use crate::attempts::Attempts;

/// Pods of a list.
pub type Keys = BTreeSet<PodKey>;

/// A Pod that waits.
#[derive(Clone, Debug)]
pub struct HeldPod {
    pub pod: GatedPod,
    pub state: State,
    /// Whether its owner was told of a clash.
    pub(crate) told: bool,
    /// When its creation was seen; `None` where the Pod was there before.
    pub(super) seen: Option<Instant>,
    /// When it was first known here: what is said of its namespace earlier does not count for it.
    pub(crate) taken_in: Instant,
    /// Failures in a row, and conflicts on one state.
    pub(crate) attempts: Attempts,
    /// The state that the last conflict was on.
    pub(crate) conflicted: Option<String>,
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

    /// Its place among [`Self::WORDS`].
    pub(super) fn place(&self) -> usize {
        match self {
            Self::Waiting => 0,
            Self::Clashing(_) => 1,
            Self::Failing(_) => 2,
        }
    }

    /// A bounded word for metrics.
    pub fn word(&self) -> &'static str {
        Self::WORDS.get(self.place()).copied().unwrap_or_default()
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

impl Deref for HeldPod {
    type Target = GatedPod;

    fn deref(&self) -> &GatedPod {
        &self.pod
    }
}

impl HeldPod {
    /// From a Pod that just changed, or was found (`seen`); `None` where it is not held, or is on
    /// its way out.
    pub fn from_pod(pod: UnscheduledPod, seen: Option<Instant>) -> Option<Self> {
        let pod = GatedPod::from_pod(pod)?;
        Some(Self {
            pod,
            state: State::Waiting,
            told: false,
            seen,
            taken_in: cluster::clock::now(),
            attempts: Attempts::default(),
            conflicted: None,
        })
    }

    /// Takes over what was learned of the same Pod in an earlier state.
    pub(super) fn follow(&mut self, earlier: &Self) {
        self.state = earlier.state.clone();
        self.told = earlier.told;
        self.seen = earlier.seen;
        self.taken_in = earlier.taken_in;
        self.attempts = earlier.attempts;
        self.conflicted.clone_from(&earlier.conflicted);
    }

    /// How long it has waited since its creation. Kubernetes counts that in whole seconds; what was
    /// seen says more.
    pub(crate) fn waited(&self, key: &PodKey, now: Instant) -> Duration {
        let age =
            || SystemTime::now().duration_since(SystemTime::from(key.created)).unwrap_or_default();
        self.seen.map_or_else(age, |seen| now.saturating_duration_since(seen))
    }
}

/// For tests: a held Pod with this uid.
#[cfg(test)]
pub(super) fn a_pod(uid: &str) -> HeldPod {
    let metadata = serde_json::json!({"uid": uid, "resourceVersion": "7"});
    let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"schedulingGates": [{"name": guard::GATE}]}});
    HeldPod::from_pod(serde_json::from_value(pod).expect("a Pod"), None).expect("a held Pod")
}

/// For tests: a key of a Pod that was created so many seconds after the epoch.
#[cfg(test)]
pub(super) fn a_key(created: i64, namespace: &str, name: &str) -> PodKey {
    let created = k8s_openapi::jiff::Timestamp::from_second(created).expect("a time");
    PodKey { created, namespace: namespace.into(), name: name.into() }
}
