//! Reconciler: takes what is next from the queue, plans it on the freshest copy, writes it at the pace, and reports.
//!
//! ```text
//! watch ─▶ consider ─▶ store + queue ─▶ work ─▶ planner ─▶ writer ─▶ outcome
//!                          ▲──────────────────────────────────┘ conflict, push back, failure
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::lease::Leadership;
use crate::outcome::Outcomes;
use crate::pace::Pace;
use crate::planner::{Decision, Trouble, Write, decide};
use crate::queue::{Queue, Urgency};
use crate::store::{Compliance, Held, Standing, Store};
use crate::writer::{Writer, Written};

/// The first wait after a failure; each further one is twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// How many namespaces are planned at a time; half a millisecond's work.
const CHUNK: usize = 32;
/// Conflicts in a row that are planned again at once; a busy namespace waits a moment then.
const QUICK_CONFLICTS: u32 = 5;

/// See the module.
pub(crate) struct Reconciler {
    shared: Mutex<Shared>,
    wake: Notify,
    writer: Writer,
    outcomes: Outcomes,
    /// How often a failed write is tried again; `None` is forever.
    retries: Option<u32>,
}

/// A one-shot run gives a namespace up after so many failures.
const ONE_SHOT_RETRIES: u32 = 2;

/// What all tasks see, behind one lock that is never held across a wait.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) pace: Pace,
    /// Attempts in a row that did not succeed, and since when a namespace has been different.
    attempts: HashMap<String, u32>,
    since: HashMap<String, Instant>,
    /// Namespaces that were given up, for reports.
    pub(crate) troubles: HashMap<String, Trouble>,
    pub(crate) written: u64,
}

impl Reconciler {
    pub(crate) fn new(store: Store, writer: Writer, outcomes: Outcomes) -> Self {
        let shared = Shared {
            store,
            queue: Queue::default(),
            pace: Pace::default(),
            attempts: HashMap::new(),
            since: HashMap::new(),
            troubles: HashMap::new(),
            written: 0,
        };
        Self { shared: Mutex::new(shared), wake: Notify::new(), writer, outcomes, retries: None }
    }

    /// One that comes to an end: a namespace that fails again and again is given up and stays among the troubles.
    pub(crate) fn once(store: Store, writer: Writer, outcomes: Outcomes) -> Self {
        Self { retries: Some(ONE_SHOT_RETRIES), ..Self::new(store, writer, outcomes) }
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// Plans a namespace that changed just now (`live`) or was found, and queues it if it differs. Writes nothing.
    pub(crate) fn consider(&self, name: &str, live: bool, ready: Instant) {
        self.consider_part(&[name], live, ready);
    }

    /// The same for many. Between a few of them others get their turn: a new namespace must not wait for a whole cluster.
    pub(crate) async fn consider_all<N: AsRef<str>>(&self, names: &[N], ready: Instant) {
        for part in names.chunks(CHUNK) {
            self.consider_part(part, false, ready);
            tokio::task::yield_now().await;
        }
    }

    fn consider_part<N: AsRef<str>>(&self, names: &[N], live: bool, ready: Instant) {
        let mut shared = self.shared();
        for name in names.iter().map(AsRef::as_ref) {
            if let Some(trouble) = shared.consider(name, live, ready) {
                self.outcomes.troubled(name, &trouble);
            }
        }
        drop(shared);
        self.wake.notify_one();
    }

    /// Works for as long as this replica leads, and again when it leads again. Ends with its caller.
    pub(crate) async fn run(self: Arc<Self>, mut leadership: Leadership) {
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
        let (mut shared, now) = (self.shared(), Instant::now());
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
        match decision {
            Decision::Write(write) if leadership.holds() => {
                let (written, took) = self.writer.write(&write).await;
                self.settle(&write, urgency, written, took).await;
            }
            Decision::Write(_) => {
                let mut shared = self.shared();
                shared.pace.end();
                shared.queue.add(name, urgency, Instant::now());
            }
            Decision::Rest { .. } | Decision::Ignore => self.shared().pace.end(),
        }
        self.shared().queue.done(name);
        self.wake.notify_one();
    }

    async fn settle(&self, write: &Write, urgency: Urgency, written: Written, took: Duration) {
        let now = Instant::now();
        match written {
            Written::Done(meta) => {
                let lag = self.shared().succeed(write, Held::of(&meta), now, took);
                self.outcomes.written(write, urgency, took, lag).await;
            }
            Written::Dry => {
                let mut shared = self.shared();
                shared.pace.succeed(now, took);
                shared.written += 1;
            }
            Written::Conflict => {
                self.outcomes.not_written(write, "conflict", took);
                self.shared().pace.end();
                self.refresh(write, urgency).await;
            }
            Written::Gone => {
                self.outcomes.not_written(write, "gone", took);
                let mut shared = self.shared();
                shared.pace.end();
                shared.forget(&write.name, Some(&write.uid));
            }
            Written::Pushback(after) => {
                self.outcomes.not_written(write, "pushback", took);
                let mut shared = self.shared();
                shared.pace.push_back(now, after);
                shared.queue.add(&write.name, urgency, now + after);
            }
            Written::Failed { reason, message } => {
                self.shared().fail(write, Trouble { reason, message: message.clone() }, now, self.retries);
                self.outcomes.failed(write, reason, &message, took).await;
            }
        }
    }

    /// After a conflict: plans on the copy that the watch has brought, or on one that is fetched.
    async fn refresh(&self, write: &Write, urgency: Urgency) {
        let known = self.shared().store.namespace(&write.name).map(|held| held.version.clone());
        if known.as_ref() == Some(&write.version) {
            match self.writer.read(&write.name).await {
                Ok(Some(meta)) => drop(self.shared().store.put_namespace(Held::of(&meta))),
                Ok(None) => self.shared().forget(&write.name, None),
                // The watch will bring it.
                Err(error) => tracing::debug!(namespace = write.name, %error, "not read again"),
            }
        }
        let mut shared = self.shared();
        let attempts = shared.attempts.entry(write.name.clone()).or_default();
        *attempts += 1;
        let wait = if *attempts > QUICK_CONFLICTS { FIRST_RETRY } else { Duration::ZERO };
        if shared.store.namespace(&write.name).is_some() {
            shared.queue.add(&write.name, urgency, Instant::now() + wait);
        }
    }
}

impl Shared {
    /// Plans one namespace; what keeps it from being compliant is returned when it is new.
    fn consider(&mut self, name: &str, live: bool, ready: Instant) -> Option<Trouble> {
        match self.decide(name) {
            Decision::Write(write) => {
                self.since.entry(name.to_owned()).or_insert_with(Instant::now);
                self.queue.add(name, write.urgency(live), ready);
                self.note(name, write.trouble)
            }
            Decision::Rest { trouble } => {
                self.settled(name);
                self.note(name, trouble)
            }
            Decision::Ignore => {
                self.settled(name);
                None
            }
        }
    }

    fn decide(&mut self, name: &str) -> Decision {
        let (decision, standing) = decide(&self.store, name);
        self.store.stand(name, standing);
        decision
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

    fn settled(&mut self, name: &str) {
        self.attempts.remove(name);
        self.since.remove(name);
    }

    /// Takes in the namespace as it is now. The lag is counted from its creation, if that was after landlord began to wait for it.
    fn succeed(&mut self, write: &Write, now_is: Held, now: Instant, took: Duration) -> Duration {
        self.pace.succeed(now, took);
        self.written += 1;
        let since = self.since.get(&write.name).map_or(took, |since| now.duration_since(*since));
        let age = now_is.created.as_ref().and_then(|created| SystemTime::now().duration_since(SystemTime::from(created.0)).ok());
        self.settled(&write.name);
        self.store.put_namespace(now_is);
        match self.decide(&write.name) {
            // Somebody changed it in between, or the tenant.
            Decision::Write(_) => self.queue.add(&write.name, Urgency::Drift, now),
            Decision::Rest { trouble } => drop(self.note(&write.name, trouble)),
            Decision::Ignore => {}
        }
        // Kubernetes counts creation in whole seconds, so the age of a young namespace says little.
        age.filter(|age| *age < since).unwrap_or(since)
    }

    /// A write failed: it is tried again later, unless it was tried often enough.
    fn fail(&mut self, write: &Write, trouble: Trouble, now: Instant, retries: Option<u32>) {
        self.pace.push_back(now, Duration::ZERO);
        let attempts = self.attempts.entry(write.name.clone()).or_default();
        *attempts += 1;
        if retries.is_none_or(|retries| *attempts <= retries) {
            self.queue.add(&write.name, Urgency::Retry, now + backoff(*attempts));
        }
        let standing = Standing { tenant: write.tenant.clone(), state: Compliance::Failed, reason: Some(trouble.reason) };
        self.store.stand(&write.name, Some(standing));
        self.troubles.insert(write.name.clone(), trouble);
    }

    /// A namespace that is gone.
    pub(crate) fn forget(&mut self, name: &str, uid: Option<&str>) {
        self.store.remove_namespace(name, uid);
        if self.store.namespace(name).is_none() {
            self.queue.forget(name);
            self.settled(name);
            self.troubles.remove(name);
        }
    }
}

/// Doubles with each attempt; up to a tenth more, so that those who failed together do not come together.
fn backoff(attempts: u32) -> Duration {
    let wait = FIRST_RETRY.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LAST_RETRY);
    let share = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos() % 100);
    wait + wait * share / 1000
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
