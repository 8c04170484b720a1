//! Backfill: what waits to be written, how fast it goes, and what failed.

use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::Dashboard;
use crate::history::{Finished, Look};
use cluster::clock;
use controller::queue::Urgency;
use controller::reconciler::Shared;
use controller::store::Compliance;

/// Failures that are listed.
const FAILURES: usize = 100;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Backfill {
    /// The one that runs.
    run: Option<RunView>,
    /// The one before.
    last: Option<LastRun>,
    queue: QueueView,
    /// Writes that may be under way at a time, and that are.
    pace: usize,
    under_way: usize,
    /// Writes a second over the last five minutes, the oldest first.
    rates: Vec<Rate>,
    /// Namespaces that failed, and up to 100 of them.
    failing: usize,
    failures: Vec<FailureRow>,
    /// Whether this replica writes.
    leads: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RunView {
    began: String,
    done: u64,
    remaining: usize,
    failed: u64,
    /// Namespaces a second; null until it is known.
    per_second: Option<f64>,
    /// Until it is over at this rate.
    eta_seconds: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LastRun {
    began: String,
    ended: String,
    done: u64,
    failed: u64,
}

/// Namespaces that wait, by urgency.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct QueueView {
    placement: usize,
    drift: usize,
    backfill: usize,
    retry: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Rate {
    at: String,
    per_second: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FailureRow {
    namespace: String,
    tenant: Option<String>,
    reason: String,
    message: String,
}

impl Backfill {
    pub(crate) fn of(dashboard: &Dashboard) -> Self {
        let look = dashboard.look();
        let (run, last, rates) = {
            let history = dashboard.history();
            let per_second = history.rate(&look);
            let run = history.run().filter(|_| look.remaining > 0).map(|run| RunView {
                began: time(run.began),
                done: run.done(&look),
                remaining: look.remaining,
                failed: run.failed(&look),
                per_second,
                eta_seconds: per_second
                    .filter(|rate| *rate > 0.0)
                    .map(|rate| look.remaining as f64 / rate),
            });
            (run, history.last().map(LastRun::of), history.steps().map(Rate::between).collect())
        };
        let shared = dashboard.subject.reconciler.shared();
        let (failing, failures) = failures(&shared);
        let (pace, under_way) = (shared.work.pace.limit(), shared.work.pace.under_way());
        Self {
            run,
            last,
            queue: QueueView::of(&shared),
            pace,
            under_way,
            rates,
            failing,
            failures,
            leads: dashboard.leads(),
        }
    }
}

impl LastRun {
    fn of(Finished { began, ended, done, failed }: Finished) -> Self {
        Self { began: time(began), ended: time(ended), done, failed }
    }
}

impl QueueView {
    fn of(shared: &Shared) -> Self {
        let mut view = Self::default();
        for (urgency, depth) in shared.work.queue.depths() {
            match urgency {
                Urgency::Placement => view.placement = depth,
                Urgency::Drift => view.drift = depth,
                Urgency::Backfill => view.backfill = depth,
            }
        }
        view.retry = shared.progress.backing_off(clock::now());
        view
    }
}

impl Rate {
    fn between((before, after): (&Look, &Look)) -> Self {
        let seconds =
            after.instant.saturating_duration_since(before.instant).as_secs_f64().max(0.001);
        let per_second = after.written.saturating_sub(before.written) as f64 / seconds;
        Self { at: time(after.at), per_second: (per_second * 10.0).round() / 10.0 }
    }
}

/// How many namespaces failed, and the first of them by name.
fn failures(shared: &Shared) -> (usize, Vec<FailureRow>) {
    let failed = |name: &&String| {
        let standing = shared.store.standing(name);
        standing.is_some_and(|standing| standing.state == Compliance::Failed)
    };
    let mut names: Vec<&String> =
        shared.progress.troubles().map(|(name, _)| name).filter(failed).collect();
    names.sort_unstable();
    let row = |name: &&String| {
        let trouble = shared.progress.trouble(name)?;
        let standing = shared.store.standing(name)?;
        let (namespace, tenant) = ((*name).clone(), standing.tenant.clone());
        Some(FailureRow {
            namespace,
            tenant,
            reason: trouble.reason.word().to_owned(),
            message: trouble.message.clone(),
        })
    };
    (names.len(), names.iter().take(FAILURES).filter_map(row).collect())
}
