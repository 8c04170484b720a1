//! Reconciler: takes what is next from the queue, plans it on the freshest copy, writes it at the
//! pace, and reports.
//!
//! ```text
//! watch ─▶ consider ─▶ store + queue ─▶ work ─▶ planner ─▶ writer ─▶ outcome
//!                          ▲──────────────────────────────────┘ conflict, failure
//! ```

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assessment::{Fault, Reason};
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use cluster::lease::Leadership;
use cluster::writer::{Failure, Writer, Written};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::audit::Audit;
use crate::contention;
use crate::gated_pods::GatedPods;
use crate::nodes::Nodes;
use crate::outcome::{self, Outcomes};
use crate::pace::{Pace, Subject};
use crate::planner::{Decision, PlannedWrite};
use crate::store::Store;
use crate::supervisor::{Pulse, join, reap};
use crate::work::{Job, OnDrop, within_permit};

mod planned;
mod put_off;
mod report;
mod shared;
mod withdrawal;

pub(crate) use self::shared::Shared;

/// How many namespaces are planned at a time; half a millisecond's work.
const CHUNK: usize = 32;
/// A one-shot run gives a namespace up after so many failures.
const ONE_SHOT_RETRIES: u32 = 2;

/// See the module.
pub struct Reconciler {
    shared: Mutex<Shared>,
    gated: Arc<Mutex<GatedPods>>,
    nodes: Mutex<Nodes>,
    /// Pods outside their pool, where they are counted.
    audit: Option<Mutex<Audit>>,
    wake: Notify,
    writer: Writer,
    outcomes: Arc<Outcomes>,
    /// How often a failed write is tried again; `None` is forever.
    retries: Option<u32>,
}

impl Reconciler {
    pub fn new(store: Store, pace: Pace, writer: Writer, outcomes: Outcomes) -> Self {
        let shared = Shared::new(store, pace);
        let gated = Arc::clone(&shared.gated);
        Self {
            shared: Mutex::new(shared),
            gated,
            nodes: Mutex::default(),
            audit: None,
            wake: Notify::new(),
            writer,
            outcomes: Arc::new(outcomes),
            retries: None,
        }
    }

    /// One that comes to an end: a namespace that fails again and again is given up and stays among
    /// the troubles.
    pub fn once(store: Store, pace: Pace, writer: Writer, outcomes: Outcomes) -> Self {
        Self { retries: Some(ONE_SHOT_RETRIES), ..Self::new(store, pace, writer, outcomes) }
    }

    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gated Pods. Anyone who needs both locks takes this one second.
    pub fn gated(&self) -> MutexGuard<'_, GatedPods> {
        self.gated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nodes, of which no write depends: the writer never waits for this lock.
    pub fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has Pods outside their pool counted.
    pub(crate) fn audited(self) -> Self {
        self.shared().decided = Some(BTreeSet::new());
        Self { audit: Some(Mutex::default()), ..self }
    }

    /// Whether they are.
    pub fn is_audited(&self) -> bool {
        self.audit.is_some()
    }

    /// Pods outside their pool; `None` where they are not counted. Anyone who needs the lock of
    /// nodes as well takes that one first.
    pub fn audit(&self) -> Option<MutexGuard<'_, Audit>> {
        let audit = self.audit.as_ref()?;
        Some(audit.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn outcomes(&self) -> &Arc<Outcomes> {
        &self.outcomes
    }

    /// Plans a namespace that changed just now (`live`) or was found, and queues it if it differs.
    /// Writes nothing.
    pub fn consider(&self, name: &str, live: bool, ready: Instant) {
        self.consider_part(&[name], live, ready);
    }

    /// The same for many. Between a few of them others get their turn: a new namespace must not
    /// wait for a whole cluster.
    pub async fn consider_all<N: AsRef<str>>(&self, names: &[N], ready: Instant) {
        for part in names.chunks(CHUNK) {
            self.consider_part(part, false, ready);
            tokio::task::yield_now().await;
        }
    }

    /// The whole cluster has been planned: what is not urgent goes as well.
    pub(crate) fn release_bulk(&self) {
        self.shared().work.queue.release_bulk();
        self.wake.notify_one();
    }

    fn consider_part<N: AsRef<str>>(&self, names: &[N], live: bool, ready: Instant) {
        let mut shared = self.shared();
        for name in names.iter().map(AsRef::as_ref) {
            if let Some(trouble) = shared.consider(name, live, ready) {
                let uid = shared.store.namespace(name).map_or("", |held| &held.uid);
                self.outcomes.troubled(name, uid, &shared.store.payer(name), &trouble);
            }
        }
        drop(shared);
        self.wake.notify_one();
    }

    /// Works for as long as this replica leads, and again when it leads again. Ends with its
    /// caller; a job that panics ends it.
    pub async fn run(self: Arc<Self>, mut leadership: Leadership, pulse: Pulse) {
        let mut jobs = JoinSet::new();
        loop {
            pulse.beat_while(leadership.gained()).await;
            reap(&mut jobs);
            let wait = match self.next() {
                Ok(job) => {
                    let (this, leadership) = (Arc::clone(&self), leadership.clone());
                    jobs.spawn(async move { this.work(job, &leadership).await });
                    continue;
                }
                Err(wait) => wait,
            };
            // The end of a write wakes this as well: it makes room.
            tokio::select! {
                () = pulse.beat_while(self.wake.notified()) => {}
                () = until(wait) => {}
                () = join(&mut jobs) => {}
            }
        }
    }

    /// What to do next, or until when there is nothing to do.
    fn next(&self) -> Result<Job<String>, Option<Instant>> {
        self.shared().work.next(clock::now())
    }

    async fn work(&self, job: Job<String>, leadership: &Leadership) {
        let key = job.key.clone();
        let group = Arc::clone(&job.place.group);
        let _back = OnDrop(|| {
            self.shared().work.done(&key, &group);
            self.wake.notify_one();
        });
        let name = &key;
        let (decision, epoch, revision) = {
            let mut shared = self.shared();
            (shared.take_plan(name), shared.store.epoch(), shared.store.decisive_revision())
        };
        let contested =
            decision.trouble().is_some_and(|trouble| trouble.reason == Reason::Contested);
        if contested && leadership.holds() {
            self.report_contention(name).await;
        }
        match decision {
            Decision::Write(write) if !leadership.holds() => {
                self.shared().queue(&write, shared::is_live(&job), clock::now())
            }
            Decision::Write(write)
                if write.not_before.is_some_and(|until| until > clock::now()) =>
            {
                self.shared().queue(&write, shared::is_live(&job), clock::now());
            }
            // Settings or a tenant have changed since it was decided: it is decided anew.
            Decision::Write(write) if self.shared().store.decisive_revision() != revision => {
                self.shared().queue(&write, shared::is_live(&job), clock::now());
            }
            Decision::Write(write) => self.write(write, job, epoch).await,
            Decision::Rest { trouble } => self.shared().rest(name, trouble),
            Decision::Ignore => self.shared().rest(name, None),
        }
    }

    /// Finds out who the other writer is, and reports it, once.
    async fn report_contention(&self, name: &str) {
        let is_known =
            self.shared().progress.get(name).is_some_and(|one| one.contention.is_looked_up());
        if is_known {
            return;
        }
        if let Ok(Some(meta)) = self.writer.read(name).await
            && let Some((uid, trouble)) = self.identify_other(name, &meta)
        {
            let payer = self.shared().store.payer(name);
            self.outcomes.contested(name, &uid, &payer, &trouble);
        }
    }

    fn identify_other(&self, name: &str, meta: &ObjectMeta) -> Option<(String, Fault)> {
        let mut shared = self.shared();
        let other = contention::find_other(meta, &shared.contested_keys(name));
        shared.contest(name, other)
    }

    async fn write(&self, write: PlannedWrite, job: Job<String>, epoch: u64) {
        let Job { key, place, permit } = job;
        let on_hang = || {
            self.shared().work.hang(&key, &place.group);
            self.wake.notify_one();
        };
        let (written, took) =
            within_permit(permit, self.writer.write(&write.request), on_hang).await;
        let subject = Subject { key: &key, tenant: write.tenant.as_deref().unwrap_or_default() };
        self.shared().work.pace.book(clock::now(), subject, &written, took);
        let live = shared::is_live_place(&place);
        let mut refused = None;
        match written {
            Written::Done(meta) => {
                let (lag, payer) = {
                    let mut shared = self.shared();
                    let answer = CachedNamespace::from_meta(&meta);
                    let lag = shared.succeed(&write, live, answer, epoch, took);
                    (lag, shared.store.payer(&key))
                };
                self.outcomes.written(&write, &place, live, (took, lag), &payer);
            }
            Written::Dry => {
                let mut shared = self.shared();
                shared.written += 1;
                shared.rest(&key, write.trouble.clone());
            }
            Written::Reverted(meta, keys) => {
                let failure = reverted(&keys);
                self.shared().take_reverted(&write, &meta, epoch);
                self.fail(&write, live, &failure, took);
                refused = Some(failure);
            }
            Written::Conflict(message) => {
                self.outcomes.not_written(&write, outcome::CONFLICT, took);
                self.refresh(&write, &place, epoch, message, took).await;
            }
            Written::Gone => {
                self.outcomes.not_written(&write, outcome::GONE, took);
                self.shared().forget(&key, Some(&write.request.uid));
            }
            Written::Failed(failure) => {
                self.fail(&write, live, &failure, took);
                refused = Some(failure);
            }
        }
        if let Some(failure) = refused {
            self.withdraw(&write, &failure, epoch).await;
        }
    }

    fn fail(&self, write: &PlannedWrite, live: bool, failure: &Failure, took: Duration) {
        let (report, payer) = {
            let mut shared = self.shared();
            let report = shared.fail(write, live, failure, self.retries);
            (report, shared.store.payer(&write.request.name))
        };
        match report {
            Some(fault) => self.outcomes.failed(write, &fault, took, &payer),
            None => self.outcomes.not_written(write, failure.reason.word(), took),
        }
    }

    /// After a conflict: plans on the copy that the watch has brought, or on one that is fetched.
    async fn refresh(
        &self,
        write: &PlannedWrite,
        place: &crate::queue::Place,
        epoch: u64,
        message: String,
        took: Duration,
    ) {
        let request = &write.request;
        let known = self.shared().store.namespace(&request.name).map(|held| held.version.clone());
        if known.as_ref() == Some(&request.version) {
            match self.writer.read(&request.name).await {
                // Nobody wrote in between: an admission webhook says so, and would say so again.
                Ok(Some(meta)) if meta.resource_version.as_ref() == Some(&request.version) => {
                    let failure = Failure::of_object(Reason::Refused, message);
                    self.fail(write, shared::is_live_place(place), &failure, took);
                    return self.withdraw(write, &failure, epoch).await;
                }
                Ok(Some(meta)) => {
                    self.shared().store.update_namespace(CachedNamespace::from_meta(&meta), epoch)
                }
                // Another one of its name may have been created since.
                Ok(None) => self.shared().forget(&request.name, Some(&request.uid)),
                // The watch will bring it.
                Err(error) => tracing::debug!(namespace = request.name, %error, "not read again"),
            }
        }
        self.shared().plan_again(&request.name, place);
        self.report_overtaken(write, epoch).await;
    }
}

/// The answer does not carry what was written.
fn reverted(keys: &[String]) -> Failure {
    let message = format!(
        "the API server accepted the write, but admission set {} back: a mutating webhook or admission policy does that. If it is landlord's own \
         guard (landlord-guard-seal), `controller` in the settings does not name the account that the controller runs as: `landlord doctor` tells",
        keys.join(", ")
    );
    Failure::of_object(Reason::Reverted, message)
}

/// Waits for this time; forever if there is none.
pub(crate) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
