//! `controller`: keeps every namespace compliant for as long as it runs.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use cluster::lease::{Election, Leadership};
use controller::admin::Admin;
use controller::app::{self, Continuous, Options, Running, SHUTDOWN, Scope};
use controller::context::Context;
use controller::outcome::journal::Journal;
use controller::supervisor::Supervisor;
use dashboard::{Dashboard, Subject};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch as channel;

use crate::flags::{
    Connection, DashboardFlags, LeaseFlags, LogFlags, LogFormat, PaceFlags, SettingsFlags,
};
use crate::help::{self, Example, Exit};
use crate::signals::Terminations;

mod guard_flags;

use self::guard_flags::GuardFlags;

/// Of tasks that answer others and have no rounds of their own.
const UNBOUNDED: Duration = Duration::MAX;

const EXAMPLES: [Example; 3] = [
    (
        "In a Pod, by the settings of a ClusterAdmissionPolicy",
        "landlord controller --policy landlord",
    ),
    ("With the guard kept as it is rendered", "landlord controller --guard"),
    ("By hand, alone", "landlord controller --settings settings.yaml --no-leader-election"),
];
const EXITS: [Exit; 2] = [
    (0, "ended by SIGTERM or Ctrl-C, in order: the lease is given up"),
    (1, "startup failed, or a task ended that must not; the log names it"),
];

/// Run the controller: backfill, tenants' edits, repair of drift
///
/// Replicas elect one that writes; the others stay informed. Settings are followed live: a broken
/// document is refused and the last good one stays in force. Pages: /healthz, /readyz (what it
/// waits for), /metrics.
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
    #[arg(
        long,
        env = "LANDLORD_LOG_FORMAT",
        value_enum,
        default_value = "text",
        help_heading = "Log"
    )]
    log_format: LogFormat,
    /// Write without a lease: for a replica that is alone
    #[arg(long, env = "LANDLORD_NO_LEADER_ELECTION", help_heading = "Election")]
    no_leader_election: bool,
    #[command(flatten)]
    lease: LeaseFlags,
    /// Who this replica is in the lease [default: host name, process id and a random number]
    #[arg(long, env = "LANDLORD_IDENTITY", value_name = "NAME", help_heading = "Election")]
    identity: Option<String>,
    /// Let a strategy leave namespaces to the controller although no guard keeps their Pods out
    /// meanwhile. Pods may run on foreign nodes then
    #[arg(long, env = "LANDLORD_WITHOUT_GUARD", help_heading = "Guard")]
    without_guard: bool,
    #[command(flatten)]
    pace: PaceFlags,
    /// Release Pods that the guard holds (scheduling gate `landlord.dev/provisioning`) once their
    /// namespace is ready, also where another tool installed the guard; `--guard`
    /// does so anyway
    #[arg(long, env = "LANDLORD_RELEASE_PODS", help_heading = "Guard")]
    release_pods: bool,
    #[command(flatten)]
    guard: GuardFlags,
    /// Count Pods that run outside their tenant's pool: watches every Pod that has a node, and
    /// reports each that is outside, with the cause, by metrics, an Event and the dashboard
    #[arg(long, env = "LANDLORD_AUDIT", help_heading = "Audit")]
    audit: bool,
    /// Write a report about each namespace, of the kind `openreports.io/v1alpha1`, else
    /// `wgpolicyk8s.io/v1alpha2`, whichever the API server serves: whether it is compliant and its
    /// claim verified
    #[arg(long, env = "LANDLORD_REPORTS", help_heading = "Reports")]
    reports: bool,
    #[command(flatten)]
    web: DashboardFlags,
    /// For tests: let this task panic
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_name = "NAME")]
    fail_task: Option<String>,
}

impl Controller {
    /// Runs the command.
    pub(crate) fn run(self, log: &LogFlags) -> Result<ExitCode> {
        log.start_controller(self.log_format);
        let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
        runtime.block_on(self.serve())?;
        // Nothing that is still under way is worth waiting for any longer.
        runtime.shutdown_background();
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> Result<()> {
        // Listened for from the beginning: an early SIGTERM is an end in order as well.
        let mut terminations = Terminations::listen()?;
        let client = self.connection.client().await?;
        let (ended, end) = channel::channel(false);
        let (listener, address) = Admin::listen(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        println!("listening on http://{address}");
        let (leadership, election) = self.elect(&client, until_ended(end.clone()));
        let journal = self.web.address().map(|_| Arc::<Journal>::default());
        let mut running = app::start(self.options(client, leadership.clone(), journal.clone()))
            .context("default settings")?;

        let mut servers = Supervisor::failing(self.fail_task());
        servers.spawn("election", UNBOUNDED, |_| election);
        let Context { readiness, reconciler, .. } = running.context.clone();
        let outcomes = Arc::clone(reconciler.outcomes());
        let snapshots = Arc::clone(&running.snapshots);
        let health = running.supervisor.health();
        let admin = Admin { readiness, snapshots, outcomes, health };
        servers.spawn("admin", UNBOUNDED, |_| serve_admin(admin, listener, end.clone()));
        for (name, task) in self.open_dashboard(&running, leadership, journal, end).await? {
            servers.spawn(name, UNBOUNDED, |_| task);
        }
        let outcome = tokio::select! {
            outcome = terminations.recv_any() => outcome.map_err(Into::into),
            ended = running.supervisor.first_end() => Err(ended.into()),
            ended = servers.first_end() => Err(ended.into()),
        };
        tracing::info!("ending");
        running.stop().await;
        // The lease is given up after the last write, so that its heir sees all of them.
        ended.send_replace(true);
        servers.all_end(SHUTDOWN).await;
        outcome
    }

    fn options(
        &self,
        client: Client,
        leadership: Leadership,
        journal: Option<Arc<Journal>>,
    ) -> Options {
        let scope = Scope::Continuous(Continuous {
            settings: self.settings.source(),
            policy: self.settings.policy().to_owned(),
            namespace: self.settings.namespace().to_owned(),
            without_guard: self.without_guard,
            release_pods: self.release_pods || self.guard.holds(),
            guard: self.guard.orders(),
            audit: self.audit,
            reports: self.reports,
        });
        Options {
            client,
            leadership,
            pace: self.pace.pace(),
            events: true,
            journal,
            scope,
            fail_task: self.fail_task(),
        }
    }

    /// The task that a test lets panic; nothing in a release.
    #[cfg(debug_assertions)]
    fn fail_task(&self) -> Option<String> {
        self.fail_task.clone()
    }

    #[cfg(not(debug_assertions))]
    fn fail_task(&self) -> Option<String> {
        None
    }

    /// Nothing, unless it is asked for.
    async fn open_dashboard(
        &self,
        running: &Running,
        leadership: Leadership,
        journal: Option<Arc<Journal>>,
        end: channel::Receiver<bool>,
    ) -> Result<Vec<(&'static str, BoxFuture<'static, ()>)>> {
        let door = self.web.listen().await.with_context(|| {
            format!("cannot listen for the dashboard on {:?}", self.web.address())
        })?;
        let (Some(door), Some(journal)) = (door, journal) else { return Ok(Vec::new()) };
        println!("dashboard on http://{}", door.address);
        let Context { client, readiness, .. } = running.context.clone();
        let snapshots = Arc::clone(&running.snapshots);
        let (policy, namespace) =
            (self.settings.policy().to_owned(), self.settings.namespace().to_owned());
        let subject =
            Subject { client, snapshots, readiness, leadership, journal, policy, namespace };
        Ok(Dashboard::tasks(door, subject, end).into())
    }

    fn elect(
        &self,
        client: &Client,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> (Leadership, BoxFuture<'static, ()>) {
        if self.no_leader_election {
            return (Leadership::forever(), end.boxed());
        }
        let identity = self.identity.clone().unwrap_or_else(default_identity);
        let (leadership, work) =
            Election::new(client.clone(), self.settings.namespace(), &self.lease.name, identity)
                .run(end);
        (leadership, work.boxed())
    }
}

/// Unlike any other replica's: on one node, in Pods of its network, host name and process id can be
/// the same, and two that took each other for themselves would both write.
fn default_identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "landlord".to_owned());
    let random = RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{host}-{}-{random:016x}", std::process::id())
}

async fn serve_admin(admin: Admin, listener: TcpListener, end: channel::Receiver<bool>) {
    if let Err(error) = admin.serve(listener, until_ended(end)).await {
        tracing::error!(%error, "the pages for health and metrics have ended");
    }
}

async fn until_ended(mut end: channel::Receiver<bool>) {
    // A sender that is gone is an end as well.
    let _ = end.wait_for(|ended| *ended).await;
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_replicas_have_the_same_identity() {
        assert_ne!(super::default_identity(), super::default_identity());
    }
}
