//! Contested: keys that another writer sets back again and again, who it is, and what ends it.

use std::sync::Arc;

use assessment::Reason;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Dashboard;
use cluster::clock;
use controller::snapshot::{Contest, REVERSALS, WINDOW, advice, snippet};

/// Namespaces that are listed.
const MAX_ROWS: usize = 200;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contested {
    /// How many there are; up to 200 of them are listed, by name.
    total: usize,
    items: Vec<ContestedRow>,
    /// What makes a key contested: so many reversals within so long.
    reversals: usize,
    window_seconds: u64,
    /// Whether this replica writes; others do not know.
    leads: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ContestedRow {
    namespace: String,
    tenant: Option<String>,
    keys: Vec<String>,
    /// The other writer's field manager; null where it was not found out.
    other_writer: Option<String>,
    /// What ends it.
    advice: String,
    /// The lines for the other tool's own file, where there are any.
    snippet: Option<String>,
    /// Until landlord tries again.
    retry_seconds: Option<u64>,
}

impl Contested {
    pub(crate) fn build(dashboard: &Dashboard) -> Self {
        let snapshots = &dashboard.subject.snapshots;
        let (total, names) = {
            let namespaces = snapshots.namespaces();
            let contested =
                || namespaces.iter().filter(|(_, row)| row.reason == Some(Reason::Contested));
            let names: Vec<Arc<str>> =
                contested().take(MAX_ROWS).map(|(name, _)| Arc::clone(name)).collect();
            (contested().count(), names)
        };
        Self {
            total,
            items: snapshots.contests(&names).into_iter().map(ContestedRow::build).collect(),
            reversals: REVERSALS,
            window_seconds: WINDOW.as_secs(),
            leads: dashboard.leads(),
        }
    }
}

impl ContestedRow {
    fn build(Contest { namespace, tenant, keys, other, until }: Contest) -> Self {
        let now = clock::now();
        Self {
            tenant,
            keys: keys.iter().map(ToString::to_string).collect(),
            advice: advice(other.as_deref(), &namespace, &keys),
            snippet: snippet(other.as_deref(), &namespace, &keys),
            other_writer: other,
            retry_seconds: until.map(|until| until.saturating_duration_since(now).as_secs()),
            namespace,
        }
    }
}
