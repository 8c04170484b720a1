//! A missing node selector goes before the backfill of many others, however it was found.

use std::time::Duration;

use fake_apiserver::{Admission, AdmissionRule};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const OTHERS: usize = 1500;
/// Writes under way at a time at most; so many more are written in a round.
const MAX_IN_FLIGHT: usize = 64;

/// How a node selector comes to be missing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Found {
    /// The controller lists anew.
    ByAList,
    /// It sees the namespace come, and the first write fails.
    AfterAFailure,
    /// It has just been started.
    AtItsStart,
}

/// How many of the others were to be written so far.
fn others(server: &InMemory) -> usize {
    server.faults().patches().iter().filter(|name| name.starts_with("other-")).count()
}

fn lunar(label: &str) -> Value {
    tenant("lunar", json!({"nodeSelector": {"pool": "b"}, "labels": {"billing": label}}))
}

/// The label of 1500 namespaces of another tenant changes, and one namespace has no node selector.
#[rstest]
#[tokio::test(start_paused = true)]
async fn placement_goes_before_a_backfill(
    #[values(Found::ByAList, Found::AfterAFailure, Found::AtItsStart)] found: Found,
) {
    let server = populated(0);
    server.put(lunar("before")).expect("a tenant");
    for number in 0..OTHERS {
        server.put(namespace(&format!("other-{number}"), "lunar")).expect("a namespace");
    }
    let mut simulation = Simulation::settled(server.clone()).await;
    server.faults().latency = Duration::from_millis(40);
    server.faults().forget_requests();
    match found {
        Found::ByAList => {
            server.break_watches();
            server.put(namespace("zz-web", "solar")).expect("a namespace");
            server.put(lunar("after")).expect("an edit");
            server.compact();
        }
        Found::AfterAFailure => {
            server.put(lunar("after")).expect("an edit");
            server.faults().admit_by(
                AdmissionRule::new(Admission::Deny { code: 500, retry_after: 0 })
                    .named("zz-web")
                    .lasting(Duration::from_millis(500)),
            );
            server.put(namespace("zz-web", "solar")).expect("a namespace");
        }
        Found::AtItsStart => {
            drop(simulation);
            server.put(namespace("zz-web", "solar")).expect("a namespace");
            server.put(lunar("after")).expect("an edit");
            simulation = Simulation::start(server.clone());
        }
    }
    // A slow server: the backfill takes long enough for a second attempt.
    if found == Found::AfterAFailure {
        server.faults().latency = Duration::from_millis(300);
    }
    let is_known = |this: &Simulation| this.reconciler.shared().store.namespace("zz-web").is_some();
    simulation.until("the namespace's discovery", is_known).await;
    let before = others(&server);
    simulation.until("the node selector", |this| this.is_in_pool("zz-web", "a")).await;
    let meanwhile = others(&server) - before;
    assert!(meanwhile <= 8 * MAX_IN_FLIGHT, "{meanwhile} others were written meanwhile");
    assert!(before + meanwhile < OTHERS, "the backfill goes on");
    simulation.until_compliant().await;
}
