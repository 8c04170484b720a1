//! `bench-controller`: the controller against a bare loop of the same patches, on the same API
//! server in the same run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use local_cluster::process::Program;
use local_cluster::user::CONTROLLER;
use local_cluster::{Cluster, Process};
use serde_json::{Value, json};

use super::crowd::Crowd;
use super::stage::{Stage, StageOptions};
use super::usage;

mod changes;
mod fairness;

use self::changes::Changes;

/// Measure backfill, tenant edits and new namespaces against a bare loop of merge patches
#[derive(Args, Debug)]
#[command(
    after_help = "Goals: backfill >= 0.9 x the bare loop's rate with exactly one write a namespace; an edit of 500 namespaces <= 1.2 x the bare \
                        loop's time; a new namespace is compliant within p50 15 ms and p99 50 ms, p99 250 ms beside a backfill, and the same for a third tenant's new namespaces \
                        and drift beside a backfill and a tenant that rewrites 64 of its own as fast as it can; memory <= 60 MB; idle: no list, \
                        no write but the lease."
)]
pub(crate) struct BenchController {
    #[command(flatten)]
    stage: StageOptions,
    /// The binary landlord (default: beside this program)
    #[arg(long, env = "LANDLORD", value_name = "FILE")]
    landlord: Option<PathBuf>,
    /// Namespaces of the backfill
    #[arg(short = 'n', long, env = "LOCAL_CLUSTER_BENCH_NAMESPACES", default_value_t = 10_000)]
    namespaces: usize,
    /// Namespaces of the tenant that is edited
    #[arg(long, default_value_t = 500)]
    edited: usize,
    /// New namespaces in each row
    #[arg(long, default_value_t = 200)]
    created: usize,
    /// Measure the third tenant only, beside one that rewrites its namespaces and one with a
    /// backfill
    #[arg(long)]
    only_fairness: bool,
    /// Seconds of watching an idle controller
    #[arg(long, default_value_t = 300)]
    idle: u64,
}

const PATIENCE: Duration = Duration::from_secs(300);
const START: Duration = Duration::from_secs(30);

impl BenchController {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let stage = Stage::start(&self.stage).await?;
        let cluster = &stage.cluster;
        self.stage.apply_kinds(cluster).await?;
        fs::write(
            cluster.file("settings.yaml"),
            json!({"tenantSource": "landlord", "excludedNamespaces": ["kube-*", "default", "landlord", "bare-*"]}).to_string(),
        )?;
        set_tenant(
            cluster,
            "old",
            json!({"nodeSelector": {"pool": "a"}, "labels": {"cost-center": "4711"}}),
        )
        .await?;
        set_tenant(cluster, "edited", json!({"nodeSelector": {"pool": "a"}})).await?;
        set_tenant(cluster, "new", json!({"nodeSelector": {"pool": "a"}})).await?;

        say("creating namespaces");
        let (old, edited) = (Crowd::new("old", self.namespaces), Crowd::new("edited", self.edited));
        // Of the same kind, and as fresh: what was patched before is larger, and slower to patch
        // again.
        let bare = Crowd::new("bare", self.namespaces);
        if self.only_fairness {
            old.create(cluster).await?;
            let changes = Changes::watch(cluster).await?;
            let _controller = self.start_controller(cluster).await?;
            changes.reach("old-", old.len()).await?;
            return self.fairness(cluster, &changes, &old).await;
        }
        for crowd in [&old, &edited, &bare] {
            crowd.create(cluster).await?;
        }
        let changes = Changes::watch(cluster).await?;
        self.backfill(cluster, &changes, &old, &bare).await?;
        changes.forget();
        let controller = self.start_controller(cluster).await?;
        changes.reach("edited-", edited.len()).await?;
        self.edit(cluster, &changes, &edited).await?;
        self.new_namespaces(cluster, &changes, "new, idle").await?;
        self.beside_a_backfill(cluster, &changes, &old).await?;
        self.fairness(cluster, &changes, &old).await?;
        // The edit that was under way, and namespaces that were rewritten last, take a moment.
        changes.settle().await;
        self.idle(cluster, &controller).await
    }

    /// Of several concurrencies, the one at which a bare loop of merge patches is fastest.
    async fn concurrency(&self, cluster: &Cluster) -> Result<usize> {
        say("bare loop of merge patches, to find the best concurrency");
        let trial = Crowd::new("old", self.namespaces / 5).called("bare-trial");
        trial.create(cluster).await?;
        let mut best = (0.0, 1);
        for (round, at_a_time) in [8, 16, 32, 64].into_iter().enumerate() {
            let rate = bare(cluster, &trial.part(round, 4), at_a_time).await?;
            best = if rate > best.0 { (rate, at_a_time) } else { best };
        }
        Ok(best.1)
    }

    /// The ceiling is measured before and after: other work on the machine comes and goes.
    async fn backfill(
        &self,
        cluster: &Cluster,
        changes: &Changes,
        old: &Crowd,
        ceiling: &Crowd,
    ) -> Result<()> {
        let at_a_time = self.concurrency(cluster).await?;
        say("bare loop, backfill, bare loop");
        let before = bare(cluster, &ceiling.part(0, 2), at_a_time).await?;
        changes.forget();
        let pushed_back = pushed_back(cluster).await?;
        let mut process =
            self.program(cluster, "backfill").args(["backfill", "--tenant=old"]).start()?;
        process.wait(PATIENCE)?.context("the backfill did not end")?;
        let words = process.last_words();
        let rate = words
            .split(" s (")
            .nth(1)
            .and_then(|rest| rest.split("/s").next()?.parse::<f64>().ok())
            .context(words)?;
        changes.reach("old-", old.len()).await?;
        let (writes, pushed_back) =
            (changes.count("old-"), self::pushed_back(cluster).await? - pushed_back);
        let after = bare(cluster, &ceiling.part(1, 2), at_a_time).await?;
        let mean = 2.0 / (1.0 / before + 1.0 / after);
        println!(
            "{:<44} {mean:>8.0}/s at {at_a_time} at a time ({before:.0} before, {after:.0} after)",
            "bare loop of merge patches"
        );
        println!(
            "{:<44} {rate:>8.0}/s  ratio {:.2}",
            format!("backfill of {}", old.len()),
            rate / mean
        );
        println!(
            "{:<44} {writes:>8}, {pushed_back} of them first answered 429",
            "writes of that backfill"
        );
        Ok(())
    }

    /// The best of three of each, in turns: other work on the machine comes and goes.
    async fn edit(&self, cluster: &Cluster, changes: &Changes, edited: &Crowd) -> Result<()> {
        say("a tenant's edit");
        let (mut took, mut bare) = (Duration::MAX, Duration::MAX);
        for at_a_time in [8, 16, 32] {
            changes.forget();
            let began = Instant::now();
            set_tenant(
                cluster,
                "edited",
                json!({"nodeSelector": {"pool": format!("b{at_a_time}")}}),
            )
            .await?;
            changes.reach("edited-", edited.len()).await?;
            took = took.min(began.elapsed());
            let began = Instant::now();
            edited.patch(cluster, at_a_time, &format!("bare-{at_a_time}")).await?;
            bare = bare.min(began.elapsed());
        }
        let [took, bare] = [took, bare].map(|time| time.as_secs_f64());
        println!(
            "{:<44} {took:>8.2} s  bare {bare:.2} s  ratio {:.2}",
            format!("edit of a tenant with {}", edited.len()),
            took / bare
        );
        Ok(())
    }

    async fn new_namespaces(&self, cluster: &Cluster, changes: &Changes, name: &str) -> Result<()> {
        let label = name.replace([' ', ','], "");
        let mut times = Vec::new();
        for number in 0..self.created {
            let one = Crowd::new("new", 1).called(&format!("{label}-{number}"));
            one.create(cluster).await?;
            // From here on it exists, and a Pod could follow.
            let began = Instant::now();
            changes.ledger(&one.name(0)).await?;
            times.push(began.elapsed());
        }
        let at = |share| usage::quantile(&times, share);
        println!(
            "{:<44} {:>8.1} ms p50  {:.1} ms p99",
            format!("{name}: CREATE to compliant"),
            at(0.5),
            at(0.99)
        );
        Ok(())
    }

    async fn beside_a_backfill(
        &self,
        cluster: &Cluster,
        changes: &Changes,
        old: &Crowd,
    ) -> Result<()> {
        say("new namespaces beside a backfill");
        changes.forget();
        set_tenant(
            cluster,
            "old",
            json!({"nodeSelector": {"pool": "b"}, "labels": {"cost-center": "0815"}}),
        )
        .await?;
        self.new_namespaces(cluster, changes, "new, beside a backfill").await?;
        println!(
            "{:<44} {:>8} of {}",
            "still to do then",
            old.len().saturating_sub(changes.count("old-")),
            old.len()
        );
        changes.reach("old-", old.len()).await
    }

    async fn idle(&self, cluster: &Cluster, controller: &Process) -> Result<()> {
        say("idle");
        // What was still on its way is not the idle controller's.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (before, cpu) = (requests(cluster).await?, usage::cpu(controller)?);
        tokio::time::sleep(Duration::from_secs(self.idle)).await;
        let busy = (usage::cpu(controller)? - cpu) / self.idle as f64 * 100.0;
        let mut after = requests(cluster).await?;
        after.iter_mut().for_each(|(key, count)| *count -= before.get(key).copied().unwrap_or(0.0));
        after.retain(|_, count| *count > 0.0);
        println!("{:<44} {:>8.2} % of a core", format!("idle for {} s", self.idle), busy);
        println!("requests in that time, by verb and resource: {after:?}");
        Ok(())
    }

    fn program(&self, cluster: &Cluster, name: &str) -> Program {
        let beside = || {
            std::env::current_exe().map(|path| path.with_file_name("landlord")).unwrap_or_default()
        };
        Program::new(name, self.landlord.clone().unwrap_or_else(beside), cluster.log(name))
            .env("KUBECONFIG", cluster.kubeconfig_of(CONTROLLER))
            .env("LANDLORD_SETTINGS", cluster.file("settings.yaml"))
    }

    async fn start_controller(&self, cluster: &Cluster) -> Result<Process> {
        let process = self
            .program(cluster, "controller")
            .args(["controller", "--listen=127.0.0.1:0", "--identity=bench"])
            .start()?;
        let began = Instant::now();
        while !fs::read_to_string(process.log()).unwrap_or_default().contains("all is known") {
            anyhow::ensure!(
                began.elapsed() < START,
                "the controller does not start:\n{}",
                process.last_words()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("{:<44} {:>8.2} s", "controller: start to planned", began.elapsed().as_secs_f64());
        Ok(process)
    }
}

/// Patches each once; patches a second.
async fn bare(cluster: &Cluster, crowd: &Crowd, at_a_time: usize) -> Result<f64> {
    let began = Instant::now();
    crowd.patch(cluster, at_a_time, "bare").await?;
    Ok(crowd.len() as f64 / began.elapsed().as_secs_f64())
}

fn say(words: &str) {
    eprintln!("· {words}");
}

async fn set_tenant(cluster: &Cluster, name: &str, spec: Value) -> Result<()> {
    let object = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec});
    cluster.apply(&object.to_string()).await?;
    Ok(())
}

/// How many requests the API server has answered, by verb and resource, for what the controller
/// could ask for.
async fn requests(cluster: &Cluster) -> Result<BTreeMap<String, f64>> {
    let mut counts = BTreeMap::new();
    for line in answered(cluster).await? {
        if ["namespaces", "tenants", "leases", "events"].contains(&label(&line, "resource")) {
            *counts
                .entry(format!("{} {}", label(&line, "verb"), label(&line, "resource")))
                .or_default() += count(&line);
        }
    }
    Ok(counts)
}

/// How many patches of namespaces were answered 429.
async fn pushed_back(cluster: &Cluster) -> Result<f64> {
    let lines = answered(cluster).await?;
    let patch = |line: &&String| {
        label(line, "verb") == "PATCH"
            && label(line, "resource") == "namespaces"
            && label(line, "code") == "429"
    };
    Ok(lines.iter().filter(patch).map(|line| count(line)).sum())
}

/// The lines of the API server's metrics that count its answers.
async fn answered(cluster: &Cluster) -> Result<Vec<String>> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let text = cluster.admin()?.request_text(request).await?;
    Ok(text
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"))
        .map(str::to_owned)
        .collect())
}

fn label<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(&format!("{name}=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
}

fn count(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap_or_default().parse().unwrap_or(0.0)
}
