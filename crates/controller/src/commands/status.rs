//! `status`: how many namespaces are as they should be, per tenant, and who keeps them so.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, TableStyle};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::Api;
use serde_json::{Value, json};

use crate::cluster::{self, Connection, SettingsFlags};
use crate::output;
use crate::strategy::policy::Policy;
use assessment::{State, assess};

/// Show how many namespaces are as they should be, per tenant
///
/// Judges the cluster as it is now by landlord's own engine, and adds what the controller says: who leads, and which keys are contested. Nothing is written.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes:\n  0  every namespace is compliant\n  1  an error\n  2  some are not\n\nExamples:\n  landlord status\n  landlord status solar --watch"
)]
pub(crate) struct Status {
    /// Only this tenant
    tenant: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    /// How to print; the JSON form is versioned and stable
    #[arg(short, long, env = "LANDLORD_OUTPUT", value_enum, default_value = "table")]
    output: Output,
    /// Look again and again, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
    /// Seconds between two looks of --watch
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Namespace of the controller's lease
    #[arg(long, env = "LANDLORD_LEASE_NAMESPACE", value_name = "NAMESPACE", default_value = "landlord")]
    lease_namespace: String,
    /// Name of the controller's lease
    #[arg(long, env = "LANDLORD_LEASE_NAME", value_name = "NAME", default_value = "landlord-controller")]
    lease_name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Namespaces that are not as they should be.
const NOT_COMPLIANT: u8 = 2;

/// Namespaces of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    compliant: usize,
    drift: usize,
    errors: usize,
    /// What the controller says of contested keys.
    contested: Option<String>,
}

#[derive(Debug)]
struct Report {
    tenants: BTreeMap<String, Row>,
    unclaimed: usize,
    leader: Option<String>,
    /// The strategy in force, and whether somebody pinned it; `None` where there is none, or it may not be read.
    strategy: Option<String>,
}

impl Status {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(async {
            let client = self.connection.client().await?;
            loop {
                let report = self.report(&client).await?;
                match self.output {
                    Output::Table => output::print(&table(&report))?,
                    Output::Json => output::print_json(&document(&report))?,
                }
                if !self.watch {
                    let compliant = report.tenants.values().all(|row| row.drift + row.errors == 0);
                    return Ok(if compliant { ExitCode::SUCCESS } else { ExitCode::from(NOT_COMPLIANT) });
                }
                tokio::select! {
                    outcome = tokio::signal::ctrl_c() => { outcome?; return Ok(ExitCode::SUCCESS) }
                    () = tokio::time::sleep(Duration::from_secs(self.interval)) => {}
                }
            }
        })
    }

    async fn report(&self, client: &Client) -> Result<Report> {
        let settings = self.settings.read(client).await?;
        let inventory = cluster::inventory(client, settings).await?;
        let mut report =
            Report { tenants: BTreeMap::new(), unclaimed: 0, leader: self.leader(client).await, strategy: self.strategy(client).await };
        for name in inventory.tenant_names() {
            report.tenants.insert(name, Row::default());
        }
        for assessment in assess(&inventory) {
            let Some(tenant) = assessment.tenant.clone() else {
                report.unclaimed += 1;
                continue;
            };
            let row = report.tenants.entry(tenant).or_default();
            match assessment.state() {
                State::Compliant | State::Unclaimed => row.compliant += 1,
                State::Drift => row.drift += 1,
                State::Error | State::Conflicted => row.errors += 1,
            }
        }
        for (tenant, object) in cluster::tenant_objects(client, &inventory.settings).await? {
            if let Some(row) = report.tenants.get_mut(&tenant) {
                row.contested = contested(&object);
            }
        }
        if let Some(wanted) = self.tenant.clone().map(|name| inventory.settings.source.canonical(name)) {
            report.tenants.retain(|name, _| *name == wanted);
            if report.tenants.is_empty() {
                bail!("there is no tenant {wanted:?}, and no namespace claims it");
            }
        }
        Ok(report)
    }

    async fn strategy(&self, client: &Client) -> Option<String> {
        let policy = Policy::read(client, self.settings.policy()).await.ok()??;
        let pinned = policy.pin.as_ref().map_or("", |_| ", pinned");
        policy.mode.map(|mode| format!("{mode}{pinned}"))
    }

    /// Who holds the controller's lease; `None` where nobody does, or it may not be read.
    async fn leader(&self, client: &Client) -> Option<String> {
        let leases: Api<Lease> = Api::namespaced(client.clone(), &self.lease_namespace);
        leases.get_opt(&self.lease_name).await.ok()??.spec?.holder_identity.filter(|holder| !holder.is_empty())
    }
}

fn contested(object: &Value) -> Option<String> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let contested = conditions.iter().find(|one| one["type"] == "Converged" && one["reason"] == crate::planner::CONTESTED)?;
    contested["message"].as_str().map(str::to_owned)
}

fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["TENANT", "NAMESPACES", "COMPLIANT", "TO CHANGE", "ERRORS"]);
    for (name, row) in &report.tenants {
        let counts = [row.compliant + row.drift + row.errors, row.compliant, row.drift, row.errors].map(|count| count.to_string());
        table.add_row([name.clone()].into_iter().chain(counts));
    }
    let lines: String = table.lines().map(|line| format!("{}\n", line.trim())).collect();
    let contested =
        report.tenants.iter().filter_map(|(name, row)| row.contested.as_ref().map(|message| format!("\n{name}: contested: {message}\n")));
    let leader = report.leader.clone().unwrap_or_else(|| "none, or its lease may not be read".to_owned());
    let strategy = report.strategy.as_ref().map_or(String::new(), |mode| format!("; strategy: {mode}"));
    format!("{lines}{}\ncontroller: {leader}{strategy}; {} namespaces unclaimed\n", contested.collect::<String>(), report.unclaimed)
}

fn document(report: &Report) -> Value {
    let row = |(name, row): (&String, &Row)| {
        json!({"name": name, "namespaces": row.compliant + row.drift + row.errors, "compliant": row.compliant, "drift": row.drift,
               "errors": row.errors, "contested": row.contested})
    };
    let tenants: Vec<Value> = report.tenants.iter().map(row).collect();
    json!({"apiVersion": "landlord.dev/status/v1", "leader": report.leader, "strategy": report.strategy, "unclaimed": report.unclaimed, "tenants": tenants})
}
