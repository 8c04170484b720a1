//! etcd is put back to a snapshot under a controller that runs: versions go back.

use std::time::Duration;

use fake_apiserver::Snapshot;
use guard::GATE;
use rstest::rstest;
use serde_json::json;

use super::*;

const NAMESPACES: usize = 50;
/// Within this time after a restore everything is as before.
const SOON: Duration = Duration::from_secs(90);

impl Simulation {
    fn all_in_pool(&self, pool: &str) -> bool {
        (0..NAMESPACES).all(|number| self.is_in_pool(&format!("old-{number}"), pool))
    }

    /// Waits at most [`SOON`].
    async fn soon(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = tokio::time::Instant::now();
        self.until(what, holds).await;
        let took = began.elapsed();
        assert!(took <= SOON, "{what} took {took:?}");
    }
}

/// A controller that has settled in pool b, and the cluster before that: pool a, one namespace
/// without its node selector, one that has been deleted since.
async fn moved_on() -> (Simulation, Snapshot) {
    let server = populated(NAMESPACES);
    server.put(namespace("deleted", "solar")).expect("a namespace");
    let simulation = Simulation::settled(server).await;
    let drifted = namespace("old-7", "solar");
    simulation.server.put(drifted).expect("drift");
    let snapshot = simulation.server.snapshot();
    simulation.until_compliant().await;
    simulation.server.put(solar("b")).expect("an edit");
    simulation.server.put(namespace("created", "solar")).expect("a namespace");
    assert!(simulation.server.remove("Namespace", "deleted"));
    simulation.until("pool b", |this| this.all_in_pool("b") && this.is_idle()).await;
    (simulation, snapshot)
}

/// All drift is fixed and all edits reached, whatever happens first in the restored cluster.
#[rstest]
#[tokio::test(start_paused = true)]
async fn a_restored_cluster_is_looked_after(
    #[values(0, 1, 200)] writes_of_others: usize,
    #[values(0, 30)] seconds: u64,
) {
    let (simulation, snapshot) = moved_on().await;
    simulation.server.restore(&snapshot);
    // Versions may have grown past the old ones before anybody looks.
    for number in 0..writes_of_others {
        let name = format!("crowd-{number}");
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        simulation.server.put(object).expect("a namespace");
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    simulation.soon("the drift of the snapshot", |this| this.all_in_pool("a")).await;
    simulation.soon("the deleted one", |this| this.is_in_pool("deleted", "a")).await;
    let knows =
        |this: &Simulation, name: &str| this.reconciler.shared().store.namespace(name).is_some();
    simulation.soon("the end of what is not there", |this| !knows(this, "created")).await;

    simulation.server.put(namespace("old-3", "solar")).expect("drift");
    simulation.server.put(namespace("new", "solar")).expect("a namespace");
    simulation.soon("new drift", |this| this.all_in_pool("a") && this.is_in_pool("new", "a")).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "old-3"},
                     "spec": {"schedulingGates": [{"name": GATE}], "containers": []}});
    simulation.server.put(pod).expect("a Pod");
    let is_released = |this: &Simulation| {
        this.server.objects("Pod")[0]["spec"]["schedulingGates"]
            .as_array()
            .is_none_or(Vec::is_empty)
    };
    simulation.soon("a Pod's release", is_released).await;
    simulation.server.put(solar("c")).expect("an edit");
    simulation.soon("an edit", |this| this.all_in_pool("c")).await;
}

/// Tenants that the snapshot does not have are gone; those that it has are back.
#[tokio::test(start_paused = true)]
async fn tenants_go_back_as_well() {
    let (simulation, snapshot) = moved_on().await;
    let server = &simulation.server;
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "moon"}}))).expect("a tenant");
    server.put(namespace("moon", "lunar")).expect("a namespace");
    simulation.until("its pool", |this| this.is_in_pool("moon", "moon")).await;
    server.restore(&snapshot);
    simulation.soon("pool a", |this| this.all_in_pool("a")).await;
    let knows = |this: &Simulation| this.reconciler.shared().store.tenant("lunar") != Ok(None);
    simulation.soon("the end of lunar", |this| !knows(this)).await;
    server.put(namespace("moon", "lunar")).expect("a namespace");
    simulation.soon("a report", |this| this.trouble("moon").is_some()).await;
}

/// After a restore, another state of a namespace may have the very version that was known of it.
#[tokio::test(start_paused = true)]
async fn a_version_that_comes_again_is_another_state() {
    let (simulation, _) = moved_on().await;
    let server = &simulation.server;
    let snapshot = server.snapshot();
    let version = |this: &Simulation| this.metadata("old-3")["resourceVersion"].clone();
    // One life: a change that is none for landlord, and much more after it.
    let mut noted = (*server.object("Namespace", "old-3").expect("it")).clone();
    noted["metadata"]["annotations"]["other"] = json!("note");
    server.put(noted).expect("a note");
    let known = version(&simulation);
    for number in 0..20 {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("other-{number}")}});
        server.put(object).expect("a namespace");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Another: the same number is drift.
    server.restore(&snapshot);
    server.put(namespace("old-3", "solar")).expect("drift");
    assert_eq!(version(&simulation), known, "else this shows nothing");
    simulation.soon("the repair", |this| this.is_in_pool("old-3", "b")).await;
}
