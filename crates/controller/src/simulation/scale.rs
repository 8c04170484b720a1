//! Ten thousand namespaces, and silence.

use std::time::Duration;

use serde_json::json;

use super::*;

const MANY: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn ten_thousand_are_written_once_listed_again_and_then_left_alone() {
    let simulation = Simulation::settled(populated(MANY)).await;
    assert_eq!(simulation.patches(), MANY, "one write each");
    simulation.server.faults().forget_requests();

    // Something happens while nobody watches, and it is forgotten before anybody asks.
    simulation.server.break_watches();
    let mut edited = (*simulation.server.object("Namespace", "old-0").expect("it")).clone();
    edited["metadata"]["labels"]["own"] = json!("edited");
    simulation.server.put(edited).expect("an edit");
    simulation.server.compact();
    simulation.until("a new list", |this| this.lists() >= MANY / 500).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(simulation.patches(), 0, "none was written");
    let compliant = simulation.reconciler.shared().store.totals_of("solar").compliant;
    assert_eq!(compliant, MANY, "and all were planned");
    simulation.server.faults().forget_requests();

    tokio::time::sleep(Duration::from_secs(3600)).await;
    let faults = simulation.server.faults();
    let requests = faults.all_requests();
    assert!(requests.keys().all(|(verb, _)| *verb == "watch"), "an hour of silence: {requests:?}");
    // Four watches, which a server ends after five minutes.
    assert!(requests.values().sum::<usize>() < 4 * 15, "{requests:?}");
}
