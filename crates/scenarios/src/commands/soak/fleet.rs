//! Fleet: the two controllers, and how the leading one stops leading.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local_cluster::{Cluster, Process};
use nix::sys::signal::Signal;

use super::churn::Tally;
use super::record::{Row, State};
use crate::commands::landlord::{start_controller, until};
use crate::commands::pages::{Metrics, value};
use crate::commands::usage;

/// `one` is killed, `two` is frozen.
pub(super) const NAMES: [&str; 2] = ["one", "two"];
const WRITTEN: &str = "landlord_namespace_writes_total{outcome=\"done\"}";
const LEADS: &str = "landlord_leader ";
const WAITING: &str = "landlord_namespaces{state=\"pending\"}";
/// How long one that was killed is away.
const AWAY: Duration = Duration::from_secs(5);
/// How long a page of metrics may take, so that one that stands still holds nothing up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Fleet<'a> {
    cluster: &'a Cluster,
    arguments: Vec<String>,
    controllers: [Controller; 2],
    interval: Duration,
    changed: Instant,
    kills: usize,
    freezes: usize,
}

struct Controller {
    name: &'static str,
    /// The number of its process.
    life: usize,
    run: Option<Run>,
    /// When it was killed or frozen.
    since: Instant,
    is_frozen: bool,
    /// Whether it led when it was asked last.
    is_leader: bool,
    /// Writes of its earlier processes, and those of this one, as last seen.
    before: f64,
    written: f64,
}

/// A process and its pages.
struct Run {
    process: Process,
    metrics: Metrics,
}

impl Controller {
    fn new(name: &'static str) -> Self {
        let since = Instant::now();
        Self {
            name,
            life: 0,
            run: None,
            since,
            is_frozen: false,
            is_leader: false,
            before: 0.0,
            written: 0.0,
        }
    }

    async fn start(&mut self, cluster: &Cluster, arguments: &[String]) -> Result<()> {
        self.life += 1;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let identity = format!("{}-{}", self.name, self.life);
        let process = start_controller(cluster, &identity, &arguments).await?;
        self.run = Some(Run { metrics: Metrics::of(&process).await?, process });
        Ok(())
    }

    /// The page, if it answers.
    async fn page(&self) -> Option<String> {
        let run = self.run.as_ref().filter(|_| !self.is_frozen)?;
        tokio::time::timeout(ANSWER_TIMEOUT, run.metrics.read()).await.ok()?.ok()
    }

    /// Whether it says that it leads.
    async fn leads(&self) -> bool {
        self.page().await.is_some_and(|page| value(&page, LEADS) > 0.0)
    }

    /// Takes in what its page says.
    async fn look(&mut self) {
        if let Some(page) = self.page().await {
            (self.written, self.is_leader) = (value(&page, WRITTEN), value(&page, LEADS) > 0.0);
        }
    }

    async fn kill(&mut self) {
        self.look().await;
        self.before += std::mem::take(&mut self.written);
        self.run = None;
        self.since = Instant::now();
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        let run = self.run.as_ref().context("it does not run")?;
        run.process.signal(signal)?;
        (self.is_frozen, self.since) = (signal == Signal::SIGSTOP, Instant::now());
        Ok(())
    }

    /// Nothing where it does not run. One that has ended by itself is an error.
    async fn state(&mut self) -> Result<Option<State>> {
        self.look().await;
        let Some(run) = &mut self.run else { return Ok(None) };
        ensure!(run.process.runs(), "{} has ended:\n{}", self.name, run.process.last_words());
        Ok(Some(State {
            name: self.name,
            life: self.life,
            frozen: self.is_frozen,
            leads: self.is_leader,
            memory: usage::memory(&run.process)?,
            descriptors: usage::descriptors(&run.process)?,
            threads: usage::threads(&run.process)?,
            writes: self.before + self.written,
        }))
    }
}

impl<'a> Fleet<'a> {
    /// Both, with a failover at each interval.
    pub(super) async fn start(cluster: &'a Cluster, interval: Duration) -> Result<Self> {
        let settings = format!("--settings={}", cluster.file("settings.yaml").display());
        let arguments = vec!["--guard=hold".to_owned(), settings];
        let mut controllers = NAMES.map(Controller::new);
        for controller in &mut controllers {
            controller.start(cluster, &arguments).await?;
        }
        let changed = Instant::now();
        Ok(Self { cluster, arguments, controllers, interval, changed, kills: 0, freezes: 0 })
    }

    /// Does what is due: who was killed is started again, who was frozen goes on once the other
    /// leads, and the leader of the moment is killed or frozen.
    pub(super) async fn turn(&mut self) -> Result<()> {
        let [one, two] = &mut self.controllers;
        if one.run.is_none() && one.since.elapsed() > AWAY {
            one.start(self.cluster, &self.arguments).await?;
        }
        if two.is_frozen && one.leads().await {
            two.signal(Signal::SIGCONT)?;
        }
        let is_disturbed = one.run.is_none() || two.is_frozen;
        if is_disturbed || self.changed.elapsed() < self.interval {
            return Ok(());
        }
        if one.leads().await {
            one.kill().await;
            self.kills += 1;
        } else if two.leads().await {
            two.signal(Signal::SIGSTOP)?;
            self.freezes += 1;
        } else {
            // Nobody leads at the moment.
            return Ok(());
        }
        self.changed = Instant::now();
        Ok(())
    }

    /// A sample.
    pub(super) async fn sample(&mut self, at: Duration, tally: &Tally) -> Result<Row> {
        let mut controllers = Vec::new();
        for controller in &mut self.controllers {
            controllers.extend(controller.state().await?);
        }
        let (churn, ready) = tally.take();
        let (kills, freezes) = (self.kills, self.freezes);
        Ok(Row { at: at.as_secs_f64(), controllers, kills, freezes, churn, ready })
    }

    /// Waits until both run and the leader has written everything.
    pub(super) async fn rest(&mut self) -> Result<()> {
        // No further failover.
        self.interval = Duration::MAX;
        let this = tokio::sync::Mutex::new(self);
        let is_over = async || {
            let mut this = this.lock().await;
            this.turn().await?;
            for controller in &this.controllers {
                let page = controller.page().await.unwrap_or_default();
                if value(&page, LEADS) > 0.0 {
                    return Ok(value(&page, WAITING) < 1.0);
                }
            }
            Ok(false)
        };
        until("everything is written", is_over).await
    }
}
