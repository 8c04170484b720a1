//! Contested: keys that another writer sets back again and again, who it is, and what ends it.

use assessment::Reason;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Dashboard;
use cluster::clock;
use controller::contention;
use controller::reconciler::Shared;

/// Namespaces that are listed.
const MOST: usize = 200;

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
    rival: Option<String>,
    /// What ends it.
    advice: String,
    /// Until landlord tries again.
    retry_seconds: Option<u64>,
}

impl Contested {
    pub(crate) fn of(dashboard: &Dashboard) -> Self {
        let shared = dashboard.subject.reconciler.shared();
        let mut names: Vec<&String> = shared
            .progress
            .troubles()
            .filter(|(_, trouble)| trouble.reason == Reason::Contested)
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        Self {
            total: names.len(),
            items: names.iter().take(MOST).map(|name| ContestedRow::of(&shared, name)).collect(),
            reversals: contention::REVERSALS,
            window_seconds: contention::WINDOW.as_secs(),
            leads: dashboard.leads(),
        }
    }
}

impl ContestedRow {
    fn of(shared: &Shared, namespace: &str) -> Self {
        let (keys, now) = (shared.contested_keys(namespace), clock::now());
        let rival = shared.progress.get(namespace).and_then(|progress| progress.contention.other());
        let standing = shared.store.standing(namespace);
        Self {
            namespace: namespace.to_owned(),
            tenant: standing.and_then(|standing| standing.tenant.clone()),
            keys: keys.iter().map(ToString::to_string).collect(),
            rival: rival.map(str::to_owned),
            advice: contention::advice(rival, namespace, &keys),
            retry_seconds: shared
                .progress
                .get(namespace)
                .and_then(|progress| progress.contention.until(now))
                .map(|until| until.saturating_duration_since(now).as_secs()),
        }
    }
}
