//! App: the one place where the controller is put together. The command, `backfill`, tests and the
//! simulation start it here, so that what is tested is what runs.
//!
//! ```text
//! Options ─▶ start ─▶ Running: settings · tenants · namespaces · nodes · restore ─▶ reconciler ─▶ statuses
//!                              pods · releaser · waiting pods      strategies      guard · reports leadership · account
//!                              bound pods · audit
//! ```

use std::sync::Arc;
use std::time::Duration;

use cluster::lease::Leadership;
use cluster::settings::SettingsSource;
use cluster::writer::{ApplyMode, Writer};
use kube::Client;
use serde_json::Value;
use tenancy::decode::DecodeError;
use tenancy::settings::Settings;
use tokio::sync::watch as channel;

use crate::auditor::Auditor;
use crate::context::Context;
use crate::guard_keeper::{Keeper, Orders};
use crate::live_settings;
use crate::metrics::Metrics;
use crate::outcome::Outcomes;
use crate::outcome::journal::Journal;
use crate::pace::Pace;
use crate::readiness::GUARD;
use crate::reconciler::Reconciler;
use crate::releaser::Releaser;
use crate::reports::{PlacementOf, ReportMetrics, Reports};
use crate::snapshot::Snapshots;
use crate::status::Statuses;
use crate::store::Store;
use crate::strategy::Strategies;
use crate::strategy::metrics::StrategyMetrics;
use crate::supervisor::{Pulse, Spawner, Supervisor};

mod account;
mod tenants;

/// Within this time a task that only waits shows that it is alive.
const WAITING_BOUND: Duration = Duration::from_secs(60);
/// The same of a task whose rounds ask the API server many times, each with a deadline of its own.
const ROUND_BOUND: Duration = Duration::from_secs(600);
/// How often the metric of leadership is set.
const LEADERSHIP_INTERVAL: Duration = Duration::from_millis(200);
/// How often it is looked whether writes are still under way.
const DRAIN_INTERVAL: Duration = Duration::from_millis(5);
/// How long writes that are under way may take once the end has come.
pub const SHUTDOWN: Duration = Duration::from_secs(5);

/// What a controller is to do.
pub struct Options {
    pub client: Client,
    pub leadership: Leadership,
    pub pace: Pace,
    /// Whether Events are written, beside logs and metrics.
    pub events: bool,
    /// Where the dashboard finds the newest outcomes.
    pub journal: Option<Arc<Journal>>,
    pub scope: Scope,
    /// For tests: this task panics shortly after its start.
    pub fail_task: Option<String>,
}

/// What it looks after.
pub enum Scope {
    /// Namespaces as they are in this store, and nothing that changes afterwards.
    Once { store: Box<Store>, mode: ApplyMode },
    /// The cluster, for as long as it runs.
    Continuous(Continuous),
}

/// What it does about a cluster.
pub struct Continuous {
    pub settings: SettingsSource,
    /// The ClusterAdmissionPolicy's name, whose strategy it follows.
    pub policy: String,
    /// The controller's namespace, where the strategy's record is.
    pub namespace: String,
    /// Whether a strategy may go by without the guard.
    pub without_guard: bool,
    /// Whether gated Pods are released.
    pub release_pods: bool,
    /// Keeps the guard so.
    pub guard: Option<Orders>,
    /// Whether Pods outside their pool are counted.
    pub audit: bool,
    /// Whether reports about namespaces are written.
    pub reports: bool,
}

/// A controller that runs.
pub struct Running {
    pub context: Context,
    /// What the dashboard and metrics read.
    pub snapshots: Arc<Snapshots>,
    pub supervisor: Supervisor,
}

/// Starts every task of it. Nothing is waited for.
pub fn start(options: Options) -> Result<Running, DecodeError> {
    let Options { client, leadership, pace, events, journal, scope, fail_task } = options;
    let has_dashboard = journal.is_some();
    let strategy_metrics = StrategyMetrics::default();
    let is_audited = matches!(&scope, Scope::Continuous(continuous) if continuous.audit);
    let report_metrics = ReportMetrics::default();
    let metrics = Metrics::with(|registry| {
        strategy_metrics.register(registry);
        report_metrics.register(registry);
    });
    let metrics = if is_audited { metrics.audited() } else { metrics };
    let outcomes = Outcomes::new(Arc::new(metrics), events.then(|| client.clone()));
    let outcomes = outcomes.led_by(leadership.clone()).noted_in(journal);
    let supervisor = Supervisor::failing(fail_task);
    let mut starter = Starter { supervisor, strategy_metrics, report_metrics };
    let spawner = starter.supervisor.spawner();
    let (context, snapshots) = match scope {
        Scope::Once { store, mode } => {
            let reconciler =
                Reconciler::once(*store, pace, Writer::new(client.clone(), mode), outcomes);
            let (context, snapshots) = share(client, reconciler, spawner);
            starter.start_reconciler(&context, &leadership);
            (context, snapshots)
        }
        Scope::Continuous(continuous) => {
            let settings = Settings::from_value(&Value::Null)?;
            let writer = Writer::new(client.clone(), ApplyMode::Apply);
            let reconciler =
                Reconciler::new(Store::new(Arc::new(settings)), pace, writer, outcomes);
            let reconciler = if is_audited { reconciler.audited() } else { reconciler };
            let (context, snapshots) = share(client, reconciler, spawner);
            starter.start_continuous(&context, &snapshots, &leadership, continuous);
            (context, snapshots)
        }
    };
    if has_dashboard {
        // From now on, so that the first who looks need not wait for a whole cluster.
        snapshots.refresh_namespaces();
    }
    Ok(Running { context, snapshots, supervisor: starter.supervisor })
}

fn share(client: Client, reconciler: Reconciler, spawner: Spawner) -> (Context, Arc<Snapshots>) {
    let reconciler = Arc::new(reconciler);
    let snapshots = Arc::new(Snapshots::new(Arc::clone(&reconciler)));
    (Context::new(client, reconciler, spawner), snapshots)
}

impl Running {
    /// Ends every task where it waits next, and waits for the writes that are under way.
    pub async fn stop(mut self) {
        self.supervisor.abort();
        drain(&self.context.reconciler).await;
    }
}

/// Waits for the writes that are under way; nothing new begins.
pub async fn drain(reconciler: &Reconciler) {
    let deadline = tokio::time::Instant::now() + SHUTDOWN;
    while reconciler.shared().writes_under_way() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(DRAIN_INTERVAL).await;
    }
}

struct Starter {
    supervisor: Supervisor,
    strategy_metrics: StrategyMetrics,
    report_metrics: ReportMetrics,
}

impl Starter {
    fn spawn<F>(&mut self, name: &'static str, bound: Duration, task: impl FnOnce(Pulse) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.supervisor.spawn(name, bound, task);
    }

    fn start_reconciler(&mut self, context: &Context, leadership: &Leadership) {
        let reconciler = Arc::clone(&context.reconciler);
        self.spawn("reconciler", WAITING_BOUND, |pulse| reconciler.run(leadership.clone(), pulse));
        let reconciler = Arc::clone(&context.reconciler);
        self.spawn("reports", WAITING_BOUND, |pulse| reconciler.report_put_off(pulse));
    }

    fn start_continuous(
        &mut self,
        context: &Context,
        snapshots: &Arc<Snapshots>,
        leadership: &Leadership,
        continuous: Continuous,
    ) {
        let Continuous {
            settings: source,
            policy,
            namespace,
            without_guard,
            release_pods,
            guard,
            audit,
            reports,
        } = continuous;
        self.start_reconciler(context, leadership);
        let settings = self.start_watches(context, leadership, source);
        if release_pods {
            self.start_releaser(context, leadership);
        }
        let statuses = Statuses {
            context: context.clone(),
            snapshots: Arc::clone(snapshots),
            leadership: leadership.clone(),
        };
        self.spawn("statuses", ROUND_BOUND, |pulse| statuses.run(pulse));
        if audit {
            self.start_auditor(context, snapshots, leadership, namespace.clone());
        }
        if reports {
            self.start_reports(context, snapshots, leadership);
        }
        let guarded_policy = policy.clone();
        let strategies = Strategies {
            context: context.clone(),
            leadership: leadership.clone(),
            policy,
            namespace,
            without_guard,
            metrics: self.strategy_metrics.clone(),
        };
        self.spawn("strategies", ROUND_BOUND, |pulse| strategies.run(pulse));
        if let Some(orders) = guard {
            self.start_keeper(context, leadership, settings, orders, guarded_policy);
        }
    }

    /// What is read of the cluster, and kept up to date. Returns the settings as they are read.
    fn start_watches(
        &mut self,
        context: &Context,
        leadership: &Leadership,
        source: SettingsSource,
    ) -> channel::Receiver<Option<Arc<Settings>>> {
        let (sender, settings) = channel::channel(None::<Arc<Settings>>);
        self.spawn("settings", WAITING_BOUND, |pulse| {
            live_settings::follow(source, sender, context.clone(), pulse)
        });
        self.spawn("tenants", WAITING_BOUND, |pulse| {
            tenants::follow(context.clone(), settings.clone(), pulse)
        });
        self.spawn("account", WAITING_BOUND, |pulse| {
            account::follow(context.clone(), settings.clone(), pulse)
        });
        self.spawn("namespaces", WAITING_BOUND, |pulse| context.clone().follow_namespaces(pulse));
        self.spawn("nodes", WAITING_BOUND, |pulse| context.clone().follow_nodes(pulse));
        self.spawn("restore", WAITING_BOUND, |pulse| {
            context.clone().watch_for_restore(leadership.clone(), pulse)
        });
        self.spawn("leadership", WAITING_BOUND, |pulse| {
            show_leadership(leadership.clone(), context.clone(), pulse)
        });
        settings
    }

    fn start_reports(
        &mut self,
        context: &Context,
        snapshots: &Arc<Snapshots>,
        leadership: &Leadership,
    ) {
        let reports = Reports {
            context: context.clone(),
            snapshots: Arc::clone(snapshots),
            leadership: leadership.clone(),
            metrics: self.report_metrics.clone(),
            placement: context.reconciler.is_audited().then(|| {
                let reconciler = Arc::clone(&context.reconciler);
                Arc::new(move |name: &str| reconciler.audit()?.placement(name)) as PlacementOf
            }),
        };
        self.spawn("namespace-reports", ROUND_BOUND, |pulse| reports.run(pulse));
    }

    fn start_keeper(
        &mut self,
        context: &Context,
        leadership: &Leadership,
        settings: channel::Receiver<Option<Arc<Settings>>>,
        orders: Orders,
        policy: String,
    ) {
        context.reconciler.shared().store.set_guarded(Some(true));
        context.readiness.fail(GUARD, "not looked at yet".to_owned());
        let keeper = Keeper {
            client: context.client.clone(),
            outcomes: Arc::clone(context.reconciler.outcomes()),
            signals: Arc::clone(&context.signals),
            leadership: leadership.clone(),
            readiness: Arc::clone(&context.readiness),
            settings,
            policy,
            orders,
        };
        self.spawn("guard", ROUND_BOUND, |pulse| keeper.run(pulse));
    }

    fn start_auditor(
        &mut self,
        context: &Context,
        snapshots: &Arc<Snapshots>,
        leadership: &Leadership,
        namespace: String,
    ) {
        let auditor =
            Auditor::new(context.clone(), Arc::clone(snapshots), leadership.clone(), namespace);
        self.spawn("bound-pods", WAITING_BOUND, |pulse| context.clone().follow_bound_pods(pulse));
        self.spawn("audit", ROUND_BOUND, |pulse| auditor.run(pulse));
    }

    fn start_releaser(&mut self, context: &Context, leadership: &Leadership) {
        self.spawn("pods", WAITING_BOUND, |pulse| context.clone().follow_pods(pulse));
        let releaser = Releaser::new(context.clone(), leadership.clone());
        self.spawn("releaser", WAITING_BOUND, |pulse| releaser.run(pulse));
        self.spawn("waiting-pods", ROUND_BOUND, |pulse| {
            Releaser::report_waiting(context.clone(), leadership.clone(), pulse)
        });
    }
}

async fn show_leadership(leadership: Leadership, context: Context, pulse: Pulse) {
    loop {
        pulse.beat();
        context.reconciler.outcomes().metrics().leader.set(i64::from(leadership.holds()));
        tokio::time::sleep(LEADERSHIP_INTERVAL).await;
    }
}
