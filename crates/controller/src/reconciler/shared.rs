//! What all tasks of the reconciler see.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tenancy::metadata::Key;

use crate::contention::Fights;
use crate::gated_pods::{HeldPod, Holds, PodKey, Terms};
use crate::pace::Pace;
use crate::planner::{CONTESTED, Decision, Knowledge, PlannedWrite, Trouble, decide};
use crate::queue::{Queue, Urgency};
use crate::store::{Compliance, Standing, Store};
use crate::strategy::Strategy;
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;

/// The first wait after a failure; each further one is twice as long.
pub const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Conflicts in a row that are planned again at once; a busy namespace or Pod waits a moment then.
pub const QUICK_CONFLICTS: u32 = 5;

/// What all tasks see, behind one lock that is never held across a wait.
pub struct Shared {
    pub store: Store,
    pub queue: Queue,
    pub pace: Pace,
    /// Attempts in a row that did not succeed, and since when a namespace has been different.
    pub(super) attempts: HashMap<String, u32>,
    since: HashMap<String, Instant>,
    pub fights: Fights,
    /// Namespaces that were given up, for reports.
    pub troubles: HashMap<String, Trouble>,
    pub written: u64,
    /// Those of them that were backfill; and writes that failed.
    pub written_in_bulk: u64,
    pub failures: u64,
    /// Namespaces that were given up after failed writes; those that are not to be written are not among them.
    pub failing: HashSet<String>,
    /// How namespaces are shared out between webhook and controller, where the settings say.
    pub strategy: Option<Arc<Strategy>>,
    /// Why the newest settings are not in force.
    pub refused_settings: Option<String>,
    /// Namespaces written in bulk since it was last told, by tenant.
    pub bulk: BTreeMap<String, usize>,
    pub holds: Holds,
}

impl Shared {
    pub(super) fn new(store: Store, pace: Pace) -> Self {
        Self {
            store,
            queue: Queue::default(),
            pace,
            attempts: HashMap::new(),
            since: HashMap::new(),
            fights: Fights::default(),
            troubles: HashMap::new(),
            written: 0,
            written_in_bulk: 0,
            failures: 0,
            failing: HashSet::new(),
            strategy: None,
            refused_settings: None,
            bulk: BTreeMap::new(),
            holds: Holds::default(),
        }
    }

    /// How long the namespace that waits longest for its write has been waiting. One whose write fails waits for somebody else.
    pub fn lag(&self, now: Instant) -> Duration {
        let waiting = self.since.iter().filter(|(name, _)| !self.failing.contains(*name));
        waiting.map(|(_, since)| now.saturating_duration_since(*since)).max().unwrap_or_default()
    }

    /// Plans one namespace; what keeps it from being compliant is returned when it is new.
    pub(super) fn consider(&mut self, name: &str, live: bool, ready: Instant) -> Option<Trouble> {
        match self.decide(name) {
            Decision::Write(write) => {
                self.since.entry(name.to_owned()).or_insert_with(clock::now);
                self.queue.add(name, write.urgency(live), ready);
                self.note(name, write.trouble)
            }
            Decision::Rest { trouble } => {
                self.settled(name);
                let news = self.note(name, trouble);
                if news.as_ref().is_some_and(|trouble| trouble.reason == CONTESTED) {
                    // There is nothing to write, but something to tell.
                    self.queue.add(name, Urgency::Retry, ready);
                }
                news
            }
            Decision::Ignore => {
                self.settled(name);
                None
            }
        }
    }

    pub(super) fn decide(&mut self, name: &str) -> Decision {
        let known = Knowledge { store: &self.store, fights: &self.fights, now: clock::now() };
        let (decision, standing) = decide(known, name);
        self.store.stand(name, standing);
        self.renew_terms(name);
        decision
    }

    /// Writes, of namespaces and of Pods, that are not answered yet.
    pub fn writes_under_way(&self) -> usize {
        self.pace.under_way() + self.holds.pace.under_way()
    }

    /// Takes a held Pod in.
    pub fn hold(&mut self, key: &PodKey, pod: HeldPod) {
        let first = !self.holds.concern(&key.namespace);
        self.holds.put(key, pod, clock::now());
        if first {
            self.renew_terms(&key.namespace);
        }
    }

    /// Tells the held Pods of a namespace on which terms they may go now.
    fn renew_terms(&mut self, namespace: &str) {
        if self.holds.concern(namespace) {
            self.holds.set_terms(namespace, self.store.assess(namespace).and_then(|one| Terms::of(&one)));
        }
    }

    /// Remembers the trouble; returned if it is another than before.
    fn note(&mut self, name: &str, trouble: Option<Trouble>) -> Option<Trouble> {
        match trouble {
            None => {
                self.troubles.remove(name);
                None
            }
            Some(trouble) => (self.troubles.insert(name.to_owned(), trouble.clone()).as_ref() != Some(&trouble)).then_some(trouble),
        }
    }

    /// There is nothing to write after all.
    pub(super) fn rest(&mut self, name: &str, trouble: Option<Trouble>) {
        self.settled(name);
        self.note(name, trouble);
    }

    fn settled(&mut self, name: &str) {
        self.attempts.remove(name);
        self.since.remove(name);
        self.failing.remove(name);
    }

    /// Takes in the namespace as it is now. The lag is counted from its creation, if that was after landlord began to wait for it.
    pub(super) fn succeed(
        &mut self,
        write: &PlannedWrite,
        urgency: Urgency,
        now_is: CachedNamespace,
        now: Instant,
        took: Duration,
    ) -> Duration {
        self.pace.succeed(now, took);
        self.written += 1;
        // What an edit of the tenant changes is written as backfill.
        if matches!(urgency, Urgency::Placement | Urgency::Drift) {
            write.sets.iter().for_each(|(key, value, managed)| self.fights.wrote(&write.request.name, key, value, *managed, now));
        } else {
            self.written_in_bulk += u64::from(urgency == Urgency::Backfill);
            write.tenant.iter().for_each(|tenant| *self.bulk.entry(tenant.clone()).or_default() += 1);
        }
        let since = self.since.get(&write.request.name).map_or(took, |since| now.duration_since(*since));
        let age = now_is.created.as_ref().and_then(|created| SystemTime::now().duration_since(SystemTime::from(created.0)).ok());
        self.settled(&write.request.name);
        self.store.update_namespace(now_is);
        match self.decide(&write.request.name) {
            // Somebody changed it in between, or the tenant.
            Decision::Write(_) => self.queue.add(&write.request.name, Urgency::Drift, now),
            Decision::Rest { trouble } => drop(self.note(&write.request.name, trouble)),
            Decision::Ignore => {}
        }
        // Kubernetes counts creation in whole seconds, so the age of a young namespace says little.
        age.filter(|age| *age < since).unwrap_or(since)
    }

    /// A write failed: it is tried again later, unless it was tried often enough.
    pub(super) fn fail(&mut self, write: &PlannedWrite, trouble: Trouble, now: Instant, retries: Option<u32>) {
        if self.store.namespace(&write.request.name).is_none() {
            return;
        }
        self.failures += 1;
        let attempts = self.attempts.entry(write.request.name.clone()).or_default();
        *attempts += 1;
        if retries.is_none_or(|retries| *attempts <= retries) {
            self.queue.add(&write.request.name, Urgency::Retry, now + backoff(*attempts));
        } else {
            self.failing.insert(write.request.name.clone());
        }
        let standing = Standing { tenant: write.tenant.clone(), state: Compliance::Failed, reason: Some(trouble.reason) };
        self.store.stand(&write.request.name, Some(standing));
        self.troubles.insert(write.request.name.clone(), trouble);
    }

    /// Somebody else wrote in between.
    pub(super) fn plan_again(&mut self, name: &str, urgency: Urgency) {
        if self.store.namespace(name).is_none() {
            return;
        }
        let attempts = self.attempts.entry(name.to_owned()).or_default();
        *attempts += 1;
        self.queue.add(name, urgency, clock::now() + after_conflict(*attempts));
    }

    /// A namespace that is gone.
    pub fn forget(&mut self, name: &str, uid: Option<&str>) {
        self.store.remove_namespace(name, uid);
        if self.store.namespace(name).is_none() {
            self.queue.forget(name);
            self.settled(name);
            self.troubles.remove(name);
            self.fights.forget(name);
            self.holds.set_terms(name, None);
        }
    }

    /// Keys of a namespace that the other writer holds now, or may take any moment.
    pub fn contested_keys(&self, name: &str) -> Vec<Key> {
        let now = clock::now();
        let planned = self.store.assess(name).map(|assessment| assessment.plan.set).unwrap_or_default();
        let planned = planned.into_iter().filter(|(key, want)| self.fights.is_contested(name, key, &want.value, now)).map(|(key, _)| key);
        planned.chain(self.fights.fought(name, now).cloned()).collect()
    }

    /// Takes in who the other writer is. Returns the namespace's uid and what there is to tell, if the quarrel still is on.
    pub(super) fn contest(&mut self, name: &str, rival: Option<String>) -> Option<(String, Trouble)> {
        self.fights.set_rival(name, rival.unwrap_or_else(|| "unknown".to_owned()));
        let trouble = self.decide(name).trouble().filter(|trouble| trouble.reason == CONTESTED).cloned()?;
        self.troubles.insert(name.to_owned(), trouble.clone());
        Some((self.store.namespace(name)?.uid.clone(), trouble))
    }
}

/// How long to wait after the n-th conflict in a row: a busy namespace gets a moment.
pub(super) fn after_conflict(attempts: u32) -> Duration {
    attempts.checked_sub(QUICK_CONFLICTS).filter(|late| *late > 0).map_or(Duration::ZERO, backoff)
}

/// Doubles with each attempt; up to a tenth more, so that those who failed together do not come together.
pub fn backoff(attempts: u32) -> Duration {
    let wait = FIRST_RETRY.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LAST_RETRY);
    let share = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos() % 100);
    wait + wait * share / 1000
}
