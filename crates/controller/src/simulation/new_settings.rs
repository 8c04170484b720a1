//! Settings that change while the controller writes: nothing is written by the old ones afterwards.

use std::collections::BTreeSet;

use fake_apiserver::Kind;

use super::*;

const MARK: &str = "mark";

/// The policy with a hook that sets a label to this value.
fn policy(value: &str) -> Value {
    let hook = json!({"name": "mark", "set": {"labels": {MARK: value}}});
    json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy",
           "metadata": {"name": "landlord"}, "spec": {"settings": {"hooks": [hook]}}})
}

/// A controller that reads its settings from the policy.
fn start(server: InMemory) -> Simulation {
    let api_version = "policies.kubewarden.io/v1";
    server.define(Kind::cluster(api_version, "ClusterAdmissionPolicy", "clusteradmissionpolicies"));
    server.put(policy("old")).expect("a policy");
    Simulation::begin_reading(server, SettingsSource::Policy("landlord".to_owned()), false)
}

impl Simulation {
    fn is_marked(&self, name: &str, value: &str) -> bool {
        self.metadata(name)["labels"][MARK] == value
    }

    /// Namespaces that were given the mark of the old settings.
    fn marked_by_the_old(&self) -> BTreeSet<String> {
        let is_old = |object: &Option<Arc<Value>>| {
            object.as_ref().is_some_and(|object| object["metadata"]["labels"][MARK] == "old")
        };
        let recorded = self.server.recorded();
        let given = recorded.into_iter().filter(|one| !is_old(&one.before) && is_old(&one.after));
        given.map(|one| one.name).collect()
    }
}

/// In the middle of a backfill.
#[tokio::test(start_paused = true)]
async fn the_old_settings_write_nothing_once_new_ones_are_in_force() {
    const MANY: usize = 600;
    let server = populated(MANY);
    server.faults().latency = Duration::from_millis(10);
    let simulation = start(server);
    simulation.until("the middle", |this| this.patches() > MANY / 4).await;
    let in_force = |this: &Simulation| Arc::clone(this.reconciler.shared().store.settings());
    let old = in_force(&simulation);
    simulation.server.put(policy("new")).expect("other settings");
    while Arc::ptr_eq(&in_force(&simulation), &old) {
        tokio::task::yield_now().await;
    }
    let under_way = simulation.reconciler.shared().work.total();
    simulation.server.record();
    let all_new =
        |this: &Simulation| (0..MANY).all(|number| this.is_marked(&format!("old-{number}"), "new"));
    simulation.until("the new mark", all_new).await;
    let late = simulation.marked_by_the_old();
    assert!(late.len() <= under_way, "{} writes, {under_way} were under way", late.len());
}

/// While it is found out who sets a key back, which takes a look at the namespace.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_decided_before_new_settings_does_not_follow_them() {
    let simulation = start(populated(1));
    simulation.until("the mark", |this| this.is_marked("old-0", "old")).await;
    simulation.until_compliant().await;
    simulation.server.faults().interfere_after_read(|server, _| {
        server.put(policy("new")).expect("other settings");
        server.record();
    });
    // The namespace is as another writer wants it: without what landlord has written.
    while !simulation.is_marked("old-0", "new") {
        if simulation.is_idle() && simulation.metadata("old-0")["annotations"][LEDGER].is_string() {
            simulation.server.put(namespace("old-0", "solar")).expect("a reversal");
        }
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(simulation.marked_by_the_old(), BTreeSet::new());
}
