//! One namespace whose writes fail, or eighty of them, beside healthy ones of another tenant.

use std::time::Duration;

use fake_apiserver::Admission;
use rstest::rstest;
use serde_json::json;

use super::*;

const HEALTHY: usize = 40;

/// A server on which admission treats every write of a namespace `bad-N` of tenant lunar so, and a
/// controller of it that has settled.
async fn play(bad: usize, admission: Admission) -> (Simulation, tokio::time::Instant) {
    let server = populated(0);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "a"}}))).expect("a tenant");
    server.faults().admit("bad-", admission);
    (0..bad).for_each(|number| {
        server.put(namespace(&format!("bad-{number}"), "lunar")).expect("a namespace")
    });
    (0..HEALTHY).for_each(|number| {
        server.put(namespace(&format!("good-{number}"), "solar")).expect("a namespace")
    });
    server.faults().latency = Duration::from_millis(5);
    let began = tokio::time::Instant::now();
    let simulation = Simulation::start(server);
    let good = |this: &Simulation| {
        (0..HEALTHY).all(|number| this.is_in_pool(&format!("good-{number}"), "a"))
    };
    simulation.until("the healthy namespaces", good).await;
    (simulation, began)
}

fn deny(code: u16, retry_after: u64) -> Admission {
    Admission::Deny { code, retry_after }
}

/// Whatever admission does to one tenant's namespaces, another's are written in the time that they
/// need, and the bad ones rarely.
#[rstest]
#[case::malformed(deny(400, 0))]
#[case::forbidden(deny(403, 0))]
#[case::conflict(deny(409, 0))]
#[case::invalid(deny(422, 0))]
#[case::busy(deny(429, 0))]
#[case::busy_for_long(deny(429, 60))]
#[case::broken(deny(500, 0))]
#[case::unavailable(deny(503, 0))]
#[case::unavailable_for_long(deny(503, 3600))]
#[case::reverted(Admission::Revert)]
#[case::hanging(Admission::Delay(Duration::from_secs(20)))]
#[tokio::test(start_paused = true)]
async fn failing_namespaces_delay_no_others(
    #[case] admission: Admission,
    #[values(1, 80)] bad: usize,
) {
    let (alone, began) = play(0, admission.clone()).await;
    let without = began.elapsed();
    drop(alone);
    let (simulation, began) = play(bad, admission).await;
    let with = began.elapsed();
    assert!(
        with <= 2 * without + Duration::from_millis(100),
        "{with:?} beside {bad} bad ones, {without:?} without"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    let patches =
        simulation.server.faults().patches().iter().filter(|name| *name == "bad-0").count();
    assert!((1..=10).contains(&patches), "{patches} tries in the first minute");
    // However long the answers ask to wait, the third failure comes.
    tokio::time::sleep(Duration::from_secs(1200)).await;
    let shared = simulation.reconciler.shared();
    assert!(shared.progress.trouble("bad-0").is_some(), "it is reported");
    assert_eq!(shared.progress.failing(), bad);
}

/// What recovers is written, and the report goes.
#[tokio::test(start_paused = true)]
async fn a_namespace_recovers_when_the_cause_goes() {
    let (simulation, _) = play(3, deny(503, 0)).await;
    simulation.until("the report", |this| this.reconciler.shared().progress.failing() == 3).await;
    simulation.server.faults().clear_admission();
    simulation
        .until("the recovery", |this| {
            (0..3).all(|number| this.is_in_pool(&format!("bad-{number}"), "a"))
        })
        .await;
    simulation
        .until("silence", |this| this.reconciler.shared().progress.troubles().next().is_none())
        .await;
}
