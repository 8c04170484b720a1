//! Gated Pods: Pods that wait behind landlord's scheduling gate, by namespace, and where each
//! namespace releases them.
//!
//! ```text
//! watch (Pods without a node) ─▶ gated Pods ◀─ placement ── planner (a namespace was looked at)
//!                                  │ queue: tenants take turns, the oldest of each first
//!                                  ▼
//!                        releaser ─▶ release (pure) ─▶ one guarded JSON patch ─▶ outcome
//! ```
//!
//! A Pod is looked at when it changes and when the placement of its namespace does, and at no other
//! event of the cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::gated_pod::PodKey;
use cluster::placement::Placement;
use tokio::sync::Notify;

use crate::pace::Pace;
use crate::queue::{Place, Urgency};
use crate::work::Work;

mod held_pod;

pub use self::held_pod::{HeldPod, Keys, State};

/// Patches of Pods that may be under way at a time: a share of what the API server stands, so that
/// namespaces, which Pods wait for, keep theirs.
const MAX_IN_FLIGHT: usize = 16;
/// A Pod that its namespace has kept waiting for so long is reported to its owner.
pub const REPORTED_WAIT: Duration = Duration::from_secs(30);
/// So many of a namespace at a time.
const REPORTED_AT_A_TIME: usize = 20;

/// See the module.
#[derive(Debug)]
pub struct GatedPods {
    namespaces: HashMap<String, GatedNamespace>,
    pub(crate) work: Work<PodKey>,
    pub(crate) wake: Arc<Notify>,
    /// Whether the Pods have been listed once. Nothing is released before: the oldest may come
    /// last.
    known: bool,
    /// How many stand so, in the order of [`State::WORDS`].
    counts: [usize; State::WORDS.len()],
}

/// The gated Pods of one namespace.
#[derive(Debug, Default)]
struct GatedNamespace {
    /// `None` for as long as its Pods have to wait.
    placement: Option<Arc<Placement>>,
    pods: BTreeMap<PodKey, HeldPod>,
    /// Those of them that clash or fail.
    clashing: BTreeSet<PodKey>,
    failing: BTreeSet<PodKey>,
}

/// The gated Pods of one namespace, by how they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub namespace: Arc<str>,
    pub pods: usize,
    pub clashing: Troubled,
    pub failing: Troubled,
}

/// How many of them have a trouble, and the oldest with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubled {
    pub pods: usize,
    pub oldest: Option<(PodKey, State)>,
}

impl GatedNamespace {
    /// Whose turn its Pods take: the tenant's, or its own, which no tenant can be called like.
    fn group(&self, namespace: &str) -> Arc<str> {
        let tenant = self.placement.as_ref().and_then(|placement| placement.tenant.as_deref());
        tenant.map_or_else(|| format!("namespace/{namespace}").into(), Arc::from)
    }

    fn keys(&mut self, state: &State) -> Option<&mut BTreeSet<PodKey>> {
        match state {
            State::Waiting => None,
            State::Clashing(_) => Some(&mut self.clashing),
            State::Failing(_) => Some(&mut self.failing),
        }
    }

    /// A Pod stands otherwise, is new, or is gone.
    fn restate(&mut self, key: &PodKey, before: Option<&State>, after: Option<&State>) {
        if let Some(keys) = before.and_then(|state| self.keys(state)) {
            keys.remove(key);
        }
        if let Some(keys) = after.and_then(|state| self.keys(state)) {
            keys.insert(key.clone());
        }
    }

    fn tally(&self, namespace: &str) -> Tally {
        let troubled = |keys: &BTreeSet<PodKey>| {
            let oldest =
                keys.first().and_then(|key| Some((key.clone(), self.pods.get(key)?.state.clone())));
            Troubled { pods: keys.len(), oldest }
        };
        let (clashing, failing) = (troubled(&self.clashing), troubled(&self.failing));
        Tally { namespace: namespace.into(), pods: self.pods.len(), clashing, failing }
    }
}

impl Default for GatedPods {
    fn default() -> Self {
        Self {
            namespaces: HashMap::new(),
            work: Work::new(Pace::of_few(MAX_IN_FLIGHT)),
            wake: Arc::default(),
            known: false,
            counts: [0; State::WORDS.len()],
        }
    }
}

impl GatedPods {
    /// Takes a Pod in, and gives it a turn if its namespace releases Pods. What is known of it
    /// beside its object stays.
    pub fn put(&mut self, key: &PodKey, mut pod: HeldPod, now: Instant) {
        let gated = self.namespaces.entry(key.namespace.to_string()).or_default();
        if let Some(known) = gated.pods.get(key).filter(|known| known.uid == pod.uid) {
            pod.follow(known);
        }
        let ready = gated.placement.is_some().then(|| pod.attempts.not_before(now).unwrap_or(now));
        let after = pod.state.clone();
        let before = gated.pods.insert(key.clone(), pod).map(|pod| pod.state);
        self.restate(key, before.as_ref(), Some(&after));
        if let Some(ready) = ready {
            self.add(key, ready);
            self.wake.notify_one();
        }
    }

    /// Forgets a Pod: it is gone, or the gate is.
    pub fn remove(&mut self, key: &PodKey) {
        let Some(gated) = self.namespaces.get_mut(&*key.namespace) else { return };
        let removed = gated.pods.remove(key);
        let is_empty = gated.pods.is_empty();
        self.restate(key, removed.as_ref().map(|pod| &pod.state), None);
        self.work.forget(key);
        if is_empty {
            self.namespaces.remove(&*key.namespace);
        }
    }

    /// Forgets a Pod that was written to, if it is still that one: another of its name may have
    /// been created since.
    pub(crate) fn settle(&mut self, key: &PodKey, uid: &str) {
        if self.pod(key).is_some_and(|pod| pod.uid == uid) {
            self.remove(key);
        }
    }

    /// A list is complete: what is not in it is gone.
    pub fn complete(&mut self, listed: &BTreeSet<PodKey>) {
        let gone: Vec<PodKey> =
            self.pods().map(|(key, _)| key).filter(|key| !listed.contains(key)).cloned().collect();
        gone.iter().for_each(|key| self.remove(key));
        self.known = true;
        self.wake.notify_one();
    }

    /// Whether the Pods have been listed, so that none means none.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    /// How many stand so, by word.
    pub fn counts(&self) -> [(&'static str, usize); State::WORDS.len()] {
        let [waiting, clashing, failing] = self.counts;
        let [is_waiting, is_clashing, is_failing] = State::WORDS;
        [(is_waiting, waiting), (is_clashing, clashing), (is_failing, failing)]
    }

    /// The gated Pods of each namespace that has any.
    pub fn tallies(&self) -> impl Iterator<Item = Tally> {
        self.namespaces.iter().map(|(name, gated)| gated.tally(name))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether Pods of this namespace are gated.
    pub fn concern(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    /// Patches that are not answered yet.
    pub fn writes_under_way(&self) -> usize {
        self.work.total()
    }

    /// A namespace was looked at. Its Pods get a turn each if they may go elsewhere than before.
    pub fn set_placement(&mut self, namespace: &str, placement: Option<Placement>) {
        let Some(gated) = self.namespaces.get_mut(namespace) else { return };
        if gated.placement.as_deref() != placement.as_ref() {
            gated.placement = placement.map(Arc::new);
            let keys: Vec<PodKey> = if gated.placement.is_some() {
                gated.pods.keys().cloned().collect()
            } else {
                Vec::new()
            };
            let now = cluster::clock::now();
            for key in &keys {
                let ready =
                    self.pod(key).and_then(|pod| pod.attempts.not_before(now)).unwrap_or(now);
                self.add(key, ready);
            }
        }
        // Also without a change: the releaser may have waited for the controller to be ready.
        self.wake.notify_one();
    }

    /// Where Pods of this namespace may go, as the planner said last.
    pub(crate) fn placement(&self, namespace: &str) -> Option<Arc<Placement>> {
        self.namespaces.get(namespace)?.placement.clone()
    }

    /// Gives a Pod a turn from then on.
    pub(crate) fn add(&mut self, key: &PodKey, ready: Instant) {
        let Some(gated) = self.namespaces.get(&*key.namespace) else { return };
        let place = Place {
            urgency: Urgency::Placement,
            group: self.work.group_of(key, &gated.group(&key.namespace)),
            rank: key.age_rank(),
            ready,
        };
        self.work.queue.add(key, place);
    }

    /// Gives a Pod no turn before this time.
    pub(crate) fn put_off(&mut self, key: &PodKey, until: Instant) {
        self.add(key, until);
        self.work.queue.reschedule(key, until);
    }

    pub(crate) fn pod(&self, key: &PodKey) -> Option<&HeldPod> {
        self.namespaces.get(&*key.namespace)?.pods.get(key)
    }

    /// Every gated Pod; those of one namespace are together, the oldest first.
    pub fn pods(&self) -> impl Iterator<Item = (&PodKey, &HeldPod)> {
        self.namespaces.values().flat_map(|gated| &gated.pods)
    }

    /// The names of namespaces that have any.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.keys().map(String::as_str)
    }

    /// The next gated Pods of a namespace after this one, the oldest first, each with how it stands
    /// and whether its namespace releases Pods.
    pub fn pods_after(
        &self,
        namespace: &str,
        after: Option<&PodKey>,
    ) -> impl Iterator<Item = (&PodKey, &State, bool)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let gated = self.namespaces.get(namespace).into_iter();
        gated.flat_map(move |gated| {
            let is_released = gated.placement.is_some();
            let pods = gated.pods.range::<PodKey, _>((from, Bound::Unbounded));
            pods.map(move |(key, pod)| (key, &pod.state, is_released))
        })
    }

    /// Pods that their namespace has kept waiting for long, and that were not reported yet; of each
    /// namespace a few, the oldest first.
    pub fn waiting_unreported(&self, now: Instant) -> Vec<(PodKey, String)> {
        let is_due =
            |(key, pod): &(&PodKey, &HeldPod)| !pod.told && pod.waited(key, now) >= REPORTED_WAIT;
        self.namespaces
            .values()
            .filter(|gated| gated.placement.is_none())
            .flat_map(|gated| gated.pods.iter().filter(is_due).take(REPORTED_AT_A_TIME))
            .map(|(key, pod)| (key.clone(), pod.uid.clone()))
            .collect()
    }

    pub(crate) fn pod_mut(&mut self, key: &PodKey) -> Option<&mut HeldPod> {
        self.namespaces.get_mut(&*key.namespace)?.pods.get_mut(key)
    }

    /// Remembers how a Pod stands; false where it stood so before, or is gone.
    pub(crate) fn stand(&mut self, key: &PodKey, state: State) -> bool {
        let Some(pod) = self.pod_mut(key) else { return false };
        let before = std::mem::replace(&mut pod.state, state.clone());
        self.restate(key, Some(&before), Some(&state));
        before != state
    }

    /// Counts a Pod anew that stands otherwise, is new, or is gone.
    fn restate(&mut self, key: &PodKey, before: Option<&State>, after: Option<&State>) {
        if let Some(count) = before.and_then(|state| self.counts.get_mut(state.place())) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = after.and_then(|state| self.counts.get_mut(state.place())) {
            *count += 1;
        }
        if let Some(gated) = self.namespaces.get_mut(&*key.namespace) {
            gated.restate(key, before, after);
        }
    }

    /// Whether its owner knows what it waits for.
    pub fn set_told(&mut self, key: &PodKey, told: bool) {
        if let Some(pod) = self.pod_mut(key) {
            pod.told = told;
        }
    }
}

#[cfg(test)]
mod tests;
