//! Outcomes: what became of namespaces of late, and of the rest.

use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::Dashboard;
use controller::outcome::journal::Entry;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecentOutcomes {
    /// The newest first, 500 at most.
    items: Vec<OutcomeRow>,
    /// How many there have been since this replica began.
    total: u64,
    /// Whether this replica writes; others have little to tell.
    leads: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OutcomeRow {
    /// Grows from outcome to outcome.
    number: u64,
    at: String,
    /// done, notice or trouble.
    sort: String,
    reason: String,
    /// A namespace, `namespace/pod`, a tenant or a policy.
    object: String,
    tenant: Option<String>,
    message: String,
    waited_seconds: Option<f64>,
}

impl RecentOutcomes {
    pub(crate) fn build(dashboard: &Dashboard) -> Self {
        let (entries, total) = dashboard.subject.journal.entries();
        Self {
            items: entries.into_iter().map(OutcomeRow::from_entry).collect(),
            total,
            leads: dashboard.leads(),
        }
    }
}

impl OutcomeRow {
    fn from_entry(entry: Entry) -> Self {
        Self {
            number: entry.number,
            at: time(entry.at),
            sort: entry.sort.word().to_owned(),
            reason: entry.reason,
            object: entry.object,
            tenant: entry.tenant,
            message: entry.message,
            waited_seconds: entry.waited.map(|waited| waited.as_secs_f64()),
        }
    }
}
