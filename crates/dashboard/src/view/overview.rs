//! Overview: whether the promise is kept, in numbers, by tenant and over time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::audit::Audit;
use super::promise::{Part, Promise};
use super::tenants::{TenantRow, tenants};
use super::{Counts, time};
use crate::Dashboard;
use crate::history::Look;
use controller::outcome::journal::BOUNDS;
use controller::snapshot::Figures;

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
    /// `protection`: what is known of guard, webhook and selector.
    pub(crate) fn build(dashboard: &Dashboard, protection: Vec<Part>) -> Self {
        let snapshots = &dashboard.subject.snapshots;
        let figures = snapshots.figures();
        let replica = Replica::build(dashboard, &figures);
        let history = dashboard.history().samples().map(Sample::from_sample).collect();
        let waits = waits(dashboard.subject.journal.waits());
        let tenants = tenants(snapshots);
        let lag = if replica.leads { figures.lag } else { Duration::ZERO };
        let is_read = dashboard.subject.readiness.is_complete();
        Self {
            promise: Promise::judge(protection, figures.totals.into(), &tenants, is_read),
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
