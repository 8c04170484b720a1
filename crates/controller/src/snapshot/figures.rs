//! Figures: the totals of the controller at one moment, and what else is one word long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use assessment::Reason;
use cluster::reports::ReportKind;
use tenancy::settings::Settings;

use crate::audit::summary::Summary;
use crate::gated_pods::State;
use crate::queue::Urgency;
use crate::reconciler::Shared;
use crate::store::Totals;
use crate::strategy::Strategy;

/// See the module. To read them takes the same time whatever the size of the cluster.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Grows with every change of namespaces, tenants, settings or nodes.
    pub revision: u64,
    pub totals: Totals,
    /// Namespaces that are not compliant, by reason.
    pub reasons: Vec<(Reason, usize)>,
    /// How long the namespace that waits longest has been waiting.
    pub lag: Duration,
    /// Writes so far, those of backfill among them, and those that failed.
    pub written: u64,
    pub written_in_bulk: u64,
    pub failures: u64,
    /// Namespaces that wait for their turn, by urgency.
    pub depths: [(Urgency, usize); Urgency::ALL.len()],
    /// The same with those whose turn it is.
    pub queued: usize,
    /// Namespaces that wait for the time of their next attempt.
    pub backing_off: usize,
    /// Writes that may be under way at a time, and that are.
    pub pace: usize,
    pub under_way: usize,
    pub settings: Arc<Settings>,
    /// Why the newest settings are not in force.
    pub refused_settings: Option<String>,
    /// Why the controller's own account is not the one that the settings or the guard name.
    pub wrong_account: Option<String>,
    /// Which kind of reports is written, `Some(None)` where the API server serves none; `None` until
    /// that is known, and where nobody asked for reports.
    pub reports: Option<Option<ReportKind>>,
    pub strategy: Option<Arc<Strategy>>,
    /// Pods that the guard holds; `None` until they have been listed.
    pub held_pods: Option<usize>,
    /// The same by how they stand.
    pub held_by_state: [(&'static str, usize); State::WORDS.len()],
    /// Pods outside their pool; `None` where they are not counted.
    pub audit: Option<Arc<Summary>>,
}

impl Figures {
    /// All but what is said of Pods and nodes.
    pub(super) fn build(shared: &mut Shared, now: Instant) -> Self {
        Self {
            revision: shared.store.revision(),
            totals: shared.store.totals(),
            reasons: shared.store.reasons().collect(),
            lag: shared.lag(now),
            written: shared.written,
            written_in_bulk: shared.written_in_bulk,
            failures: shared.failures,
            depths: shared.work.queue.depths(),
            queued: shared.work.queue.len(),
            backing_off: shared.progress.backing_off(now),
            pace: shared.work.pace.limit(),
            under_way: shared.work.pace.under_way(),
            settings: Arc::clone(shared.store.settings()),
            refused_settings: shared.refused_settings.clone(),
            wrong_account: shared.wrong_account.clone(),
            reports: shared.reports,
            strategy: shared.strategy.clone(),
            held_pods: None,
            audit: None,
            held_by_state: State::WORDS.map(|word| (word, 0)),
        }
    }

    /// Namespaces of this urgency that wait for their turn.
    pub fn depth(&self, urgency: Urgency) -> usize {
        self.depths.iter().find(|(one, _)| *one == urgency).map_or(0, |(_, depth)| *depth)
    }
}
