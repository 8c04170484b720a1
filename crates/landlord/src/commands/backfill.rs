//! `backfill`: brings every namespace into compliance now, with the controller's own queue and
//! writer.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use kube::Client;

use super::dry_run::DryRunFlags;
use super::progress::Progress;
use super::selection::Selection;
use crate::flags::PaceFlags;
use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};
use crate::output;
use crate::output::form::FormFlags;
use crate::signals::Terminations;
use assessment::inventory::Inventory;
use assessment::{Assessment, Reason, assess, assess_with_origins};
use cluster::lease::Leadership;
use cluster::writer::ApplyMode;
use controller::app::{self, Options, Running, Scope};
use controller::planner::rejection;
use controller::store::Store;

mod report;

use self::report::{Report, Troubles};

/// Some namespaces could not be brought into compliance.
const FAILED: u8 = 2;
/// Ended by Ctrl-C or SIGTERM, as shells number the former.
const INTERRUPTED: u8 = 130;
/// How often the state is looked at.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

const EXAMPLES: [Example; 4] = [
    ("What would be written", "landlord backfill --dry-run=client"),
    ("The same, judged by the API server and its webhooks", "landlord backfill --dry-run=server"),
    (
        "A few first, and on only if all of them are well",
        "landlord backfill --canary 5% --max-failures 1%",
    ),
    (
        "One tenant, with a report for a program",
        "landlord backfill --tenant solar -o json > report.json",
    ),
];
const EXITS: [Exit; 4] = [
    (0, "every namespace is compliant (with --dry-run: would be)"),
    (
        1,
        "nothing could be done, or it was stopped: no cluster, broken settings, no namespace found, too many failures",
    ),
    (2, "some namespaces are not compliant; the report lists each with its reason"),
    (130, "ended by Ctrl-C or SIGTERM; run it again to go on"),
];

/// Bring every namespace into compliance now
///
/// Compliant namespaces are skipped, so running it again resumes it. Each namespace gets one patch
/// that holds all its changes, guarded by its uid and resourceVersion: what another client writes in
/// between is planned anew, never overwritten.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Backfill {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    dry_run: DryRunFlags,
    /// Do this share of the namespaces first, and go on only if none of them fails
    #[arg(long, env = "LANDLORD_CANARY", value_name = "PERCENT", value_parser = share)]
    canary: Option<f64>,
    /// Stop when the writes of more than this share of the namespaces have failed
    #[arg(long, env = "LANDLORD_MAX_FAILURES", value_name = "PERCENT", value_parser = share, default_value = "10%")]
    max_failures: f64,
    #[command(flatten)]
    pace: PaceFlags,
    #[command(flatten)]
    form: FormFlags,
}

/// `5%` or `5` as 0.05.
fn share(text: &str) -> Result<f64, String> {
    let percent = text
        .trim()
        .trim_end_matches('%')
        .parse::<f64>()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent));
    percent
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("{text:?} is no percentage: write 0% to 100%"))
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Interrupted,
    /// Too many failures, or a failure among the first few.
    Stopped(&'static str),
}

impl Backfill {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.backfill())
    }

    async fn backfill(self) -> Result<ExitCode> {
        let client = self.connection.client().await?;
        let settings = self.settings.read(&client).await?;
        let inventory = cluster::lists::inventory(&client, settings).await?;
        let plans_only = self.dry_run.mode() == ApplyMode::PlanOnly;
        // Origins are printed in the machine form of a plan only.
        let assessments = if plans_only && !self.form.is_table() {
            assess_with_origins(&inventory, &inventory.namespaces)
        } else {
            assess(&inventory)
        };
        let assessments = self.selection.select(&inventory, assessments)?;
        if plans_only {
            self.form.print(
                || output::table::render(&assessments, self.form.screen()),
                || assessment::plan_json::document(&assessments),
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        self.apply(client, inventory, &assessments).await
    }

    async fn apply(
        &self,
        client: Client,
        inventory: Inventory,
        assessments: &[Assessment],
    ) -> Result<ExitCode> {
        let drifted: Vec<&str> = assessments
            .iter()
            .filter(|one| !one.plan.is_empty())
            .map(|one| one.name.as_str())
            .collect();
        let beforehand = not_mendable(assessments);
        let mode = self.dry_run.mode();
        let scope = Scope::Once { store: Box::new(Store::from_inventory(inventory)), mode };
        let leadership = Leadership::forever();
        let options = Options {
            client,
            leadership,
            pace: self.pace.pace(),
            events: false,
            journal: None,
            scope,
            fail_task: None,
        };
        let running = app::start(options)?;
        let reconciler = Arc::clone(&running.context.reconciler);
        let began = Instant::now();
        let end = self.work(running, &drifted).await?;
        let found: Troubles = reconciler
            .shared()
            .progress
            .troubles()
            .map(|(name, trouble)| (name.clone(), trouble.clone()))
            .collect();
        let troubles = found.into_iter().chain(beforehand);
        let (warned, failed): (Troubles, Troubles) =
            troubles.partition(|(_, trouble)| trouble.reason == Reason::HookWarning);
        let (written, took) = (reconciler.shared().written, began.elapsed());
        let refused = drifted.iter().filter(|name| failed.contains_key(**name)).count();
        let left = drifted.len().saturating_sub(written as usize + refused);
        let report = Report {
            selected: assessments.len(),
            drifted: drifted.len(),
            written,
            left: if end == End::Complete { 0 } else { left },
            took,
            warned: &warned,
            failed: &failed,
            end,
            dry: mode != ApplyMode::Apply,
        };
        self.form.print(|| report.render(), || report.document())?;
        match end {
            End::Interrupted => Ok(ExitCode::from(INTERRUPTED)),
            End::Stopped(why) => bail!("stopped: {why}"),
            End::Complete if failed.is_empty() => Ok(ExitCode::SUCCESS),
            End::Complete => Ok(ExitCode::from(FAILED)),
        }
    }

    /// The first share, and then the rest.
    async fn work(&self, mut running: Running, drifted: &[&str]) -> Result<End> {
        let mut progress = Progress::new(drifted.len());
        let first = self
            .canary
            .map_or(0, |share| (drifted.len() as f64 * share).ceil() as usize)
            .min(drifted.len());
        let (canary, rest) = drifted.split_at(first);
        let mut end = self.batch(&mut running, canary, 0.0, &mut progress).await?;
        if end == End::Complete {
            end = self
                .batch(&mut running, rest, self.max_failures * drifted.len() as f64, &mut progress)
                .await?;
        } else if let End::Stopped(_) = end {
            end = End::Stopped("a namespace of the canary failed, so the others were not touched");
        }
        running.stop().await;
        progress.finish();
        Ok(end)
    }

    async fn batch(
        &self,
        running: &mut Running,
        names: &[&str],
        allowed: f64,
        progress: &mut Progress,
    ) -> Result<End> {
        let reconciler = Arc::clone(&running.context.reconciler);
        reconciler.consider_all(names, Instant::now()).await;
        let mut terminations = Terminations::listen()?;
        let interrupted = terminations.recv_any();
        tokio::pin!(interrupted);
        loop {
            let (left, failures, written) = {
                let shared = reconciler.shared();
                (shared.work.queue.len(), shared.progress.failing(), shared.written)
            };
            progress.show(written, failures);
            if failures as f64 > allowed {
                return Ok(End::Stopped("more namespaces failed than --max-failures allows"));
            }
            if left == 0 {
                return Ok(End::Complete);
            }
            tokio::select! {
                outcome = &mut interrupted => { outcome?; return Ok(End::Interrupted) }
                ended = running.supervisor.first_end() => return Err(ended.into()),
                () = tokio::time::sleep(PROGRESS_INTERVAL) => {}
            }
        }
    }
}

/// Namespaces for which there is no plan, or for which it does not suffice.
fn not_mendable(assessments: &[Assessment]) -> Troubles {
    let trouble = |one: &Assessment| {
        Some((one.name.clone(), one.fault.clone().or_else(|| rejection(&one.plan))?))
    };
    assessments.iter().filter_map(trouble).collect()
}
