//! What a change of a namespace costs: how often the engine runs and a ledger is parsed between the
//! event, the write, its answer, and its echo on the watch. The engine counts by threads, and a
//! simulation runs on the one of its test.

use std::time::Duration;

use serde_json::json;
use tenancy::counters::{self, Counts};

use super::*;

/// What was counted until nothing was left to do, and some time after it: the echo comes in.
async fn spent(simulation: &Simulation) -> Counts {
    simulation.until_compliant().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    counters::take()
}

#[tokio::test(start_paused = true)]
async fn a_change_costs_two_plans_and_two_ledgers() {
    let simulation = Simulation::settled(populated(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let writes = simulation.patches();
    counters::take();

    let mut changed = (*simulation.server.object("Namespace", "old-0").expect("it")).clone();
    changed["metadata"]["labels"]["billing"] = json!("other");
    simulation.server.put(changed).expect("a change");
    let counts = spent(&simulation).await;
    assert_eq!(simulation.patches(), writes + 1);
    assert_eq!(simulation.metadata("old-0")["labels"]["billing"], "solar");
    assert_eq!(
        counts,
        Counts { plans: 2, ledgers: 2 },
        "one of each to decide, one of each to take the answer in, none for the echo"
    );
}

/// The namespace has no ledger yet, so there is one to parse only in the answer.
#[tokio::test(start_paused = true)]
async fn a_new_namespace_costs_two_plans_and_one_ledger() {
    let simulation = Simulation::settled(populated(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    counters::take();
    simulation.server.put(namespace("web", "solar")).expect("a namespace");
    assert_eq!(spent(&simulation).await, Counts { plans: 2, ledgers: 1 });
}

/// However many gated Pods there are, where they may go is asked when the first comes, and on the
/// namespace as it is read before they are released.
#[tokio::test(start_paused = true)]
async fn gated_pods_cost_two_plans_a_namespace() {
    let simulation = Simulation::settled(populated(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    counters::take();
    for number in 0..5 {
        let mut pod = held::pod("old-0");
        pod["metadata"]["name"] = json!(format!("web-{number}"));
        simulation.server.put(pod).expect("a Pod");
    }
    let is_free = |pod: &Arc<Value>| pod["spec"]["nodeSelector"]["pool"] == "a";
    simulation.until("all releases", |this| this.server.objects("Pod").iter().all(is_free)).await;
    assert_eq!(counters::take(), Counts { plans: 2, ledgers: 0 });
}
