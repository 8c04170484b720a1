//! `soak`: an hour of ordinary days on a real cluster. Owners create namespaces with a Pod each and
//! delete them, tenants are edited, and the leading one of two controllers is killed or frozen.
//! Judged is what no short test shows: whether a controller grows.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use local_cluster::Cluster;

use super::demo::{say, tenants};
use super::landlord::{guard_enforced, until};
use super::served::Served;
use super::stage::{Stage, StageOptions, TENANTS, owner};

mod churn;
mod fleet;
mod plot;
mod record;
mod summary;
mod verdict;

use self::churn::Churn;
use self::fleet::Fleet;
use self::record::Record;

/// What controllers go by.
const SETTINGS: &str =
    r#"{"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}"#;
const MINUTE: Duration = Duration::from_secs(60);
/// Failovers that the time must have room for: as a leader and as a follower, each controller is
/// compared with what it was before.
const MIN_FAILOVERS: u64 = 4;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked at what is due.
const TICK: Duration = Duration::from_millis(500);

/// Let two controllers work for an hour under namespaces that come and go, edits of tenants and
/// failovers; fail if one of them grows, or writes more than the changes make necessary
#[derive(Args, Debug)]
#[command(
    after_help = "Of the two controllers, `one` is killed when it is to stop leading, and started again; `two` is frozen until the other leads, so that one process lives through all of it.\n\n\
                  Compared are medians of the second and the last quarter of the time, as a leader and as a follower: resident memory may grow by a tenth or 6 MiB, what is more, descriptors by a tenth or 8, \
                  threads by a tenth or 4. Namespaces may be written half as often again as they and their tenants are changed. No Pod may run outside its tenant's pool. \
                  How long new namespaces wait is shown, and not judged.\n\nExamples:\n  local-cluster soak --duration 4m -n 20 --failover 30\n  local-cluster soak --duration 8h"
)]
pub(crate) struct Soak {
    #[command(flatten)]
    stage: StageOptions,
    /// How long: `90s`, `3m` or `1h`, one minute to 24 hours
    #[arg(long, env = "LOCAL_CLUSTER_SOAK_DURATION", value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    duration: Duration,
    /// Namespaces that are there at a time
    #[arg(short = 'n', long, env = "LOCAL_CLUSTER_SOAK_NAMESPACES", default_value_t = 100)]
    namespaces: usize,
    /// Seconds between two samples
    #[arg(long, env = "LOCAL_CLUSTER_SOAK_EVERY", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    every: u64,
    /// Seconds between two failovers
    #[arg(long, env = "LOCAL_CLUSTER_SOAK_FAILOVER", value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(30..=86_400))]
    failover: u64,
    /// Folder for soak.jsonl (a sample a line) and soak.svg
    #[arg(long, value_name = "FOLDER", default_value = "target/soak")]
    output: PathBuf,
}

/// A number and its unit, within the bounds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit = text.chars().last().unwrap_or_default();
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(format!("{text:?} has no unit: write for example 90s, 3m or 1h")),
    };
    let number = text.trim_end_matches(unit).parse::<u64>();
    let duration = number.ok().and_then(|number| number.checked_mul(seconds));
    duration
        .map(Duration::from_secs)
        .filter(|duration| (MINUTE..=DAY).contains(duration))
        .ok_or_else(|| format!("{text:?} is not between 1m and 24h"))
}

impl Soak {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        ensure!(
            self.duration.as_secs() >= MIN_FAILOVERS * self.failover,
            "{} s have no room for {MIN_FAILOVERS} failovers, one each {} s: take more time, or a smaller --failover",
            self.duration.as_secs(),
            self.failover
        );
        let stage = self.set_up().await?;
        let cluster = &stage.cluster;
        let mut fleet = Fleet::start(cluster, Duration::from_secs(self.failover)).await?;
        let client = cluster.client(&owner(TENANTS[0]))?;
        until("the guard", async || guard_enforced(&client).await).await?;
        say(&format!(
            "two controllers run; {} s of churn begin, with a sample each {} s and a failover each {} s",
            self.duration.as_secs(),
            self.every,
            self.failover
        ));
        let record = self.play(cluster, &mut fleet).await?;
        let checks = verdict::judge(record.rows());
        std::fs::write(self.output.join("soak.svg"), plot::draw(record.rows())?)?;
        println!("{}", summary::render(record.rows(), &checks));
        println!("{}", self.output.join("soak.svg").display());
        let broken = checks.iter().filter(|check| check.is_broken).map(|check| check.to_string());
        let broken: Vec<String> = broken.collect();
        ensure!(broken.is_empty(), "{}", broken.join("; "));
        Ok(())
    }

    /// A cluster with nodes, kinds, rights, tenants and settings.
    async fn set_up(&self) -> Result<Stage> {
        let stage = Stage::start(&self.stage).await?;
        let served = Served::read(&stage.cluster.admin()?).await?;
        ensure!(served.can_hold(), "soak {}", served.lacks());
        stage.cluster.add_nodes(tenants::nodes()).await?;
        self.stage.apply_kinds(&stage.cluster).await?;
        stage.cluster.apply(&tenants::manifests()).await?;
        std::fs::write(stage.cluster.file("settings.yaml"), SETTINGS)?;
        Ok(stage)
    }

    /// Everything happens at the same time, until the time is over.
    async fn play(&self, cluster: &Cluster, fleet: &mut Fleet<'_>) -> Result<Record> {
        let churn = Churn::new(cluster, (self.namespaces / TENANTS.len()).max(1));
        let mut record = Record::create(&self.output)?;
        let began = Instant::now();
        let direct = async {
            let mut ticks = tokio::time::interval(TICK);
            let mut sampled: Option<Instant> = None;
            while began.elapsed() < self.duration {
                ticks.tick().await;
                fleet.turn().await.context("a failover")?;
                if sampled.is_none_or(|at| at.elapsed().as_secs() >= self.every) {
                    sampled = Some(Instant::now());
                    record.add(fleet.sample(began.elapsed(), churn.tally()).await?)?;
                }
            }
            churn.end();
            anyhow::Ok(())
        };
        tokio::try_join!(direct, churn.run())?;
        // What came last is counted as well.
        fleet.rest().await?;
        record.add(fleet.sample(began.elapsed(), churn.tally()).await?)?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("90s", Ok(90))]
    #[case("3m", Ok(180))]
    #[case("1h", Ok(3600))]
    #[case("24h", Ok(86_400))]
    #[case("59s", Err("not between 1m and 24h"))]
    #[case("25h", Err("not between 1m and 24h"))]
    #[case("60", Err("has no unit"))]
    #[case("mm", Err("not between"))]
    #[case("", Err("has no unit"))]
    fn how_long_it_takes(#[case] text: &str, #[case] expected: Result<u64, &str>) {
        match (parse_duration(text), expected) {
            (Ok(found), Ok(seconds)) => assert_eq!(found.as_secs(), seconds),
            (Err(found), Err(words)) => assert!(found.contains(words), "{found}"),
            (found, _) => panic!("{found:?}"),
        }
    }
}
