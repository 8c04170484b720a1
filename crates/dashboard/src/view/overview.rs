//! Overview: whether the promise is kept, in numbers, by tenant and over time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::audit::Audit;
use super::{Counts, time};
use crate::Dashboard;
use crate::history::Look;
use controller::outcome::journal::BOUNDS;
use controller::snapshot::{self, Figures, Nodes, Snapshots};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    promise: Promise,
    namespaces: Counts,
    /// Of all namespaces, those that no tenant has.
    unclaimed: usize,
    /// How long the namespace that waits longest has been waiting.
    lag_seconds: f64,
    contested: usize,
    /// Pods behind landlord's scheduling gate; null where Pods are not watched.
    held_pods: Option<usize>,
    audit: Audit,
    tenants: Vec<TenantRow>,
    /// The last hour, the oldest first.
    history: Vec<Sample>,
    /// How long namespaces waited for what their tenant wants, since this replica began.
    waits: Vec<Waits>,
    replica: Replica,
}

/// Whether every namespace is as its tenant wants it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Promise {
    state: PromiseState,
    says: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum PromiseState {
    /// Every namespace is as its tenant wants it.
    Kept,
    /// Landlord is about to make it so.
    CatchingUp,
    /// It needs attention.
    Broken,
    /// Not everything has been read yet.
    Unknown,
}

/// Which replica of the controller answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Replica {
    version: String,
    /// Where tenants come from.
    source: String,
    /// Whether it writes. Backfill, outcomes and contested keys are known to the one that does.
    leads: bool,
    /// What it waits for.
    waiting: Vec<String>,
    /// Why the newest settings are not in force.
    refused_settings: Option<String>,
    /// Whether there is a playground at /playground/.
    playground: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TenantRow {
    name: String,
    namespaces: Counts,
    /// Why it cannot be used.
    invalid: Option<String>,
    /// Namespaces with contested keys.
    contested: usize,
    /// The node selectors that it may write.
    selectors: Vec<String>,
    /// Whether each of them matches a node; null where nodes are not known.
    nodes_match: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Sample {
    at: String,
    compliant: usize,
    pending: usize,
    conflicted: usize,
    failed: usize,
    lag_seconds: f64,
}

/// So many waited up to so long, and longer than the bound before.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Waits {
    /// Null for what waited longer than the last bound.
    up_to_seconds: Option<f64>,
    count: u64,
}

impl Overview {
    pub(crate) fn build(dashboard: &Dashboard) -> Self {
        let snapshots = &dashboard.subject.snapshots;
        let figures = snapshots.figures();
        let replica = Replica::build(dashboard, &figures);
        let history = dashboard.history().samples().map(Sample::from_sample).collect();
        let waits = waits(dashboard.subject.journal.waits());
        let tenants = tenants(snapshots);
        let lag = if replica.leads { figures.lag } else { Duration::ZERO };
        Self {
            promise: Promise::judge(figures.totals.into(), &tenants, replica.waiting.is_empty()),
            namespaces: figures.totals.into(),
            unclaimed: figures.totals.unclaimed,
            lag_seconds: lag.as_secs_f64(),
            contested: tenants.iter().map(|tenant| tenant.contested).sum(),
            held_pods: figures.held_pods,
            audit: Audit::build(figures.audit.as_deref()),
            tenants,
            history,
            waits,
            replica,
        }
    }
}

impl Replica {
    fn build(dashboard: &Dashboard, figures: &Figures) -> Self {
        let kind = figures.settings.source.kind();
        let kind = kind.map(|(api_version, kind)| format!("{kind} ({api_version})"));
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source: kind.unwrap_or_else(|| "the settings".to_owned()),
            leads: dashboard.leads(),
            waiting: dashboard.subject.readiness.missing(),
            refused_settings: figures.refused_settings.clone(),
            playground: crate::assets::have_playground(),
        }
    }
}

impl Promise {
    fn judge(counts: Counts, tenants: &[TenantRow], ready: bool) -> Self {
        let troubled = counts.conflicted + counts.failed;
        let invalid = tenants.iter().filter(|tenant| tenant.invalid.is_some()).count();
        let (state, says) = match (ready, troubled, invalid, counts.pending) {
            (false, ..) => (PromiseState::Unknown, "Not everything has been read yet.".to_owned()),
            (_, 0, 0, 0) if counts.total == 0 => {
                (PromiseState::Kept, "There is no namespace to look after yet.".to_owned())
            }
            (_, 0, 0, 0) => {
                (PromiseState::Kept, format!("{} as its tenant wants it.", every(counts.total)))
            }
            (_, 0, 0, pending) => {
                (PromiseState::CatchingUp, format!("{} to be written.", namespaces(pending)))
            }
            (_, 0, invalid, _) => {
                (PromiseState::Broken, format!("{invalid} of the tenants cannot be used."))
            }
            (_, troubled, ..) => (PromiseState::Broken, format!("{} attention.", needs(troubled))),
        };
        Self { state, says }
    }
}

fn every(count: usize) -> String {
    if count == 1 {
        "The one namespace is".to_owned()
    } else {
        format!("Each of {count} namespaces is")
    }
}

fn namespaces(count: usize) -> String {
    if count == 1 { "1 namespace is".to_owned() } else { format!("{count} namespaces are") }
}

fn needs(count: usize) -> String {
    if count == 1 { "1 namespace needs".to_owned() } else { format!("{count} namespaces need") }
}

/// In order of their names; what namespaces claim and does not exist is among them.
fn tenants(snapshots: &Snapshots) -> Vec<TenantRow> {
    let (tenants, mut nodes) = (snapshots.tenants(), snapshots.nodes());
    tenants.iter().map(|(name, row)| TenantRow::build(name, row, &mut nodes)).collect()
}

impl TenantRow {
    fn build(name: &str, row: &snapshot::TenantRow, nodes: &mut Nodes) -> Self {
        let (tenant, invalid) = match &row.tenant {
            Ok(Some(tenant)) => (Some(tenant), None),
            Ok(None) => (None, Some("it does not exist".to_owned())),
            Err(error) => (None, Some(error.clone())),
        };
        let selectors = tenant.map(|tenant| tenant.node_selectors()).unwrap_or_default();
        let nodes_match = nodes
            .are_known()
            .then(|| selectors.iter().all(|selector| nodes.match_any(selector.as_map())));
        Self {
            name: name.to_owned(),
            namespaces: row.totals.into(),
            invalid,
            contested: row.contested,
            selectors: selectors.iter().map(ToString::to_string).collect(),
            nodes_match,
        }
    }
}

impl Sample {
    fn from_sample(look: &Look) -> Self {
        let Counts { compliant, pending, conflicted, failed, .. } = look.totals.into();
        Self {
            at: time(look.at),
            compliant,
            pending,
            conflicted,
            failed,
            lag_seconds: look.lag.as_secs_f64(),
        }
    }
}

fn waits(counts: [u64; BOUNDS.len() + 1]) -> Vec<Waits> {
    let bounds =
        BOUNDS.iter().map(|bound| Some(Duration::from_millis(*bound).as_secs_f64())).chain([None]);
    bounds.zip(counts).map(|(up_to_seconds, count)| Waits { up_to_seconds, count }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn counts(compliant: usize, pending: usize, failed: usize) -> Counts {
        Counts { total: compliant + pending + failed, compliant, pending, failed, conflicted: 0 }
    }

    #[rstest]
    #[case::nothing_there(
        counts(0, 0, 0),
        true,
        PromiseState::Kept,
        "There is no namespace to look after yet."
    )]
    #[case::all_well(
        counts(3, 0, 0),
        true,
        PromiseState::Kept,
        "Each of 3 namespaces is as its tenant wants it."
    )]
    #[case::behind(
        counts(3, 1, 0),
        true,
        PromiseState::CatchingUp,
        "1 namespace is to be written."
    )]
    #[case::troubled(counts(3, 1, 2), true, PromiseState::Broken, "2 namespaces need attention.")]
    #[case::not_read(
        counts(3, 0, 0),
        false,
        PromiseState::Unknown,
        "Not everything has been read yet."
    )]
    fn promises(
        #[case] counts: Counts,
        #[case] ready: bool,
        #[case] state: PromiseState,
        #[case] says: &str,
    ) {
        let promise = Promise::judge(counts, &[], ready);
        assert_eq!((promise.state, promise.says.as_str()), (state, says));
    }
}
