//! `upgrade`: Kubernetes is updated, version by version, under landlord and under load. Counted is
//! what the guard lets in meanwhile, and where Pods run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use local_cluster::{Release, waiting};
use nix::sys::signal::Signal;

use super::demo::say;
use super::landlord::{guard_enforced, guard_for, start_controller, until};
use super::stage::{Stage, StageOptions, TENANTS, owner};
use super::storm::placements::Placements;
use super::storm::{nodes, tenants};

mod form;
mod load;
mod probes;

use self::form::Form;
use self::load::Load;
use self::probes::{Counts, Probes};

const SETTINGS: &str =
    r#"{"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}"#;

/// Update Kubernetes version by version on one etcd, with a controller that keeps the guard and
/// tenants who create namespaces and Pods all the time; count what the guard lets in
#[derive(Args, Debug)]
#[command(
    after_help = "Two probes ask five times a second, and store nothing: a Pod in a namespace that is not ready, and an owner who takes a foreign namespace. On the way back \
                        to a version with another form of the guard, that form is applied first and the controller is started anew afterwards, as docs/guard.md says.\n\nExamples:\n  \
                        local-cluster upgrade\n  local-cluster upgrade 1.33 1.34 1.36"
)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    stage: StageOptions,
    /// The versions, one after the other
    #[arg(value_name = "VERSION", default_values = ["1.35", "1.36", "1.37", "1.36", "1.35"])]
    versions: Vec<Release>,
    /// How long each version runs after its form of the guard is there, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    stay: u64,
}

/// How long the controller may take to change the form: it waits for a minute in which every API
/// server shows the newer one.
const PATIENCE: Duration = Duration::from_secs(180);

impl Upgrade {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let mut versions = self.versions.iter().copied();
        let first = versions.next().unwrap_or(Release::NEWEST);
        let mut stage = Stage::start(&self.stage.on(first, &[])).await?;
        stage.cluster.add_nodes(nodes()).await?;
        self.stage.apply_kinds(&stage.cluster).await?;
        stage.cluster.apply(&tenants()).await?;
        let file = stage.cluster.file("settings.yaml");
        std::fs::write(&file, SETTINGS)?;
        let settings = format!("--settings={}", file.display());
        let start = async |stage: &Stage| {
            start_controller(&stage.cluster, "one", &[&settings, "--guard"]).await
        };
        let mut controller = start(&stage).await?;
        let client = stage.cluster.client(&owner(TENANTS[0]))?;
        until("the guard", async || guard_enforced(&client).await).await?;
        let placements = Placements::watch(&stage.cluster).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let load = Load::start(&stage.cluster, &stop)?;
        let probes = Probes::start(&stage.cluster, &stop).await?;

        println!(
            "{:<9} {:<12} {:>10} {:>16} {:>20} {:>11}",
            "VERSION", "FORM", "FORM AFTER", "PODS LET IN", "CLAIMS LET IN", "NAMESPACES"
        );
        let mut before = Counts::default();
        let (mut last, mut broken) = (first, Vec::new());
        self.step(&stage, first, Instant::now(), (&load, &probes), &mut before).await?;
        for version in versions {
            // An API server that serves no mutating policies goes by the validating ones at once.
            let back = version < last;
            if back {
                controller.signal(Signal::SIGTERM)?;
                controller.wait(waiting::PATIENCE)?;
                stage.cluster.apply(&guard_for(version, &file)?).await?;
            }
            let began = Instant::now();
            stage.cluster.change_release(version).await?;
            if back {
                controller = start(&stage).await?;
            }
            let let_in = self.step(&stage, version, began, (&load, &probes), &mut before).await?;
            if let_in > 0 {
                broken.push(format!("{last} to {version}"));
            }
            last = version;
        }
        stop.store(true, Ordering::Relaxed);
        let made = load.end().await;
        let placed = placements.settle(made, waiting::PATIENCE).await;
        println!(
            "{made} Pods, {} placed, {} of them outside of their pool",
            placed.len(),
            placed.foreign()
        );
        ensure!(broken.is_empty(), "the guard let requests in: {}", broken.join(", "));
        ensure!(placed.foreign() == 0, "{} Pods run outside of their pool", placed.foreign());
        ensure!(placed.len() == made, "{} Pods were not placed", made - placed.len());
        Ok(())
    }

    /// Waits for the form that this version has, stays a while, and prints a row. Returns how many
    /// probes were let in.
    async fn step(
        &self,
        stage: &Stage,
        version: Release,
        began: Instant,
        (load, probes): (&Load, &Probes),
        before: &mut Counts,
    ) -> Result<usize> {
        let admin = stage.cluster.admin()?;
        let expected = Form::expected(&admin).await?;
        say(&format!("Kubernetes {version}: {} is to be in force", expected.word()));
        while Form::installed(&admin).await? != Some(expected) {
            let waited = began.elapsed();
            ensure!(waited < PATIENCE, "{version}: no guard in form {} yet", expected.word());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let after = began.elapsed().as_secs_f64();
        tokio::time::sleep(Duration::from_secs(self.stay)).await;
        let now = probes.counts();
        let since = now.since(*before);
        *before = now;
        println!(
            "{version:<9} {:<12} {after:>8.1} s {:>16} {:>20} {:>11}",
            expected.word(),
            format!("{} of {}", since.pods_let_in, since.pods),
            format!("{} of {}", since.claims_let_in, since.claims),
            load.made()
        );
        if let Some(failure) = probes.failure() {
            say(&format!("the last probe without an answer: {failure}"));
        }
        Ok(since.pods_let_in + since.claims_let_in)
    }
}
