//! View: what the API answers, as types; their JSON Schema is part of /api/v1/openapi.json. Fields
//! are added, never changed.

use k8s_openapi::jiff::{Timestamp, Unit};
use schemars::JsonSchema;
use serde::Serialize;

use controller::snapshot::Totals;

pub(super) mod audit;
pub(super) mod backfill;
pub(super) mod contested;
pub(super) mod held_pods;
pub(super) mod namespaces;
pub(super) mod outcomes;
pub(super) mod overview;
mod page;
pub(super) mod promise;
pub(super) mod strategy;
pub(super) mod tenant;
mod tenants;

/// Namespaces, by how they stand.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) total: usize,
    pub(super) compliant: usize,
    /// To be written.
    pub(super) pending: usize,
    /// A key is refused or contested, or a hook rejects them.
    pub(super) conflicted: usize,
    /// They cannot be planned, or not be written.
    pub(super) failed: usize,
}

impl From<Totals> for Counts {
    fn from(totals: Totals) -> Self {
        let Totals { compliant, pending, conflicted, failed, .. } = totals;
        Self { total: totals.all(), compliant, pending, conflicted, failed }
    }
}

/// RFC 3339, to the millisecond.
pub(super) fn time(at: Timestamp) -> String {
    at.round(Unit::Millisecond).unwrap_or(at).to_string()
}
