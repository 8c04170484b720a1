//! One namespace whose writes fail, or eighty of them, beside healthy ones of another tenant.

use std::time::Duration;

use fake_apiserver::Admission;
use rstest::rstest;
use serde_json::json;

use super::*;

pub(super) const HEALTHY: usize = 40;
/// What an answer takes: a round.
pub(super) const ROUND: Duration = Duration::from_millis(100);

/// A server on which admission treats every write of a namespace `bad-N` of tenant lunar so, and a
/// controller of it; and how long it took until the healthy ones were written.
async fn play(bad: usize, admission: Option<Admission>) -> (Simulation, Duration) {
    let server = populated(0);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "a"}}))).expect("a tenant");
    if let Some(admission) = admission {
        server.faults().admit("bad-", admission);
    }
    (0..bad).for_each(|number| {
        server.put(namespace(&format!("bad-{number}"), "lunar")).expect("a namespace")
    });
    (0..HEALTHY).for_each(|number| {
        server.put(namespace(&format!("good-{number}"), "solar")).expect("a namespace")
    });
    server.faults().latency = ROUND;
    let simulation = Simulation::start_reporting(server);
    let began = tokio::time::Instant::now();
    let good = |this: &Simulation| {
        (0..HEALTHY).all(|number| this.is_in_pool(&format!("good-{number}"), "a"))
    };
    simulation.until("the healthy namespaces", good).await;
    (simulation, began.elapsed())
}

pub(super) fn deny(code: u16, retry_after: u64) -> Admission {
    Admission::Deny { code, retry_after }
}

/// Plays with bad ones among the objects and without: the healthy ones need the time that they need
/// alone, and the bad ones are tried rarely. By the end, each has failed often enough to be reported.
pub(super) async fn failing_beside_healthy(
    bad: usize,
    admission: Admission,
    play: impl AsyncFn(usize, Option<Admission>) -> (Simulation, Duration),
) -> Simulation {
    let (healthy, without) = play(bad, None).await;
    drop(healthy);
    let (simulation, with) = play(bad, Some(admission)).await;
    assert!(
        with <= without.mul_f64(1.2) + LOOK,
        "{with:?} beside {bad} bad ones, {without:?} if they are healthy"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tries = simulation.server.faults().patches().iter().filter(|name| *name == "bad-0").count();
    assert!((1..=10).contains(&tries), "{tries} tries in the first minute");
    // However long the answers ask to wait, the third failure comes; and so does each one's turn
    // to be the subject of an Event.
    tokio::time::sleep(Duration::from_secs(2000)).await;
    simulation
}

fn strip_selector() -> Admission {
    let key = NODE_SELECTOR.replace('/', "~1");
    Admission::Strip(vec![format!("/metadata/annotations/{key}")])
}

/// Whatever admission does to one tenant's namespaces, another's are written in the time that they
/// need, and the bad ones rarely; and each way to ask says why.
#[rstest]
#[case::malformed(deny(400, 0), "Refused")]
#[case::forbidden(deny(403, 0), "Forbidden")]
#[case::conflict(deny(409, 0), "Refused")]
#[case::invalid(deny(422, 0), "Refused")]
#[case::busy(deny(429, 0), "Refused")]
#[case::busy_for_long(deny(429, 60), "Refused")]
#[case::broken(deny(500, 0), "ServerError")]
#[case::unavailable(deny(503, 0), "Refused")]
#[case::unavailable_for_long(deny(503, 3600), "Refused")]
#[case::reverted(Admission::Revert, "Reverted")]
#[case::stripped(strip_selector(), "Reverted")]
#[case::hanging(Admission::Delay(Duration::from_secs(20)), "Timeout")]
#[tokio::test(start_paused = true)]
async fn failing_namespaces_delay_no_others(
    #[case] admission: Admission,
    #[case] reason: &str,
    #[values(1, 80)] bad: usize,
) {
    let simulation = failing_beside_healthy(bad, admission, play).await;
    assert_eq!(simulation.reconciler.shared().progress.failing(), bad);
    assert_eq!(simulation.trouble("bad-0"), Some(reason));
    let metric = format!("landlord_troubled_namespaces{{reason=\"{reason}\"}}");
    assert_eq!(simulation.metric(&metric), Some(bad as u64));
    let converged = simulation.condition("lunar", "Converged");
    assert_eq!((&converged["status"], &converged["reason"]), (&json!("False"), &json!(reason)));
    assert!(converged["message"].as_str().is_some_and(|message| message.contains("bad-0: ")));
    for number in 0..bad {
        let told = simulation.events_about("Namespace", &format!("bad-{number}"));
        assert!(told.contains(reason), "bad-{number}: {told:?}");
    }
    assert_eq!(simulation.condition("solar", "Converged")["status"], "True");
}

/// What recovers is written, and the report goes.
#[tokio::test(start_paused = true)]
async fn a_namespace_recovers_when_the_cause_goes() {
    let (simulation, _) = play(3, Some(deny(503, 0))).await;
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

/// Where the watch is faster than the answer, an event of its own write is no reason to try again
/// before the time.
#[rstest]
#[case::reverted(Admission::Revert)]
#[case::stripped(strip_selector())]
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_faster_than_the_answer_makes_no_loop(#[case] admission: Admission) {
    let server = populated(1);
    server.faults().admit("old-", admission);
    for _ in 0..1000 {
        server.faults().interfere_after(|_, _| {});
    }
    let simulation = Simulation::start(server);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tries = simulation.patches();
    assert!((1..=10).contains(&tries), "{tries} tries in the first minute");
}

/// One tenant has as many writes that hang as it likes; another's namespace is written at once.
#[tokio::test(start_paused = true)]
async fn a_tenant_whose_writes_all_hang_delays_no_other() {
    let server = populated(0);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "a"}}))).expect("a tenant");
    (0..2000).for_each(|number| {
        server.put(namespace(&format!("bad-{number}"), "lunar")).expect("a namespace")
    });
    let simulation = Simulation::settled(server).await;
    assert!(simulation.reconciler.shared().work.pace.limit() > 60, "it may do much at a time");
    simulation.server.faults().admit("bad-", Admission::Delay(Duration::from_secs(20)));
    simulation
        .server
        .put(tenant("lunar", json!({"nodeSelector": {"pool": "b"}})))
        .expect("an edit");
    tokio::time::sleep(Duration::from_secs(8)).await;
    let began = tokio::time::Instant::now();
    simulation.server.put(namespace("good", "solar")).expect("a namespace");
    simulation.until("the healthy one", |this| this.is_in_pool("good", "a")).await;
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(1100), "{took:?}");
}
