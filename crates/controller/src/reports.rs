//! Reports: what the leader writes of each namespace where auditors look
//! ([`cluster::reports`]). They have a task and a pace of their own, so that namespaces are written
//! no later for them, and a report is written only when it says something else than before.
//!
//! ```text
//! discovery ─▶ kind ─▶ list: what is there ─┐
//! snapshot of the namespaces ───────────────┴─▶ book: what differs ─▶ create · patch · delete
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assessment::Reason;
use cluster::clock::{self, ANSWER_TIMEOUT};
use cluster::error::message;
use cluster::lease::Leadership;
use cluster::reports::{self, Found, ReportKind, Stored};
use cluster::writer::{Failure, Written};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::Error;

use crate::attempts::Attempts;
use crate::context::Context;
use crate::pace::{Pace, Permit, Subject};
use crate::snapshot::Snapshots;
use crate::supervisor::Pulse;

mod book;
mod metrics;

pub(crate) use self::book::PlacementFn;
use self::book::{Action, Book, Changes, Question, Task, is_controllers};
pub(crate) use self::metrics::ReportMetrics;

/// How often it is looked what has to be written.
const ROUND_INTERVAL: Duration = Duration::from_secs(2);
/// How often it is asked which kind the API server serves.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(60);
/// How often what is stored is compared: other clients may change or delete reports.
const COMPARE_INTERVAL: Duration = Duration::from_secs(3600);
/// Reports that are written at a time. They are for people who look later; namespaces come first.
const MAX_IN_FLIGHT: usize = 4;
/// Reports that are written before it is looked again: what they say is then a moment old.
const MAX_A_ROUND: usize = 256;
/// So many failures of several tenants without a success end a round: it is not about one
/// namespace.
const MAX_FAILURES: usize = 8;
/// What it takes to write reports.
const NEEDS: &str = "ClusterRole landlord:reports";

/// See [`PlacementFn`].
pub(crate) type PlacementOf = Arc<PlacementFn>;

/// See the module.
pub(crate) struct Reports {
    pub context: Context,
    pub snapshots: Arc<Snapshots>,
    pub leadership: Leadership,
    pub metrics: ReportMetrics,
    /// Without it no report speaks of placement.
    pub placement: Option<PlacementOf>,
}

/// What the task remembers from round to round.
#[derive(Default)]
struct Memory {
    kind: Option<ReportKind>,
    /// Another kind that the API server serves as well, in which reports may be left.
    obsolete: Option<ReportKind>,
    asked: Option<Instant>,
    compared: Option<Instant>,
    book: Book,
    /// Failures that are not about one namespace.
    attempts: Attempts,
}

impl Memory {
    /// What is stored is to be listed again.
    fn forget(&mut self) {
        self.book = Book::default();
        self.compared = None;
    }

    fn forget_kind(&mut self) {
        self.forget();
        (self.kind, self.asked) = (None, None);
    }
}

/// How a round went.
#[derive(Default)]
struct Tally {
    stored: usize,
    failed: usize,
    /// Failures that may be everybody's, and whose namespaces they were met in.
    general: usize,
    tenants: BTreeSet<String>,
    is_not_served: bool,
}

impl Tally {
    /// What one tenant can bring about in its own namespaces, such as a report of the same name,
    /// ends no round.
    fn fail(&mut self, tenant: &str, failure: &Failure) {
        self.failed += 1;
        if failure.reason != Reason::Conflicted {
            self.general += 1;
            self.tenants.insert(tenant.to_owned());
        }
    }

    fn is_hopeless(&self) -> bool {
        let is_everybodys = self.general >= MAX_FAILURES && self.tenants.len() > 1;
        self.is_not_served || (self.stored == 0 && is_everybodys)
    }
}

/// A report under way.
struct Sent {
    task: Task,
    stored: Stored,
    took: Duration,
}

impl Reports {
    /// Writes what changed, again and again. Does not return.
    pub(crate) async fn run(self, pulse: Pulse) {
        let mut memory = Memory::default();
        let mut pace = Pace::of_few(MAX_IN_FLIGHT);
        let mut relist = self.context.signals.relist.subscribe();
        loop {
            pulse.beat();
            tokio::time::sleep(ROUND_INTERVAL).await;
            if relist.has_changed().unwrap_or_default() {
                // What was written last may be lost with what etcd held.
                relist.mark_unchanged();
                memory.forget();
            }
            if !self.leadership.holds() || !self.context.readiness.is_complete() {
                // The next leader lists what is there.
                memory.forget();
                self.metrics.set_pending(0);
                continue;
            }
            if self.context.reconciler.shared().work.queue.is_bulk_held() {
                // Not every namespace has been judged.
                continue;
            }
            self.write_changes(&mut memory, &mut pace, &pulse).await;
        }
    }

    async fn write_changes(&self, memory: &mut Memory, pace: &mut Pace, pulse: &Pulse) {
        self.discover(memory).await;
        let Some(kind) = memory.kind else { return };
        if memory.attempts.not_before(clock::now()).is_some() {
            return;
        }
        if let Err(error) = self.compare(memory, kind, pulse).await {
            return self.fail(memory, &error);
        }
        loop {
            let (tasks, more) = self.find_changes(&mut memory.book, kind);
            self.metrics.set_pending(tasks.len() + more);
            let tally = self.carry_out(kind, tasks, &mut memory.book, pace, pulse).await;
            if tally.is_not_served {
                tracing::info!(kind = kind.word(), "reports are not served any more");
                return memory.forget_kind();
            }
            if tally.is_hopeless() {
                memory.attempts.fail(clock::now(), None);
            } else if tally.stored > 0 {
                memory.attempts = Attempts::default();
            }
            if more == 0 || tally.failed > 0 || !self.leadership.holds() {
                return;
            }
            // It may be that nothing was written.
            tokio::task::yield_now().await;
        }
    }

    /// Finds out, from time to time, which kind there is. While nothing answers, the last one
    /// holds.
    async fn discover(&self, memory: &mut Memory) {
        let now = clock::now();
        if memory.asked.is_some_and(|asked| now < asked + DISCOVERY_INTERVAL) {
            return;
        }
        let served =
            match clock::within(ANSWER_TIMEOUT, reports::read_served(&self.context.client)).await {
                Ok(served) => served,
                Err(error) => return tracing::debug!(%error, "kinds of reports cannot be read"),
            };
        let is_first = memory.asked.replace(now).is_none();
        let mut served = served.into_iter();
        let (kind, obsolete) = (served.next(), served.next());
        if is_first || kind != memory.kind {
            memory.forget();
            self.report_kind(kind);
        }
        (memory.kind, memory.obsolete) = (kind, obsolete);
    }

    fn report_kind(&self, kind: Option<ReportKind>) {
        self.context.reconciler.shared().reports = Some(kind);
        self.metrics.set_kind(kind);
        match kind {
            Some(kind) => tracing::info!(kind = kind.word(), "reports are written"),
            None => {
                let [first, second] = ReportKind::ALL.map(ReportKind::api_version);
                tracing::warn!(
                    first,
                    second,
                    "no reports are written: the API server serves neither kind"
                );
            }
        }
    }

    /// Lists what is stored, at first and from time to time, and deletes what is left in another
    /// kind.
    async fn compare(
        &self,
        memory: &mut Memory,
        kind: ReportKind,
        pulse: &Pulse,
    ) -> Result<(), Error> {
        let now = clock::now();
        if memory.compared.is_some_and(|compared| now < compared + COMPARE_INTERVAL) {
            return Ok(());
        }
        memory.book.begin_comparison();
        let list = reports::for_each(&self.context.client, kind, |report| {
            memory.book.compare(&report);
        });
        pulse.beat_while(list).await?;
        if let Some(obsolete) = memory.obsolete {
            self.delete_obsolete(obsolete, pulse).await?;
        }
        memory.compared = Some(now);
        Ok(())
    }

    /// Deletes what the controller wrote while the API server served this kind alone: nobody keeps
    /// it up to date.
    async fn delete_obsolete(&self, kind: ReportKind, pulse: &Pulse) -> Result<(), Error> {
        let client = &self.context.client;
        let mut found = Vec::new();
        let list = reports::for_each(client, kind, |report| {
            found.extend(is_controllers(&report).then(|| Found::new(kind, &report)));
        });
        pulse.beat_while(list).await?;
        for report in found {
            pulse.beat();
            clock::within(ANSWER_TIMEOUT, report.delete(client)).await?;
        }
        Ok(())
    }

    /// The round could not begin.
    fn fail(&self, memory: &mut Memory, error: &Error) {
        if reports::is_not_served(error) {
            return memory.forget_kind();
        }
        memory.attempts.fail(clock::now(), None);
        let error = message(error);
        if memory.attempts.failures() == 3 {
            tracing::warn!(error, needs = NEEDS, "reports cannot be listed, trying again");
        } else {
            tracing::debug!(error, "reports cannot be listed, trying again");
        }
    }

    /// What differs from what is stored: what is written now, and how many more there are.
    fn find_changes(&self, book: &mut Book, kind: ReportKind) -> (Vec<Task>, usize) {
        let now = clock::now();
        let asked = Question { kind, placement: self.placement.as_deref(), now, most: MAX_A_ROUND };
        let Changes { tasks, more, missing } =
            book.find_changes(&self.snapshots.namespaces(), asked);
        let (excluded, gone): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|name| self.lives(name));
        // With a namespace its report goes by itself.
        gone.iter().for_each(|name| book.forget(name));
        let deletions = excluded.iter().filter_map(|name| book.delete(name, now));
        (tasks.into_iter().chain(deletions).collect(), more)
    }

    fn lives(&self, namespace: &str) -> bool {
        let shared = self.context.reconciler.shared();
        shared.store.namespace(namespace).is_some_and(|known| !known.namespace.terminating)
    }

    /// Writes them, a few at a time, for as long as the API server lets.
    async fn carry_out(
        &self,
        kind: ReportKind,
        tasks: Vec<Task>,
        book: &mut Book,
        pace: &mut Pace,
        pulse: &Pulse,
    ) -> Tally {
        let mut tally = Tally::default();
        let mut waiting = tasks.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while waiting.len() > 0
                && !tally.is_hopeless()
                && self.leadership.holds()
                && let Some(permit) = pace.begin(clock::now())
                && let Some(task) = waiting.next()
            {
                under_way.push(self.send(kind, task, permit));
            }
            let Some(sent) = under_way.next().await else { return tally };
            pulse.beat();
            self.settle(sent, book, pace, &mut tally);
        }
    }

    async fn send(&self, kind: ReportKind, task: Task, _permit: Permit) -> Sent {
        let began = clock::now();
        let client = &self.context.client;
        let stored = match &task.action {
            Action::Write { findings, version, .. } => {
                let document = task.document(kind, findings);
                reports::store(client, kind, &document, version.as_deref()).await
            }
            Action::Delete { version } => {
                reports::remove(client, kind, &task.namespace, version).await
            }
        };
        Sent { task, stored, took: clock::now().saturating_duration_since(began) }
    }

    fn settle(&self, sent: Sent, book: &mut Book, pace: &mut Pace, tally: &mut Tally) {
        let Sent { task, stored, took } = sent;
        let now = clock::now();
        let subject = Subject { key: &task.namespace, tenant: &task.tenant };
        match stored {
            Stored::Done(version) => {
                tally.stored += 1;
                pace.succeed(now, subject, took);
                self.metrics.count("done");
                book.settle(&task, version);
            }
            Stored::NotServed => tally.is_not_served = true,
            Stored::Not(written) => {
                pace.book(now, subject, &written, took);
                match written {
                    Written::Gone => {
                        self.metrics.count("gone");
                        book.forget(&task.namespace);
                    }
                    Written::Failed(failure) => {
                        tally.fail(&task.tenant, &failure);
                        self.metrics.count(failure.reason.word());
                        if book.fail(&task.namespace, now, failure.retry_after) {
                            let namespace = &*task.namespace;
                            tracing::warn!(
                                namespace,
                                error = failure.message,
                                needs = NEEDS,
                                "report not written, trying again"
                            );
                        }
                    }
                    _ => {
                        self.metrics.count("conflict");
                        book.conflict(&task.namespace, now);
                    }
                }
            }
        }
    }
}
