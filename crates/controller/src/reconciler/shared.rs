//! What all tasks of the reconciler see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assessment::{Fault, Reason};
use cluster::clock;
use tenancy::metadata::Key;
use tenancy::settings::Strategy;

use crate::contention::Contention;
use crate::gated_pods::GatedPods;
use crate::pace::Pace;
use crate::planner::{Decision, Knowledge, PlannedWrite, Verdict, decide};
use crate::progress::Progresses;
use crate::queue::{Place, Urgency};
use crate::store::{Compliance, Standing, Store};
use crate::work::{Job, Work};

mod answers;
mod pods;

/// Ranks within a tenant's turn: what just happened goes before what was found.
const LIVE: u64 = 0;
const FOUND: u64 = 1;

/// What all tasks see, behind one lock that is never held across a wait.
pub struct Shared {
    pub store: Store,
    pub work: Work<String>,
    pub progress: Progresses,
    /// Gated Pods, behind a lock of their own. It is taken while this one is held, never the other
    /// way round.
    pub(super) gated: Arc<Mutex<GatedPods>>,
    pub written: u64,
    /// Those of them that were backfill; and writes that failed.
    pub written_in_bulk: u64,
    pub failures: u64,
    /// How namespaces are shared out between webhook and controller, where the settings say.
    pub strategy: Option<Arc<Strategy>>,
    /// Why the newest settings are not in force.
    pub refused_settings: Option<String>,
    /// Why guard and policy do not let the controller's account write.
    pub wrong_account: Option<String>,
    /// The kind of reports; `Some(None)`: none is served.
    pub reports: Option<Option<cluster::reports::ReportKind>>,
    /// Namespaces written in bulk since it was last reported, by tenant.
    pub bulk: BTreeMap<String, usize>,
    /// Namespaces that were decided on since an audit asked last; nothing where none does.
    pub(super) decided: Option<BTreeSet<String>>,
    pruned: Option<Instant>,
    /// Decisions that wait for their turn, so that the engine need not run again if nothing has
    /// changed since.
    planned: super::planned::Planned,
}

impl Shared {
    pub(super) fn new(store: Store, pace: Pace) -> Self {
        Self {
            store,
            work: Work::new(pace),
            progress: Progresses::default(),
            gated: Arc::default(),
            written: 0,
            written_in_bulk: 0,
            failures: 0,
            strategy: None,
            refused_settings: None,
            wrong_account: None,
            reports: None,
            bulk: BTreeMap::new(),
            decided: None,
            pruned: None,
            planned: super::planned::Planned::default(),
        }
    }

    /// Whether namespaces that were found to differ still wait to be written.
    pub fn is_filling(&self) -> bool {
        self.work.queue.places().any(|place| place.rank == FOUND)
    }

    /// Namespaces that were decided on since this was called last.
    pub(crate) fn take_decided(&mut self) -> BTreeSet<String> {
        self.decided.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How long the namespace that waits longest for its write has been waiting.
    pub fn lag(&self, now: Instant) -> Duration {
        self.progress.oldest().map(|since| now.saturating_duration_since(since)).unwrap_or_default()
    }

    /// Plans one namespace; what keeps it from being compliant is returned when it is new.
    pub(super) fn consider(&mut self, name: &str, live: bool, ready: Instant) -> Option<Fault> {
        let decision = self.decide(name);
        let trouble = decision.trouble().cloned();
        match decision {
            Decision::Write(write) => {
                let now = clock::now();
                self.progress.update(name, |progress| progress.since.get_or_insert(now).to_owned());
                self.queue(&write, live, ready);
                self.keep_plan(live, write);
                self.note(name, trouble)
            }
            Decision::Rest { .. } => {
                self.progress.settle(name, clock::now());
                let news = self.note(name, trouble);
                self.look_again(name, ready.max(clock::now()), news.is_some());
                news
            }
            Decision::Ignore => {
                self.progress.settle(name, clock::now());
                self.progress.note(name, None)
            }
        }
    }

    /// Puts a namespace that is to be written into the queue. It is not ready before its attempts
    /// and the other writer allow.
    pub(super) fn queue(&mut self, write: &PlannedWrite, live: bool, ready: Instant) {
        let urgency = write.urgency(live);
        self.add(&write.request.name, write.tenant.as_deref(), urgency, live, ready);
        let now = clock::now();
        let name = &write.request.name;
        let put_off = self
            .progress
            .get(name)
            .and_then(|progress| progress.attempts.not_before(now))
            .max(write.not_before);
        // An event that came while the key was taken may have asked for an earlier time.
        if let Some(until) = put_off.filter(|until| *until >= ready) {
            self.work.queue.reschedule(name, until);
        }
    }

    /// A namespace of which there is nothing to write is looked at again: at once where there is
    /// something to find out, or when what another writer did is forgotten.
    fn look_again(&mut self, name: &str, now: Instant, is_news: bool) {
        let Some(progress) = self.progress.get(name) else { return };
        if progress.trouble.as_ref().is_none_or(|trouble| trouble.reason != Reason::Contested) {
            return;
        }
        let until = if is_news { Some(now) } else { progress.contention.until(now) };
        if let Some(until) = until {
            self.add(name, None, Urgency::Drift, true, until);
        }
    }

    fn add(
        &mut self,
        name: &str,
        tenant: Option<&str>,
        urgency: Urgency,
        live: bool,
        ready: Instant,
    ) {
        let rank = if live { LIVE } else { FOUND };
        let key = name.to_owned();
        let group = self.work.group_of(&key, tenant.unwrap_or_default());
        self.work.queue.add(&key, Place { urgency, group, rank, ready });
    }

    /// Decides, and lets store and gated Pods know.
    pub(super) fn decide(&mut self, name: &str) -> Decision {
        let none = Contention::default();
        let contention = self.progress.get(name).map_or(&none, |progress| &progress.contention);
        let Verdict { decision, standing, placement } =
            decide(Knowledge { store: &self.store, contention, now: clock::now() }, name);
        let standing = standing.map(|standing| self.keep_failed(name, standing));
        self.store.stand(name, standing);
        self.gated().set_placement(name, placement);
        if let Some(decided) = &mut self.decided {
            decided.insert(name.to_owned());
        }
        decision
    }

    /// A namespace whose writes fail stays failed until one succeeds, whatever is planned.
    fn keep_failed(&self, name: &str, standing: Standing) -> Standing {
        let progress = self
            .progress
            .get(name)
            .filter(|progress| progress.attempts.are_reported() || progress.is_given_up);
        match progress.and_then(|progress| progress.trouble.as_ref()) {
            Some(trouble) if standing.state == Compliance::Pending => {
                Standing { state: Compliance::Failed, reason: Some(trouble.reason), ..standing }
            }
            _ => standing,
        }
    }

    /// The decision for a namespace whose turn it is: that of [`Self::consider`] if nothing has
    /// changed since.
    pub(super) fn take_plan(&mut self, name: &str) -> Decision {
        match self.planned.take(name, &self.store) {
            Some(write) => Decision::Write(write),
            None => self.decide(name),
        }
    }

    fn keep_plan(&mut self, live: bool, write: PlannedWrite) {
        if live && write.not_before.is_none() {
            self.planned.keep(write, &self.store);
        }
    }

    /// A failure that is still being tried is not forgotten because something else is planned.
    fn note(&mut self, name: &str, trouble: Option<Fault>) -> Option<Fault> {
        let is_failing =
            self.progress.get(name).is_some_and(|progress| progress.attempts.are_reported());
        if is_failing && trouble.is_none() { None } else { self.progress.note(name, trouble) }
    }

    /// There is nothing to write after all.
    pub(super) fn rest(&mut self, name: &str, trouble: Option<Fault>) {
        let now = clock::now();
        self.progress.settle(name, now);
        self.progress.note(name, trouble);
        self.look_again(name, now, false);
    }

    /// A namespace that is gone; with a `uid`, if it is still that one.
    pub fn forget(&mut self, name: &str, uid: Option<&str>) {
        self.store.remove_namespace(name, uid);
        if self.store.namespace(name).is_none() {
            self.work.forget(&name.to_owned());
            self.progress.forget(name);
            self.planned.forget(name);
            self.gated().set_placement(name, None);
        }
    }

    /// Keys of a namespace that the other writer has now, or may take any moment.
    pub fn contested_keys(&self, name: &str) -> Vec<Key> {
        let Some(progress) = self.progress.get(name) else { return Vec::new() };
        let now = clock::now();
        let planned = self.store.assess(name).map(|assessment| assessment.plan).unwrap_or_default();
        progress.contention.contested_keys(&planned, now)
    }
}

/// Whether it just happened, or was found.
pub(super) fn is_live(job: &Job<String>) -> bool {
    is_live_place(&job.place)
}

/// The same by its place in the queue.
pub(super) fn is_live_place(place: &Place) -> bool {
    place.rank == LIVE
}
