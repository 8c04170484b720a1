//! Pods at the gate, where what the controller knows of their namespace is old.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use guard::GATE;

pub(super) fn pod(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace},
           "spec": {"schedulingGates": [{"name": GATE}], "containers": [{"name": "web", "image": "web"}]}})
}

impl Simulation {
    fn pod(&self, namespace: &str) -> Arc<Value> {
        let all = self.server.objects("Pod");
        all.into_iter().find(|pod| pod["metadata"]["namespace"] == namespace).expect("the Pod")
    }

    pub(super) fn is_held(&self, namespace: &str) -> bool {
        self.pod(namespace)["spec"]["schedulingGates"]
            .as_array()
            .is_some_and(|gates| !gates.is_empty())
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_a_ready_namespace_goes_with_its_selector() {
    let simulation = Simulation::settled(populated(1)).await;
    simulation.server.put(pod("old-0")).expect("a Pod");
    simulation.until("the release", |this| !this.is_held("old-0")).await;
    assert_eq!(simulation.pod("old-0")["spec"]["nodeSelector"], json!({"pool": "a"}));
}

/// An admin moves it to another tenant, and the watch has not said so yet.
#[tokio::test(start_paused = true)]
async fn a_pod_is_not_released_on_what_its_namespace_was() {
    let simulation = Simulation::start_with(populated(1), &json!({"claims": "trusted"}));
    simulation.until_compliant().await;
    simulation
        .server
        .put(tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})))
        .expect("a tenant");
    tokio::time::sleep(Duration::from_secs(1)).await;
    simulation.server.faults().deaf = Some("namespaces".to_owned());
    let mut moved = (*simulation.server.object("Namespace", "old-0").expect("it")).clone();
    moved["metadata"]["labels"]["landlord.dev/tenant"] = json!("lunar");
    simulation.server.put(moved).expect("a move");
    simulation.server.put(pod("old-0")).expect("a Pod");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(
        simulation.is_held("old-0")
            || simulation.pod("old-0")["spec"]["nodeSelector"] == json!({"pool": "lunar"}),
        "{}",
        simulation.pod("old-0")
    );
    simulation.server.faults().deaf = None;
    simulation.server.break_watches();
    simulation.until("the release", |this| !this.is_held("old-0")).await;
    assert_eq!(simulation.pod("old-0")["spec"]["nodeSelector"], json!({"pool": "lunar"}));
}
