//! Calm: everything is fixed but what admission does to some namespaces and their Pods. Others are
//! served all the same, the bad ones are reported, and tried rarely.

use std::time::Duration;

use chaos::laws::DELAY;
use chaos::{Calm, Rest, spec};
use tokio::time::Instant;

use super::super::super::json;
use super::{Stage, TENANTS, Value};

/// How long it takes at most until a leader is there, every watch works, and the third try of each
/// bad one is over.
const QUIET: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(50);
/// The namespace that shows whether others are served.
const NEIGHBOUR: &str = "calm";

impl Stage {
    pub(super) async fn come_to_calm(&mut self) {
        if self.failing.is_empty() {
            return;
        }
        self.fix();
        tokio::time::sleep(QUIET).await;
        self.judge();
        let (namespaces, tenants) =
            (self.server.objects("Namespace"), self.server.objects("Tenant"));
        let rest = Rest { namespaces, tenants, reported: self.reported(), once_is_enough: true };
        let failing = self.failing.clone();
        self.laws.see_reports(&Calm { rest, failing: failing.clone() });
        if let Some(tenant) =
            TENANTS.into_iter().find(|one| self.server.object("Tenant", one).is_some())
        {
            self.stall(self.is_stalled);
            let took = self.serve_neighbour(tenant).await;
            self.stall(false);
            self.laws.see_delay(NEIGHBOUR, took, &failing);
        }
        self.judge();
        self.server.faults().clear_admission();
    }

    /// A new namespace of this tenant and a Pod in it; how long both took.
    async fn serve_neighbour(&mut self, tenant: &'static str) -> Option<Duration> {
        self.note_event();
        let began = Instant::now();
        self.put(spec::namespace(NEIGHBOUR, tenant));
        let pod = self.add_pod(NEIGHBOUR);
        let is_served = |pods: &[std::sync::Arc<Value>]| {
            pods.iter().any(|one| {
                one["metadata"]["name"] == pod
                    && one["spec"]["schedulingGates"].as_array().is_none_or(Vec::is_empty)
                    && one["spec"]["nodeSelector"]["pool"] == json!(tenant)
            })
        };
        while began.elapsed() <= DELAY {
            if is_served(&self.server.objects("Pod")) {
                return Some(began.elapsed());
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    /// Lets no controller write, or lets them again.
    fn stall(&self, is_stalled: bool) {
        for replica in self.replicas.values() {
            replica.reconciler.shared().work.is_stopped = is_stalled;
        }
    }
}
