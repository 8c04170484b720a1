//! More faults and more Pods that wait than the budget of Events allows: each is reported, in its
//! time, and nobody's noise takes another's.

use std::collections::BTreeMap;

use guard::GATE;

use super::*;

const MANY: usize = 50;

fn pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
           "spec": {"schedulingGates": [{"name": GATE}], "containers": []}})
}

/// A server with a tenant that cannot be used, so that its namespaces are never ready.
fn with_broken_tenant() -> InMemory {
    let server = populated(0);
    server
        .put(tenant("broken", json!({"nodeSelector": {"pool": "not valid"}})))
        .expect("the server has no schema");
    server
}

impl Simulation {
    /// How many Events there are about each object of a kind.
    fn events_by_name(&self, kind: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in
            self.server.objects("Event").iter().filter(|one| one["regarding"]["kind"] == kind)
        {
            let name = event["regarding"]["name"].as_str().unwrap_or_default().to_owned();
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

/// Each Pod says once why it waits; many of one tenant take their time, and delay no other.
#[tokio::test(start_paused = true)]
async fn every_held_pod_says_why_it_waits() {
    let server = with_broken_tenant();
    server.put(namespace("noisy", "broken")).expect("a namespace");
    server.put(namespace("lost", "nobody")).expect("a namespace");
    let simulation = Simulation::start_reporting(server);
    simulation.until("the reports", |this| this.trouble("noisy").is_some()).await;
    for number in 0..MANY {
        simulation.server.put(pod("noisy", &format!("web-{number}"))).expect("a Pod");
    }
    simulation.server.put(pod("lost", "quiet")).expect("a Pod");
    tokio::time::sleep(Duration::from_secs(45)).await;
    let first = simulation.events_by_name("Pod");
    assert_eq!((first.get("quiet"), first.len()), (Some(&1), 21), "{first:?}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let all = simulation.events_by_name("Pod");
    assert_eq!(all.len(), MANY + 1);
    assert!(all.values().all(|count| *count == 1), "{all:?}");
    let notes: Vec<String> = simulation
        .server
        .objects("Event")
        .iter()
        .filter(|event| event["regarding"]["name"] == "web-49")
        .map(|event| event["note"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(notes.iter().all(|note| note.contains("\"noisy\"") && note.contains("not valid")));
}

/// What the budget does not allow at once, it allows later; and what is over by then is not said.
#[tokio::test(start_paused = true)]
async fn every_fault_is_reported_once_the_budget_allows_it() {
    let server = with_broken_tenant();
    for number in 0..MANY {
        server.put(namespace(&format!("web-{number}"), "broken")).expect("a namespace");
    }
    let simulation = Simulation::start_reporting(server);
    simulation
        .until("the faults", |this| this.reconciler.shared().progress.troubles().count() == MANY)
        .await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let first = simulation.events_by_name("Namespace");
    assert_eq!(first.len(), 20, "a share of the budget");
    let mut later = (0..MANY).map(|number| format!("web-{number}"));
    let gone = later.rfind(|name| !first.contains_key(name)).expect("one");
    assert!(simulation.server.remove("Namespace", &gone));
    tokio::time::sleep(Duration::from_secs(300)).await;
    let all = simulation.events_by_name("Namespace");
    assert_eq!((all.len(), all.contains_key(&gone)), (MANY - 1, false));
    let put_off = simulation.metric("landlord_events_dropped_total");
    assert_eq!(put_off, Some(MANY as u64 - 20), "each is counted once, however long it waits");
    assert!(all.values().all(|count| *count == 1), "{all:?}");
}
