//! Strategies: what the leader has recorded of the strategy, read when a user looks, and not more
//! often than every few seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use tokio::sync::Mutex;

use super::Dashboard;
use super::view::strategy::StrategyView;
use cluster::clock;
use cluster::policy::Policy;
use controller::strategy::record::Record;
use controller::strategy::report::Report;

/// How long an answer counts; the leader measures every 15 s.
const REPORT_TTL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);

/// The newest answer. Who asks meanwhile waits for it.
#[derive(Default)]
pub(super) struct StrategyDesk(Mutex<Option<(StrategyView, Instant)>>);

impl Dashboard {
    pub(super) async fn strategy(&self) -> StrategyView {
        // Nothing is read where nothing is set.
        let Some(strategy) = self.subject.snapshots.figures().strategy else {
            return StrategyView::default();
        };
        let mut desk = self.strategies.0.lock().await;
        if let Some((view, at)) = desk.as_ref().filter(|(_, at)| clock::now() < *at + REPORT_TTL) {
            let _ = at;
            return view.clone();
        }
        let view = self.read_strategy(&strategy).await.unwrap_or_else(StrategyView::unknown);
        *desk = Some((view.clone(), clock::now()));
        view
    }

    async fn read_strategy(
        &self,
        strategy: &Arc<controller::strategy::Strategy>,
    ) -> Result<StrategyView, String> {
        let (client, name, namespace) =
            (&self.subject.client, &self.subject.policy, &self.subject.namespace);
        let policy = clock::within(TIMEOUT, Policy::read(client, name)).await;
        let policy = policy
            .map_err(|error| format!("ClusterAdmissionPolicy {name:?} cannot be read: {error}"))?;
        let policy = policy.ok_or_else(|| {
            format!("there is no ClusterAdmissionPolicy {name:?}: name yours with --policy")
        })?;
        let record = clock::within(TIMEOUT, Record::read(client, namespace)).await;
        let record = record.map_err(|error| {
            format!("the record in namespace {namespace:?} cannot be read: {error}")
        })?;
        Ok(StrategyView::from_report(&Report {
            strategy,
            policy: &policy,
            record: &record,
            now: Timestamp::now(),
        }))
    }
}
