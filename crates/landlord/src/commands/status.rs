//! `status`: how many namespaces are compliant, per tenant, for how long the others have
//! not been, and who keeps them so.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::Api;
use serde_json::Value;
use tenancy::ledger;
use tenancy::ready::is_ready;

use super::watching::{WaitFlags, WatchFlags};
use crate::backlog;
use crate::completion;
use crate::flags::LeaseFlags;
use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};
use crate::output::form::FormFlags;
use crate::output::status::{Audited, Report, Row, Waiting};
use crate::suggest::suggestion;
use assessment::inventory::{Inventory, Listed};
use assessment::{Assessment, Reason};
use cluster::admission_policies::stored::Stored;
use cluster::clock;
use cluster::leader_record::VIOLATIONS;
use cluster::policy::Policy;
use controller::audit::record::Record;
use controller::contention::Contention;
use controller::planner::{Decision, Knowledge, Verdict, decide, pods_of_unready};
use controller::store::{Compliance, Store};

const EXAMPLES: [Example; 5] = [
    ("All tenants", "landlord status"),
    ("One tenant, while a backfill runs", "landlord status solar --watch"),
    (
        "In a script: go on once every namespace is compliant",
        "landlord status --wait --timeout 10m",
    ),
    ("How many are to change, by tenant", "landlord status -o jsonpath='{.tenants[*].drift}'"),
    (
        "Which tenants are behind, for a program",
        "landlord status -o json | jq '.tenants[] | select(.behind) | .name'",
    ),
];
const EXITS: [Exit; 3] = [
    (0, "every namespace is compliant"),
    (1, "an error"),
    (2, "some are not; with --wait: still not"),
];

/// Show compliance per tenant, and how far behind it is
///
/// Judges each namespace of the cluster as it is now as the controller does, so that the numbers are
/// those of the Tenants' status, of the metrics and of the dashboard, and adds what the controller
/// says: who leads, which keys are contested, and since when no Pod is outside its pool. ERRORS are
/// what the controller calls conflicted or failed; only it knows of contested keys. BEHIND is the age
/// of the oldest namespace that is not compliant, read from the objects themselves: since it was
/// created or claimed, or at least since another client changed it or its tenant last. Nothing is
/// written.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Status {
    /// Only this tenant
    #[arg(value_name = "TENANT", add = completion::tenants())]
    tenant: Option<String>,
    #[command(flatten)]
    watching: WatchFlags,
    #[command(flatten)]
    waiting: WaitFlags,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    lease: LeaseFlags,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    form: FormFlags,
}

/// Reasons of the condition `Converged` that are about a write.
const FAILURES: [Reason; 8] = [
    Reason::Busy,
    Reason::Forbidden,
    Reason::ObjectTooLarge,
    Reason::Refused,
    Reason::Reverted,
    Reason::ServerError,
    Reason::Timeout,
    Reason::Unreachable,
];

/// Namespaces that are not compliant.
const NOT_COMPLIANT: u8 = 2;

impl Status {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.watching.run(self.run_once())
    }

    async fn run_once(&self) -> Result<ExitCode> {
        let client = self.connection.client().await?;
        let (began, mut told) = (Instant::now(), None);
        loop {
            let report = self.report(&client).await?;
            let left = report.not_compliant();
            if left > 0 && self.waiting.again(began, self.watching.interval()).await {
                if told.replace(left) != Some(left) {
                    eprintln!("waiting; namespaces that are not compliant: {left}");
                }
                continue;
            }
            if left > 0 && self.waiting.is_set() {
                eprintln!("still not compliant at the end of --timeout: {left}");
            }
            if self.form.is_table() {
                self.watching.print_time()?;
            }
            self.form.print(|| report.render(self.form.screen()), || report.document())?;
            if !self.watching.again(self.form.separator()).await? {
                let good = self.watching.watch || left == 0;
                return Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(NOT_COMPLIANT) });
            }
        }
    }

    async fn report(&self, client: &Client) -> Result<Report> {
        let settings = self.settings.read(client).await?;
        let inventory = cluster::lists::inventory_with_managers(client, settings).await?;
        let objects = cluster::lists::tenant_objects(client, &inventory.settings).await?;
        let wanted = self.tenant.clone().map(|name| inventory.settings.source.canonical(name));
        let mut report = Report::new(Timestamp::now(), inventory.tenant_names());
        (report.leader, report.strategy) = (self.leader(client).await, self.strategy(client).await);
        report.audit = self.audited(client).await;
        let form = Stored::read(client).await.map(|stored| stored.form_in_force()).ok();
        let guarded = form.map(|form| form.is_some());
        report.guard = form.flatten();
        count_all(&mut report, inventory, &objects.iter().cloned().collect(), guarded);
        for (tenant, object) in &objects {
            if let Some(row) = report.tenants.get_mut(tenant) {
                row.contested = contested(object);
                row.failing = failing(row, object);
            }
        }
        if let Some(wanted) = wanted {
            let names: Vec<String> = report.tenants.keys().cloned().collect();
            report.tenants.retain(|name, _| *name == wanted);
            report.nobodys = Row::default();
            if report.tenants.is_empty() {
                let suggestion = suggestion(&wanted, names.iter().map(String::as_str));
                bail!("there is no tenant {wanted:?}, and no namespace claims it{suggestion}");
            }
        }
        Ok(report)
    }

    async fn strategy(&self, client: &Client) -> Option<String> {
        let policy = Policy::read(client, self.settings.policy()).await.ok()??;
        let pinned = policy.pin.as_ref().map_or("", |_| ", pinned");
        policy.mode.map(|mode| format!("{mode}{pinned}"))
    }

    /// What the leader remembers of Pods outside their pool.
    async fn audited(&self, client: &Client) -> Audited {
        match VIOLATIONS.read(client, self.settings.namespace()).await {
            Ok(None) => Audited::Never,
            Ok(Some(stored)) => Record::parse(&stored.text)
                .map_or(Audited::Unknown, |record| Audited::Recorded(Box::new(record))),
            Err(_) => Audited::Unknown,
        }
    }

    /// Who holds the controller's lease; `None` where nobody does, or it may not be read.
    async fn leader(&self, client: &Client) -> Option<String> {
        let leases: Api<Lease> = Api::namespaced(client.clone(), self.settings.namespace());
        leases
            .get_opt(&self.lease.name)
            .await
            .ok()??
            .spec?
            .holder_identity
            .filter(|holder| !holder.is_empty())
    }
}

/// Counts every namespace as the controller does.
fn count_all(
    report: &mut Report,
    inventory: Inventory,
    tenants: &HashMap<String, Value>,
    guarded: Option<bool>,
) {
    let (settings, read, namespaces) = inventory.into_parts();
    let mut store = Store::of_parts(settings, read, &namespaces);
    store.set_guarded(guarded);
    for Listed { namespace, object } in &namespaces {
        count(report, &store, (namespace.name_or_stem(), object), tenants);
    }
}

fn count(
    report: &mut Report,
    store: &Store,
    (name, object): (&str, &Value),
    tenants: &HashMap<String, Value>,
) {
    // Which keys are contested only the controller knows: see `converged`.
    let contention = Contention::default();
    let known = Knowledge { store, contention: &contention, now: clock::now() };
    let Verdict { standing: Some(standing), decision, .. } = decide(known, name) else { return };
    let Some(tenant) = standing.tenant else {
        report.unclaimed += 1;
        let assessment = decision.trouble().and_then(|_| store.assess(name));
        if let Some(message) = unready(store, name, &decision, assessment.as_ref()) {
            report.nobodys.close(name, &message);
        }
        return;
    };
    let tenant_object = tenants.get(&tenant);
    let row = report.tenants.entry(tenant).or_default();
    match standing.state {
        Compliance::Compliant => return row.compliant += 1,
        Compliance::Pending => row.drift += 1,
        Compliance::Conflicted | Compliance::Failed => row.errors += 1,
    }
    let assessment = store.assess(name);
    if let Some(message) = unready(store, name, &decision, assessment.as_ref()) {
        row.close(name, &message);
    }
    let since = assessment.and_then(|one| backlog::since(&one, object, tenant_object));
    row.wait(since.map(|since| Waiting { since, namespace: name.to_owned() }));
}

/// Why no Pod is let into a namespace that is not to be just written. What a write failed of, only the
/// controller knows.
fn unready(
    store: &Store,
    name: &str,
    decision: &Decision,
    assessment: Option<&Assessment>,
) -> Option<String> {
    let held = store.namespace(name)?;
    if is_ready(store.settings(), &held.namespace.metadata) {
        return None;
    }
    let is_withdrawn = assessment?.record.ledger.pending.as_deref() == Some(ledger::WITHDRAWN);
    let unknown = is_withdrawn.then(|| {
        let pods = pods_of_unready(store, held);
        format!("what its tenant wants could not be written, its Events say why; {pods}")
    });
    decision.trouble().map(|trouble| trouble.message.clone()).or(unknown)
}

fn contested(object: &Value) -> Option<String> {
    let (reason, message) = converged(object)?;
    (reason == Reason::Contested.word()).then_some(message)
}

/// What the controller reports of writes that fail, where there is one to be made.
fn failing(row: &Row, object: &Value) -> Option<String> {
    let (reason, message) = converged(object)?;
    let is_write = row.drift > 0 && FAILURES.iter().any(|one| one.word() == reason);
    is_write.then(|| format!("{reason}: {message}"))
}

/// Reason and message of the condition `Converged` of a tenant with namespaces that are not compliant.
fn converged(object: &Value) -> Option<(String, String)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let converged =
        conditions.iter().find(|one| one["type"] == "Converged" && one["status"] == "False")?;
    let text = |field: &str| converged[field].as_str().map(str::to_owned);
    Some((text("reason")?, text("message")?))
}
