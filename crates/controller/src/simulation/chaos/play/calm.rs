//! Calm: everything is fixed but what admission does to some namespaces and their Pods. Others are
//! served all the same, the bad ones are reported, and tried rarely.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos::laws::DELAY;
use chaos::{Calm, Rest, spec};
use tokio::time::Instant;

use super::super::super::json;
use super::{Stage, TENANT_LABEL, TENANTS, Value};

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
        let reported = self.reported_everywhere();
        let rest = Rest { namespaces, tenants, reported, once_is_enough: true };
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

    /// Namespaces of which the leader says why they are not compliant, where each way to ask says
    /// so: an Event, the condition of the tenant, the metric.
    fn reported_everywhere(&self) -> BTreeSet<String> {
        let leader = self.replicas.values().find(|replica| replica.leads());
        let counted = leader.map_or(0, |leader| {
            leader.reconciler.shared().store.reasons().map(|(_, count)| count).sum()
        });
        let reported = self.reported();
        let is_counted = reported.len() <= counted;
        reported.into_iter().filter(|name| is_counted && self.is_told(name)).collect()
    }

    fn is_told(&self, name: &str) -> bool {
        let is_about = |event: &std::sync::Arc<Value>| {
            event["regarding"]["kind"] == "Namespace" && event["regarding"]["name"] == name
        };
        let tenant = self.server.object("Namespace", name).and_then(|namespace| {
            let tenant = namespace["metadata"]["labels"][TENANT_LABEL].as_str()?;
            self.server.object("Tenant", tenant)
        });
        let says_so = |tenant: std::sync::Arc<Value>| {
            let conditions = tenant["status"]["conditions"].as_array().into_iter().flatten();
            conditions.into_iter().any(|one| one["type"] == "Converged" && one["status"] == "False")
        };
        self.server.objects("Event").iter().any(is_about) && tenant.is_none_or(says_so)
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
