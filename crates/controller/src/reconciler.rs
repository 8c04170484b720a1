//! Reconciler: takes what is next from the queue, plans it on the freshest copy, writes it at the pace, and reports.
//!
//! ```text
//! watch ─▶ consider ─▶ store + queue ─▶ work ─▶ planner ─▶ writer ─▶ outcome
//!                          ▲──────────────────────────────────┘ conflict, push back, failure
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::Notify;

use crate::contention;
use crate::outcome::{self, Outcomes};
use crate::pace::Pace;
use crate::planner::{CONTESTED, Decision, PlannedWrite, Trouble};
use crate::queue::Urgency;
use crate::store::Store;
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use cluster::lease::Leadership;
use cluster::writer::{Failure, Writer, Written};

mod shared;

pub use self::shared::{FIRST_RETRY, QUICK_CONFLICTS, Shared, backoff};

/// How many namespaces are planned at a time; half a millisecond's work.
const CHUNK: usize = 32;

/// See the module.
pub struct Reconciler {
    shared: Mutex<Shared>,
    wake: Notify,
    writer: Writer,
    outcomes: Arc<Outcomes>,
    /// How often a failed write is tried again; `None` is forever.
    retries: Option<u32>,
}

/// A one-shot run gives a namespace up after so many failures.
const ONE_SHOT_RETRIES: u32 = 2;

impl Reconciler {
    pub fn new(store: Store, pace: Pace, writer: Writer, outcomes: Outcomes) -> Self {
        Self { shared: Mutex::new(Shared::new(store, pace)), wake: Notify::new(), writer, outcomes: Arc::new(outcomes), retries: None }
    }

    /// One that comes to an end: a namespace that fails again and again is given up and stays among the troubles.
    pub fn once(store: Store, pace: Pace, writer: Writer, outcomes: Outcomes) -> Self {
        Self { retries: Some(ONE_SHOT_RETRIES), ..Self::new(store, pace, writer, outcomes) }
    }

    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn outcomes(&self) -> &Arc<Outcomes> {
        &self.outcomes
    }

    /// Plans a namespace that changed just now (`live`) or was found, and queues it if it differs. Writes nothing.
    pub fn consider(&self, name: &str, live: bool, ready: Instant) {
        self.consider_part(&[name], live, ready);
    }

    /// The same for many. Between a few of them others get their turn: a new namespace must not wait for a whole cluster.
    pub async fn consider_all<N: AsRef<str>>(&self, names: &[N], ready: Instant) {
        for part in names.chunks(CHUNK) {
            self.consider_part(part, false, ready);
            tokio::task::yield_now().await;
        }
    }

    fn consider_part<N: AsRef<str>>(&self, names: &[N], live: bool, ready: Instant) {
        let mut shared = self.shared();
        for name in names.iter().map(AsRef::as_ref) {
            if let Some(trouble) = shared.consider(name, live, ready) {
                let uid = shared.store.namespace(name).map_or("", |held| &held.uid);
                self.outcomes.troubled(name, uid, &trouble);
            }
        }
        drop(shared);
        self.wake.notify_one();
    }

    /// Works for as long as this replica leads, and again when it leads again. Ends with its caller.
    pub async fn run(self: Arc<Self>, mut leadership: Leadership) {
        loop {
            leadership.gained().await;
            let (job, wait) = self.next();
            if let Some((name, urgency)) = job {
                let (this, leadership) = (Arc::clone(&self), leadership.clone());
                tokio::spawn(async move { this.work(&name, urgency, &leadership).await });
                continue;
            }
            // The end of a write wakes this as well: it makes room.
            tokio::select! {
                () = self.wake.notified() => {}
                () = until(wait) => {}
            }
        }
    }

    /// What to do next, or until when there is nothing to do.
    fn next(&self) -> (Option<(String, Urgency)>, Option<Instant>) {
        let (mut shared, now) = (self.shared(), clock::now());
        let due = shared.queue.next_ready(now);
        if due.is_none_or(|due| due > now) {
            return (None, due);
        }
        if !shared.pace.begin(now) {
            return (None, shared.pace.pause(now));
        }
        let job = shared.queue.take(now);
        if job.is_none() {
            shared.pace.end();
        }
        (job, None)
    }

    async fn work(&self, name: &str, urgency: Urgency, leadership: &Leadership) {
        let decision = self.shared().decide(name);
        let trouble = decision.trouble().cloned();
        match decision {
            Decision::Write(write) if leadership.holds() => {
                let (written, took) = self.writer.write(&write.request).await;
                self.settle(&write, urgency, written, took).await;
            }
            Decision::Write(_) => {
                let mut shared = self.shared();
                shared.pace.end();
                shared.queue.add(name, urgency, clock::now());
            }
            Decision::Rest { .. } | Decision::Ignore => {
                let mut shared = self.shared();
                shared.pace.end();
                shared.rest(name, trouble.clone());
            }
        }
        if trouble.is_some_and(|trouble| trouble.reason == CONTESTED) && leadership.holds() {
            self.contest(name).await;
        }
        self.shared().queue.done(name);
        self.wake.notify_one();
    }

    /// Finds out who the other writer is, tells it, and comes back when the quarrel may be over.
    async fn contest(&self, name: &str) {
        let unknown = self.shared().fights.rival(name).is_none();
        if unknown && let Ok(Some(meta)) = self.writer.read(name).await {
            let news = self.identify_rival(name, &meta);
            if let Some((uid, trouble)) = news {
                self.outcomes.contested(name, &uid, &trouble);
            }
        }
        let (mut shared, now) = (self.shared(), clock::now());
        let until = shared.fights.until(name, now).unwrap_or(now).max(now + FIRST_RETRY);
        shared.queue.add(name, Urgency::Retry, until);
    }

    fn identify_rival(&self, name: &str, meta: &ObjectMeta) -> Option<(String, Trouble)> {
        let mut shared = self.shared();
        let rival = contention::rival(meta, &shared.contested_keys(name));
        shared.contest(name, rival)
    }

    async fn settle(&self, write: &PlannedWrite, urgency: Urgency, written: Written, took: Duration) {
        let now = clock::now();
        match written {
            Written::Done(meta) => {
                let lag = self.shared().succeed(write, urgency, CachedNamespace::of(&meta), now, took);
                self.outcomes.written(write, urgency, took, lag);
            }
            Written::Dry => {
                let mut shared = self.shared();
                shared.pace.succeed(now, took);
                shared.written += 1;
                shared.rest(&write.request.name, write.trouble.clone());
            }
            Written::Conflict(message) => {
                self.outcomes.not_written(write, outcome::CONFLICT, took);
                self.shared().pace.end();
                self.refresh(write, urgency, message, took).await;
            }
            Written::Gone => {
                self.outcomes.not_written(write, outcome::GONE, took);
                let mut shared = self.shared();
                shared.pace.end();
                shared.forget(&write.request.name, Some(&write.request.uid));
            }
            Written::Pushback(after) => {
                self.outcomes.not_written(write, outcome::PUSHBACK, took);
                let mut shared = self.shared();
                shared.pace.push_back(now, after);
                shared.queue.add(&write.request.name, urgency, now + after);
            }
            Written::Refused(failure) => {
                self.shared().pace.end();
                self.fail(write, failure, took);
            }
            Written::Unavailable(failure) => {
                self.shared().pace.fail(now);
                self.fail(write, failure, took);
            }
        }
    }

    fn fail(&self, write: &PlannedWrite, Failure { reason, message }: Failure, took: Duration) {
        self.shared().fail(write, Trouble { reason, message: message.clone() }, clock::now(), self.retries);
        self.outcomes.failed(write, reason, &message, took);
    }

    /// After a conflict: plans on the copy that the watch has brought, or on one that is fetched.
    async fn refresh(&self, write: &PlannedWrite, urgency: Urgency, message: String, took: Duration) {
        let known = self.shared().store.namespace(&write.request.name).map(|held| held.version.clone());
        if known.as_ref() == Some(&write.request.version) {
            match self.writer.read(&write.request.name).await {
                // Nobody wrote in between: an admission webhook says so, and would say so again.
                Ok(Some(meta)) if meta.resource_version.as_ref() == Some(&write.request.version) => {
                    return self.fail(write, Failure { reason: "Refused", message }, took);
                }
                Ok(Some(meta)) => drop(self.shared().store.put_namespace(CachedNamespace::of(&meta))),
                Ok(None) => return self.shared().forget(&write.request.name, None),
                // The watch will bring it.
                Err(error) => tracing::debug!(namespace = write.request.name, %error, "not read again"),
            }
        }
        self.shared().plan_again(&write.request.name, urgency);
    }
}

/// Waits for this time; forever if there is none.
pub async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
