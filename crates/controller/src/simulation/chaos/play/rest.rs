//! Rest: everything is fixed, and after a while all is compliant, nothing more is said, and
//! one who knows nothing finds nothing to do.

use std::collections::BTreeSet;

use assessment::admission;
use chaos::Rest;

use super::{Duration, LATENCY, LEDGER, Part, Replica, Stage, TENANT_LABEL, TENANTS, Value, json};

/// All is at rest then at the latest: quarrels are over after 10 minutes, and the longest wait
/// between two tries of anything is 10.
const REST: Duration = Duration::from_secs(30 * 60);
/// By then a tenant that went, in whichever way, counts as deleted.
const GIVEN_UP: Duration = Duration::from_secs(12 * 60);
/// How often it is looked whether it is earlier; longer than most waits between two tries.
const LOOK: Duration = Duration::from_secs(60);
/// How long silence is listened to: longer than a watch lasts.
const SILENCE: Duration = Duration::from_secs(6 * 60);
/// How long a controller that knows nothing gets to find something to do.
const SECOND_LOOK: Duration = Duration::from_secs(120);

impl Stage {
    pub(super) async fn come_to_rest(&mut self) {
        self.fix();
        self.note_event();
        let began = tokio::time::Instant::now();
        let elapsed = || tokio::time::Instant::now() - began;
        // Each tenant that went is asked for once more, when its grace is over.
        let are_all_there = self.server.objects("Tenant").len() == TENANTS.len();
        let graces_are_over = || are_all_there || elapsed() > GIVEN_UP;
        while elapsed() < REST && !(self.rests().await && graces_are_over()) {}
        self.judge();
        let (namespaces, tenants) =
            (self.server.objects("Namespace"), self.server.objects("Tenant"));
        let rest = Rest { namespaces, tenants, reported: self.reported(), once_is_enough: false };
        self.laws.see_rest(&rest);
        let all_led = !rest.tenants.is_empty();
        let waiting = self.laws.waiting_among(|namespace| self.is_ready(namespace));
        self.laws.see_released(&waiting);
        self.see_one_engine(&rest);
        self.listen(all_led).await;
        self.look_again().await;
    }

    /// Ends every fault but those of admission.
    pub(super) fn fix(&mut self) {
        self.note_event();
        self.define();
        {
            let mut faults = self.server.faults();
            (faults.push_backs, faults.failures, faults.lost_answers, faults.expired_pages) =
                (0, 0, 0, 0);
            faults.latency = LATENCY;
            faults.late_reads = 0;
            faults.clear_refused_lists();
        }
        self.replicas.remove(&Part::Usurper);
        self.start(Part::One);
        self.replicas.values().for_each(Replica::thaw);
    }

    /// Whether nothing was asked for in a while, nothing is queued, and nothing is known to come
    /// later.
    async fn rests(&mut self) -> bool {
        self.server.faults().forget_requests();
        tokio::time::sleep(LOOK).await;
        let quiet = self
            .server
            .faults()
            .all_requests()
            .keys()
            .all(|(verb, plural)| *verb == "watch" || plural == "leases");
        let Some(leader) = self.replicas.values().find(|replica| replica.leads()) else {
            return false;
        };
        let shared = leader.reconciler.shared();
        quiet
            && shared.work.queue.is_empty()
            && shared.writes_under_way() == 0
            && leader.reconciler.gated().work.queue.is_empty()
            && shared.progress.troubles().next().is_none()
    }

    /// Namespaces of which the leader says why they are not compliant.
    pub(super) fn reported(&self) -> BTreeSet<String> {
        let leader = self.replicas.values().find(|replica| replica.leads());
        leader
            .map(|leader| {
                leader
                    .reconciler
                    .shared()
                    .progress
                    .troubles()
                    .map(|(name, _)| name.clone())
                    .filter(|name| !self.muted.contains(name))
                    .collect()
            })
            .unwrap_or_default()
    }

    fn is_ready(&self, namespace: &str) -> bool {
        let Some(namespace) = self.server.object("Namespace", namespace) else { return false };
        let tenant = namespace["metadata"]["labels"][TENANT_LABEL].as_str().unwrap_or_default();
        self.server.object("Tenant", tenant).is_some()
    }

    /// Law 6: watches and the lease, and nothing else. A tenant of which nobody can say whether it
    /// is gone is asked for now and then.
    async fn listen(&mut self, all_led: bool) {
        self.server.faults().forget_requests();
        tokio::time::sleep(SILENCE).await;
        let requests = self.server.faults().all_requests().clone();
        let quiet = |verb: &str, plural: &str| {
            verb == "watch"
                || plural == "leases"
                || (!all_led && ["get", "discover"].contains(&verb))
        };
        let loud: Vec<String> = requests
            .iter()
            .filter(|((verb, plural), _)| !quiet(verb, plural))
            .map(|((verb, plural), count)| format!("{count} × {verb} {plural}"))
            .collect();
        self.laws.see_silence(&loud);
    }

    /// Law 2, by one who remembers nothing.
    async fn look_again(&mut self) {
        self.judge();
        self.note_event();
        self.replicas.clear();
        let before = self.laws.writes;
        self.replicas.insert(Part::Usurper, Replica::usurper(&self.server, "fresh"));
        self.laws.unfenced.insert("fresh".to_owned());
        tokio::time::sleep(SECOND_LOOK).await;
        self.judge();
        self.laws.see_idempotence(self.laws.writes - before);
    }

    /// Law 1, of every namespace that is left alone as compliant.
    fn see_one_engine(&mut self, rest: &Rest) {
        let tenants: Vec<Value> = rest.tenants.iter().map(|tenant| Value::clone(tenant)).collect();
        for namespace in rest.namespaces.iter().filter(|one| !rest.reported.contains(name(one))) {
            if self.is_ready(name(namespace)) {
                self.laws.see_one_engine(
                    name(namespace),
                    namespace,
                    &admitted(namespace, &tenants),
                );
            }
        }
    }
}

/// What the policy makes of a namespace that a user wants to create so, without a ledger.
fn admitted(namespace: &Value, tenants: &[Value]) -> Value {
    let mut object = namespace.clone();
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LEDGER);
    }
    let user = json!({"username": "admin", "groups": ["system:masters"]});
    let request = json!({"uid": "chaos", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": "CREATE",
                         "userInfo": user, "name": name(namespace), "namespace": name(namespace), "object": object});
    // It writes the ledger at least.
    admission::answer(&json!({}), &request, tenants)["mutated_object"].take()
}

fn name(namespace: &Value) -> &str {
    namespace["metadata"]["name"].as_str().unwrap_or_default()
}
