//! Backfill: what waits to be written, how fast it goes, and what failed.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::Dashboard;
use crate::history::{Finished, Look};
use controller::snapshot::{Compliance, Figures, NamespaceRow, Snapshots, Urgency};

/// Failures that are listed.
const MAX_FAILURES: usize = 100;

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
    pub(crate) fn build(dashboard: &Dashboard) -> Self {
        let figures = dashboard.subject.snapshots.figures();
        let look = Look::build(&figures, dashboard.leads());
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
            (
                run,
                history.last().map(LastRun::from_run),
                history.steps().map(Rate::between).collect(),
            )
        };
        let (failing, failures) = failures(&dashboard.subject.snapshots);
        Self {
            run,
            last,
            queue: QueueView::build(&figures),
            pace: figures.pace,
            under_way: figures.under_way,
            rates,
            failing,
            failures,
            leads: dashboard.leads(),
        }
    }
}

impl LastRun {
    fn from_run(Finished { began, ended, done, failed }: Finished) -> Self {
        Self { began: time(began), ended: time(ended), done, failed }
    }
}

impl QueueView {
    fn build(figures: &Figures) -> Self {
        Self {
            placement: figures.depth(Urgency::Placement),
            drift: figures.depth(Urgency::Drift),
            backfill: figures.depth(Urgency::Backfill),
            retry: figures.backing_off,
        }
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
fn failures(snapshots: &Snapshots) -> (usize, Vec<FailureRow>) {
    let namespaces = snapshots.namespaces();
    let failed = || namespaces.iter().filter(|(_, row)| row.state == Compliance::Failed);
    let row = |(name, row): (&Arc<str>, &NamespaceRow)| {
        let trouble = row.trouble.as_ref()?;
        Some(FailureRow {
            namespace: name.to_string(),
            tenant: row.tenant.as_deref().map(str::to_owned),
            reason: trouble.reason.word().to_owned(),
            message: trouble.message.clone(),
        })
    };
    (failed().count(), failed().filter_map(row).take(MAX_FAILURES).collect())
}
