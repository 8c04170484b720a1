//! `storm`: what a CI system does – thousands of namespaces, each with a Pod in the same moment –
//! under every way to run landlord, while parts of it are killed. Counted is what matters: Pods on
//! foreign nodes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use local_cluster::{Cluster, Node, waiting};

use super::served::Served;
use super::stage::{Stage, StageOptions, TENANTS};

mod clients;
mod mode;
pub(super) mod placements;
mod weather;

use self::clients::Clients;
use self::mode::Guard;
pub(crate) use self::mode::Mode;
use self::placements::{NOBODY, Placements};
use self::weather::Weather;
pub(super) use self::weather::tenants;

/// Create many namespaces with a Pod each at once, under every strategy and through failures; count
/// Pods on foreign nodes
#[derive(Args, Debug)]
#[command(
    after_help = "Ends with an error if a Pod lands outside of its tenant's pool, or is not placed at all, in any mode but `without`. A mode that the \
                        API server cannot have, as it serves no MutatingAdmissionPolicy, is not played, and that is said. OWN says how much of what runs on tenants' nodes is their own, SHARED how many Pods run on nodes of nobody.\n\nExamples:\n  \
                        local-cluster storm -n 200\n  local-cluster storm --mode controller-hold --mode two-servers\n  \
                        local-cluster storm --kubernetes 1.33 -n 50"
)]
pub(crate) struct Storm {
    #[command(flatten)]
    stage: StageOptions,
    /// Namespaces of each mode
    #[arg(short = 'n', long, env = "LOCAL_CLUSTER_STORM_NAMESPACES", default_value_t = 1000)]
    namespaces: usize,
    /// Clients side by side
    #[arg(long, default_value_t = CLIENTS)]
    clients: usize,
    /// Only these modes; all of them without it
    #[arg(long = "mode", value_enum)]
    modes: Vec<Mode>,
}

const CLIENTS: usize = 16;

/// How long the last Pod may take to be placed; a controller that was killed is followed after 15
/// s.
const PATIENCE: Duration = waiting::PATIENCE;

/// What came of one mode, if the API server can have it.
pub(crate) enum Played {
    Outcome(Outcome),
    /// Why not.
    Impossible(String),
}

/// What came of one mode.
pub(crate) struct Outcome {
    mode: Mode,
    /// Whether the guard is the one that refuses what it cannot hold.
    pub(crate) refusing: bool,
    pub(crate) foreign: usize,
    /// How pools are used: what of their Pods is their tenant's, in percent, and how many run on
    /// nodes of nobody.
    own: f64,
    shared: usize,
    pub(crate) unplaced: usize,
    pub(crate) failed: usize,
    retries: usize,
    /// From a Pod's first request to its node: half of them, and all but one in a hundred.
    delays: [f64; 2],
    took: f64,
}

impl Outcome {
    /// One with so many Pods foreign, failed and unplaced, and nothing else to report.
    #[cfg(test)]
    pub(crate) fn of(mode: Mode, refusing: bool, [foreign, failed, unplaced]: [usize; 3]) -> Self {
        Self {
            mode,
            refusing,
            foreign,
            own: 100.0,
            shared: 0,
            unplaced,
            failed,
            retries: 0,
            delays: [0.0, 0.0],
            took: 0.0,
        }
    }

    /// Whether every Pod is in its pool. Without landlord nothing of the kind is promised.
    pub(crate) fn is_kept(&self) -> bool {
        let kept = self.foreign == 0 && self.unplaced == 0 && self.failed == 0;
        kept || self.mode == Mode::Without
    }
}

impl Storm {
    /// One of so many namespaces in each mode.
    pub(crate) fn of(stage: StageOptions, namespaces: usize) -> Self {
        Self { stage, namespaces, clients: CLIENTS, modes: Vec::new() }
    }

    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let modes = if self.modes.is_empty() { Mode::ALL.to_vec() } else { self.modes.clone() };
        println!(
            "{:<18} {:>10} {:>8} {:>6} {:>7} {:>8} {:>7} {:>8} {:>10} {:>10} {:>7}",
            "MODE",
            "NAMESPACES",
            "FOREIGN",
            "OWN",
            "SHARED",
            "UNPLACED",
            "FAILED",
            "RETRIES",
            "DELAY P50",
            "DELAY P99",
            "TIME"
        );
        let (mut played, mut broken) = (0, Vec::new());
        for mode in modes {
            match self.play(mode).await? {
                Played::Impossible(why) => println!("{:<18} not played: it {why}", mode.word()),
                Played::Outcome(outcome) => {
                    played += 1;
                    println!("{}", self.row(&outcome));
                    broken.extend((!outcome.is_kept()).then_some(mode.word()));
                }
            }
        }
        ensure!(broken.is_empty(), "the promise is broken: {}", broken.join(", "));
        ensure!(played > 0, "this API server can have none of these modes");
        Ok(())
    }

    fn row(&self, one: &Outcome) -> String {
        let [p50, p99] = one.delays.map(|ms| format!("{ms:.0} ms"));
        let refusing = if one.refusing { "  the guard refuses Pods" } else { "" };
        format!(
            "{:<18} {:>10} {:>8} {:>4.0} % {:>7} {:>8} {:>7} {:>8} {p50:>10} {p99:>10} {:>5.1} s{refusing}",
            one.mode.word(),
            self.namespaces,
            one.foreign,
            one.own,
            one.shared,
            one.unplaced,
            one.failed,
            one.retries,
            one.took
        )
    }

    /// Plays one mode on a cluster of its own.
    pub(crate) async fn play(&self, mode: Mode) -> Result<Played> {
        let builder = self.stage.builder();
        let mut stage = Stage::start_on(if mode == Mode::TwoServers {
            builder.second_api_server()
        } else {
            builder
        })
        .await?;
        let served = Served::read(&stage.cluster.admin()?).await?;
        match mode.guard(&served) {
            Ok(guard) => {
                let refusing = guard != Guard::None && !served.can_hold();
                let outcome = self.play_on(&mut stage, mode, guard).await?;
                Ok(Played::Outcome(Outcome { refusing, ..outcome }))
            }
            Err(why) => Ok(Played::Impossible(why)),
        }
    }

    async fn play_on(&self, stage: &mut Stage, mode: Mode, guard: Guard) -> Result<Outcome> {
        stage.cluster.add_nodes(nodes()).await?;
        let weather = Weather::begin(mode, guard, stage, &self.stage).await?;
        let placements = Placements::watch(&stage.cluster).await?;
        let done = Arc::new(AtomicUsize::new(0));
        let clients = Clients {
            cluster: &stage.cluster,
            count: self.namespaces,
            side_by_side: self.clients,
            done: Arc::clone(&done),
        };
        let began = Instant::now();
        let (tally, ()) =
            tokio::try_join!(clients.run(), weather.change(stage, &done, self.namespaces))?;
        let placed = placements.settle(self.namespaces - tally.failed, PATIENCE).await;
        let took = began.elapsed().as_secs_f64();
        ensure!(
            done.load(Ordering::Relaxed) == self.namespaces,
            "not every namespace was asked for"
        );
        Ok(Outcome {
            mode,
            refusing: false,
            foreign: placed.foreign(),
            own: placed.own(),
            shared: placed.shared(),
            unplaced: self.namespaces - tally.failed - placed.len(),
            failed: tally.failed,
            retries: tally.retries,
            delays: placed.delays(&tally.asked),
            took,
        })
    }
}

/// Two nodes for each tenant, and two that belong to nobody.
pub(super) fn nodes() -> Vec<Node> {
    let pool = |name: &str| {
        [1, 2].map(|number| Node::new(format!("{name}-{number}")).label("pool", name).pods(5000))
    };
    TENANTS.iter().copied().chain([NOBODY]).flat_map(pool).collect()
}

/// Whose namespace number so and so is.
fn tenant(number: usize) -> &'static str {
    TENANTS.get(number % TENANTS.len()).copied().unwrap_or_default()
}

/// Every tenth is what a user would call critical.
fn name(number: usize) -> String {
    let word = if number.is_multiple_of(10) { "critical" } else { "job" };
    format!("{}-{word}-{number}", tenant(number))
}

/// A file of the cluster's folder with the settings in force.
fn settings_file(cluster: &Cluster, text: &str) -> Result<PathBuf> {
    let path = cluster.file("settings.yaml");
    std::fs::write(&path, text)?;
    Ok(path)
}
