//! `controller`: keeps every namespace compliant for as long as it runs.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::Value;
use tenancy::settings::Settings;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

use crate::flags::DashboardFlags;
use crate::flags::LeaseFlags;
use crate::flags::PaceFlags;
use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};
use cluster::lease::{Election, Leadership};
use cluster::settings::SettingsSource;
use cluster::writer::{ApplyMode, Writer};
use controller::admin::Admin;
use controller::gated_pods::Releaser;
use controller::guard_keeper::Keeper;
use controller::live_settings;
use controller::metrics::Metrics;
use controller::outcome::Outcomes;
use controller::outcome::journal::Journal;
use controller::reconciler::Reconciler;
use controller::status::Statuses;
use controller::store::Store;
use controller::strategy::Strategies;
use controller::watch::{Readiness, SETTINGS, TENANTS, Watch};
use dashboard::{Dashboard, Subject};

mod guard_flags;

use self::guard_flags::GuardFlags;

/// How long writes that are under way may take once the end has come.
const SHUTDOWN: Duration = Duration::from_secs(5);

const EXAMPLES: [Example; 3] = [
    ("In a Pod, by the settings of a ClusterAdmissionPolicy", "landlord controller --policy landlord"),
    ("With the guard kept as it is rendered", "landlord controller --guard"),
    ("By hand, alone", "landlord controller --settings settings.yaml --no-leader-election"),
];
const EXITS: [Exit; 2] = [(0, "ended by SIGTERM or Ctrl-C, in order: the lease is given up"), (1, "it could not begin")];

/// Run the controller: backfill, tenants' edits, repair of drift
///
/// Replicas elect one that writes; the others stay informed. Settings are followed live: a broken document is refused and the last good one stays in
/// force. Pages: /healthz, /readyz (what it waits for), /metrics.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Controller {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Where to answer for health and metrics; port 0 takes any free one and prints it
    #[arg(long, env = "LANDLORD_LISTEN", value_name = "IP:PORT", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Form of the log on standard error
    #[arg(long, env = "LANDLORD_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Write without a lease: for a replica that is alone
    #[arg(long, env = "LANDLORD_NO_LEADER_ELECTION", help_heading = "Election")]
    no_leader_election: bool,
    #[command(flatten)]
    lease: LeaseFlags,
    /// Who this replica is in the lease [default: host name and process id]
    #[arg(long, env = "LANDLORD_IDENTITY", value_name = "NAME", help_heading = "Election")]
    identity: Option<String>,
    /// Let a strategy leave namespaces to the controller although no guard keeps their Pods out meanwhile. Pods may run on foreign nodes then
    #[arg(long, env = "LANDLORD_WITHOUT_GUARD", help_heading = "Guard")]
    without_guard: bool,
    #[command(flatten)]
    pace: PaceFlags,
    /// Release Pods that the guard holds (scheduling gate `landlord.dev/provisioning`) once their namespace is as it should be, also where the
    /// guard was installed by somebody else; `--guard` does so anyway
    #[arg(long, env = "LANDLORD_RELEASE_PODS", help_heading = "Guard")]
    release_pods: bool,
    #[command(flatten)]
    guard: GuardFlags,
    #[command(flatten)]
    web: DashboardFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Controller {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.start_log();
        let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
        runtime.block_on(self.serve())?;
        // Nothing that is still under way is worth waiting for any longer.
        runtime.shutdown_background();
        Ok(ExitCode::SUCCESS)
    }

    fn start_log(&self) {
        let filter = tracing_subscriber::EnvFilter::try_from_env("LANDLORD_LOG").unwrap_or_else(|_| "info,kube=warn".into());
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => log.with_ansi(false).init(),
            LogFormat::Json => log.json().init(),
        }
    }

    async fn serve(self) -> Result<()> {
        // Listened for from the beginning: an early SIGTERM is an end in order as well.
        let mut terminate = signal(SignalKind::terminate())?;
        let client = self.connection.client().await?;
        let (ended, end) = channel::channel(false);
        let metrics = Arc::new(Metrics::new());
        let settings = Settings::from_value(&Value::Null).context("default settings")?;
        let journal = self.web.address().map(|_| Arc::<Journal>::default());
        let outcomes = Outcomes::new(Arc::clone(&metrics), Some(client.clone())).noted_in(journal.clone());
        let writer = Writer::new(client.clone(), ApplyMode::Apply);
        let reconciler = Arc::new(Reconciler::new(Store::new(Arc::new(settings)), self.pace.pace(), writer, outcomes));
        let readiness = Arc::new(Readiness::new());

        let (listener, address) = Admin::listen(self.listen).await.with_context(|| format!("cannot listen on {}", self.listen))?;
        println!("listening on http://{address}");
        let admin = Admin { readiness: Arc::clone(&readiness), reconciler: Arc::clone(&reconciler) };
        let pages = tokio::spawn(admin.serve(listener, told(end.clone())));

        let (leadership, election) = self.elect(&client, told(end.clone()));
        let watch = Watch { client, reconciler: Arc::clone(&reconciler), readiness };
        let dashboard = self.open_dashboard(&watch, &leadership, journal, end).await?;
        let tasks = self.start(&watch, &leadership);
        tokio::spawn(show_leadership(leadership, metrics));
        until_told(&mut terminate).await?;
        tracing::info!("ending");
        tasks.iter().for_each(JoinHandle::abort);
        drain(&reconciler).await;
        ended.send_replace(true);
        // The lease is given up after the last write, so that its heir sees all of them.
        let _ = tokio::time::timeout(SHUTDOWN, election).await;
        let _ = tokio::time::timeout(SHUTDOWN, pages).await;
        if let Some([record, pages]) = dashboard {
            record.abort();
            let _ = tokio::time::timeout(SHUTDOWN, pages).await;
        }
        Ok(())
    }

    /// Nothing, unless it is asked for.
    async fn open_dashboard(
        &self,
        watch: &Watch,
        leadership: &Leadership,
        journal: Option<Arc<Journal>>,
        end: channel::Receiver<bool>,
    ) -> Result<Option<[JoinHandle<()>; 2]>> {
        let door = self.web.listen().await.with_context(|| format!("cannot listen for the dashboard on {:?}", self.web.address()))?;
        let (Some(door), Some(journal)) = (door, journal) else { return Ok(None) };
        println!("dashboard on http://{}", door.address);
        let Watch { client, reconciler, readiness } = watch.clone();
        let (policy, namespace) = (self.settings.policy().to_owned(), self.settings.namespace().to_owned());
        let subject = Subject { client, reconciler, readiness, leadership: leadership.clone(), journal, policy, namespace };
        Ok(Some(Dashboard::open(door, subject, end)))
    }

    /// Starts what watches, decides and writes.
    fn start(&self, watch: &Watch, leadership: &Leadership) -> Vec<JoinHandle<()>> {
        let Watch { client, reconciler, readiness } = watch.clone();
        let (settings_sender, settings) = channel::channel(None::<Arc<Settings>>);
        let keeper = self.guard.orders().map(|orders| Keeper {
            client: client.clone(),
            outcomes: Arc::clone(reconciler.outcomes()),
            leadership: leadership.clone(),
            settings: settings.clone(),
            orders,
        });
        let strategies = Strategies {
            client: client.clone(),
            reconciler: Arc::clone(&reconciler),
            readiness: Arc::clone(&readiness),
            leadership: leadership.clone(),
            policy: self.settings.policy().to_owned(),
            namespace: self.settings.namespace().to_owned(),
            without_guard: self.without_guard,
        };
        let mut tasks = vec![
            tokio::spawn(watch.clone().namespaces()),
            tokio::spawn(watch.clone().nodes()),
            tokio::spawn(Releaser::new(watch.clone(), leadership.clone()).run(self.release_pods || self.guard.holds())),
            tokio::spawn(follow_settings(watch.clone(), self.settings.source(), settings_sender, settings)),
            tokio::spawn(Arc::clone(&reconciler).run(leadership.clone())),
            tokio::spawn(Statuses { client, reconciler, readiness, leadership: leadership.clone() }.run()),
            tokio::spawn(strategies.run()),
        ];
        tasks.extend(keeper.map(|keeper| tokio::spawn(keeper.run())));
        tasks
    }

    fn elect(&self, client: &kube::Client, end: impl Future<Output = ()> + Send + 'static) -> (Leadership, JoinHandle<()>) {
        if self.no_leader_election {
            return (Leadership::forever(), tokio::spawn(async {}));
        }
        let host = || std::env::var("HOSTNAME").unwrap_or_else(|_| "landlord".to_owned());
        let identity = self.identity.clone().unwrap_or_else(|| format!("{}-{}", host(), std::process::id()));
        let (leadership, work) = Election::new(client.clone(), self.settings.namespace(), &self.lease.name, identity).run(end);
        (leadership, tokio::spawn(work))
    }
}

/// Puts every new document in force, and follows the tenants of its source.
async fn follow_settings(
    watch: Watch,
    source: SettingsSource,
    sender: channel::Sender<Option<Arc<Settings>>>,
    mut receiver: channel::Receiver<Option<Arc<Settings>>>,
) {
    let follow = tokio::spawn(live_settings::follow(source, sender, watch.clone()));
    let mut tenants: Option<JoinHandle<()>> = None;
    while receiver.changed().await.is_ok() {
        let Some(settings) = receiver.borrow_and_update().clone() else { continue };
        if let Some(task) = tenants.take() {
            task.abort();
            // What it was about to store belongs to the old source.
            let _ = task.await;
            watch.readiness.wait(TENANTS, "the settings have changed".to_owned());
        }
        watch.reconciler.shared().store.set_settings(settings);
        watch.reach(SETTINGS);
        tenants = Some(tokio::spawn(watch.clone().tenants()));
    }
    follow.abort();
}

async fn show_leadership(leadership: Leadership, metrics: Arc<Metrics>) {
    loop {
        metrics.leader.set(i64::from(leadership.holds()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for the writes that are under way; nothing new begins.
pub(crate) async fn drain(reconciler: &Reconciler) {
    let deadline = tokio::time::Instant::now() + SHUTDOWN;
    while reconciler.shared().writes_under_way() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn told(mut end: channel::Receiver<bool>) {
    // A sender that is gone is an end as well.
    let _ = end.wait_for(|ended| *ended).await;
}

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn until_told(terminate: &mut Signal) -> Result<()> {
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        outcome = tokio::signal::ctrl_c() => Ok(outcome?),
    }
}
