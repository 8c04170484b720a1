//! `release`: takes landlord out of a cluster, and leaves namespaces clean.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::Api;
use tenancy::plan::Claims;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::consent::Question;
use super::dry_run::DryRunFlags;
use super::progress::Progress;
use crate::flags::LeaseFlags;
use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};
use crate::output::form::FormFlags;
use crate::output::release as output;
use cluster::lease::Election;
use cluster::writer::ApplyMode;
use diagnostics::uninstall::{Orders, Report, Traces};

mod deployment;

use self::deployment::StoppedController;

/// Something is not clean.
const NOT_CLEAN: u8 = 2;
/// A controller that runs renews its claim in less; one that is gone loses it within.
const LEASE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for replicas to end after their Deployment is scaled to zero, each of which may lead once
/// more: `terminationGracePeriodSeconds`, and as much again for a slow kubelet.
const STOP_TIMEOUT: Duration = Duration::from_secs(40);

/// How long giving the lease up may take.
const SHUTDOWN: Duration = Duration::from_secs(5);

const EXAMPLES: [Example; 5] = [
    ("What would go", "landlord release --all --dry-run"),
    (
        "Everything but tenants and the policy, once the controller is stopped",
        "landlord release --all",
    ),
    (
        "The same while the controller runs, without a question",
        "landlord release --all --stop-controller --yes",
    ),
    ("The policy and the tenants as well", "landlord release --all --with-policy --with-crds"),
    (
        "Keep the labels by which people claimed tenants, for another day",
        "landlord release --all --keep-claims",
    ),
];
const EXITS: [Exit; 3] = [
    (0, "every namespace is clean (with --dry-run: would be)"),
    (
        1,
        "an error: a controller runs, held Pods could run anywhere, a policy for Pods would refuse all of them, or something may not be deleted",
    ),
    (2, "some namespaces or Pods are not clean; the report says why. Run it again to go on"),
];

/// Take landlord out of the cluster, and leave namespaces clean
///
/// In this order: the strategy's condition in the ClusterAdmissionPolicy (with --with-policy: the
/// whole policy is switched off, and deleted when all is clean), the guard, Pods that it holds
/// (with their tenant's node selector), and then every namespace: managed keys go, stay or get
/// their old value by their tenant's release rule, and all of `landlord.dev/` goes. It takes the
/// controller's lease meanwhile, so that no controller puts anything back; while one runs, it
/// refuses, unless `--stop-controller` scales it to zero first. It refuses as well while Pods are held of which nobody can say where they belong, or
/// whose namespace's creator may not claim its tenant: they would run on any node; and, without
/// --with-policy, while a policy places Pods. Running it again resumes it. A dry run refuses what
/// the run would refuse. Of what would go, `--dry-run=server` has the API server judge every
/// namespace's patch.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Release {
    /// Every namespace. Required: a controller would write back what only some of them lose
    #[arg(long, required = true, env = "LANDLORD_ALL")]
    all: bool,
    /// Delete the ClusterAdmissionPolicies as well: the one of the settings, and whatever places
    /// Pods
    #[arg(long, env = "LANDLORD_WITH_POLICY")]
    with_policy: bool,
    /// Delete the definition of landlord's tenants as well, and with it all tenants
    #[arg(long, env = "LANDLORD_WITH_CRDS")]
    with_crds: bool,
    /// Leave tenant labels that people wrote
    #[arg(long, env = "LANDLORD_KEEP_CLAIMS")]
    keep_claims: bool,
    /// Release held Pods to any node where their tenant is not known, or wants what they do not
    #[arg(long, env = "LANDLORD_FREE_PODS")]
    free_pods: bool,
    /// Scale the controller's Deployment `landlord-controller` to zero first, in the lease's
    /// namespace. It gets its replicas back if nothing is changed then
    #[arg(long, env = "LANDLORD_STOP_CONTROLLER")]
    stop_controller: bool,
    /// Do not ask
    #[arg(short, long, env = "LANDLORD_YES")]
    yes: bool,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    lease: LeaseFlags,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    form: FormFlags,
}

impl Release {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.release())
    }

    async fn release(self) -> Result<ExitCode> {
        let client = self.connection.client().await?;
        let orders = self.orders(&client).await?;
        let mut traces = Traces::find(&client, &orders).await?;
        refuse(&traces, &orders)?;
        if orders.mode == ApplyMode::Apply && !self.yes {
            let (shown, question) =
                (traces.describe(&orders), "Take landlord out of this cluster?");
            Question {
                shown: &shown,
                question,
                unasked: "landlord is to leave this cluster",
                refused: "nothing was changed",
            }
            .ask()?;
        }
        let report = match orders.mode {
            ApplyMode::Apply => self.lead_and_remove(&client, &orders).await?,
            _ => {
                let mut report = traces.remove(&client, &orders, |_, _| {}).await?;
                traces.finish(&client, &orders, &self.election(&client), &mut report).await?;
                report
            }
        };
        self.form.print(|| output::render_report(&report), || output::document(&report))?;
        Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) })
    }

    async fn orders(&self, client: &Client) -> Result<Orders> {
        Ok(Orders {
            settings: self.settings.read(client).await?,
            policy: self.settings.policy().to_owned(),
            namespace: self.settings.namespace().to_owned(),
            mode: self.dry_run.mode(),
            with_policy: self.with_policy,
            with_crds: self.with_crds,
            free_pods: self.free_pods,
            claims: if self.keep_claims { Claims::Stay } else { Claims::Go },
        })
    }

    /// Under the lease, with the controller stopped where that is asked for.
    async fn lead_and_remove(&self, client: &Client, orders: &Orders) -> Result<Report> {
        let stopped = if self.stop_controller {
            StoppedController::stop(client, self.settings.namespace()).await?
        } else {
            None
        };
        let (leading, mut traces) = match (self.prepare(client, orders).await, stopped) {
            (Ok(ready), _) => ready,
            (Err(error), Some(stopped)) => {
                stopped.start_again().await?;
                return Err(error);
            }
            (Err(error), None) => return Err(error),
        };
        let mut progress = Progress::new(traces.namespaces.len());
        let report =
            traces.remove(client, orders, |done, failed| progress.show(done as u64, failed)).await;
        progress.finish();
        give_up(leading).await;
        let mut report = report?;
        traces.finish(client, orders, &self.election(client), &mut report).await?;
        Ok(report)
    }

    /// Takes the lease, and looks once more for what is there: it may have changed before the
    /// controller stopped. Nothing is changed yet.
    async fn prepare(&self, client: &Client, orders: &Orders) -> Result<(Option<Leading>, Traces)> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        // Where the lease has no place, no controller can have it.
        let leading = match namespaces
            .get_opt(self.settings.namespace())
            .await
            .context("the lease's namespace cannot be read")?
        {
            Some(_) => Some(self.lead(client).await?),
            None => None,
        };
        let found = async {
            let traces = Traces::find(client, orders).await?;
            refuse(&traces, orders)?;
            anyhow::Ok(traces)
        };
        match found.await {
            Ok(traces) => Ok((leading, traces)),
            Err(error) => {
                give_up(leading).await;
                Err(error)
            }
        }
    }

    fn election(&self, client: &Client) -> Election {
        let identity = format!("landlord-release-{}", std::process::id());
        Election::new(client.clone(), self.settings.namespace(), &self.lease.name, identity)
    }

    /// Waits for the lease, and keeps it until what is returned is dropped.
    async fn lead(&self, client: &Client) -> Result<Leading> {
        let (give_up, told) = oneshot::channel::<()>();
        let end = async { drop(told.await) };
        let (mut leadership, work) = self.election(client).run(end);
        let election = tokio::spawn(work);
        let timeout = if self.stop_controller { STOP_TIMEOUT } else { LEASE_TIMEOUT };
        if tokio::time::timeout(timeout, leadership.gained()).await.is_err() {
            election.abort();
            bail!(
                "the lease {0}/{1} cannot be had: a controller runs, and would write back what goes. Stop it first: `kubectl scale -n {0} deployment \
                 --all --replicas=0`, or say --stop-controller",
                self.settings.namespace(),
                self.lease.name
            );
        }
        Ok((give_up, election))
    }
}

/// The lease is given up when the sender is dropped; the task ends then.
type Leading = (oneshot::Sender<()>, JoinHandle<()>);

async fn give_up(leading: Option<Leading>) {
    if let Some((give_up, election)) = leading {
        drop(give_up);
        let _ = tokio::time::timeout(SHUTDOWN, election).await;
    }
}

/// Before anything is changed.
fn refuse(traces: &Traces, orders: &Orders) -> Result<()> {
    refuse_in_the_way(traces, orders)?;
    refuse_astray(traces, orders)
}

fn refuse_in_the_way(traces: &Traces, orders: &Orders) -> Result<()> {
    let names = traces.policies.in_the_way(orders);
    ensure!(
        names.is_empty(),
        "ClusterAdmissionPolicy {} places Pods, and would refuse all of them in namespaces without landlord's keys; nothing was changed. Say \
         --with-policy, or delete it first: `kubectl delete clusteradmissionpolicies {}`",
        names.join(", "),
        names.join(" ")
    );
    Ok(())
}

fn refuse_astray(traces: &Traces, orders: &Orders) -> Result<()> {
    let astray = traces.astray(orders);
    if astray.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = astray.iter().take(10).map(String::as_str).collect();
    let more = if astray.len() > shown.len() {
        format!("\n  and {} more", astray.len() - shown.len())
    } else {
        String::new()
    };
    bail!(
        "{} held Pods could run on any node without landlord; nothing was changed:\n  {}{more}\nFix their claims (`landlord adopt NAMESPACE` for one that is unverified), delete the Pods, or say --free-pods",
        astray.len(),
        shown.join("\n  ")
    )
}
