//! One gated Pod whose release fails, or eighty of them, beside healthy ones of another tenant.

use std::time::Duration;

use fake_apiserver::{Admission, AdmissionRule};
use guard::GATE;
use rstest::rstest;
use serde_json::{Value, json};

use super::neighbours::{HEALTHY, ROUND, deny, failing_beside_healthy};
use super::*;

fn pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
           "spec": {"schedulingGates": [{"name": GATE}], "containers": [{"name": "web", "image": "web"}]}})
}

impl Simulation {
    /// The Pod of this name, or null.
    fn pod_named(&self, name: &str) -> Value {
        let all = self.server.objects("Pod");
        all.into_iter()
            .find(|pod| pod["metadata"]["name"] == name)
            .map_or(Value::Null, |pod| (*pod).clone())
    }

    fn is_released(&self, name: &str) -> bool {
        let pod = self.pod_named(name);
        !pod.is_null() && pod["spec"]["schedulingGates"].as_array().is_none_or(Vec::is_empty)
    }
}

/// A controller that has settled, and then Pods: `bad-N` in namespaces of lunar, whose releases
/// admission treats so, and younger ones of solar, `good-N`. How long those took to be released.
async fn play(bad: usize, admission: Option<Admission>) -> (Simulation, Duration) {
    let server = populated(0);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "a"}}))).expect("a tenant");
    for number in 0..bad {
        server.put(namespace(&format!("lunar-{number}"), "lunar")).expect("a namespace");
    }
    for number in 0..HEALTHY {
        server.put(namespace(&format!("solar-{number}"), "solar")).expect("a namespace");
    }
    let simulation = Simulation::start_reporting(server);
    simulation.until_compliant().await;
    let server = &simulation.server;
    if let Some(admission) = admission {
        server.faults().admit_by(AdmissionRule::new(admission).only("pods").named("bad-"));
    }
    server.faults().latency = ROUND;
    for number in 0..bad {
        server.put(pod(&format!("lunar-{number}"), &format!("bad-{number}"))).expect("a Pod");
    }
    for number in 0..HEALTHY {
        server.put(pod(&format!("solar-{number}"), &format!("good-{number}"))).expect("a Pod");
    }
    let began = tokio::time::Instant::now();
    let released =
        |this: &Simulation| (0..HEALTHY).all(|number| this.is_released(&format!("good-{number}")));
    simulation.until("the healthy Pods", released).await;
    let took = began.elapsed();
    (simulation, took)
}

/// Whatever admission does to one tenant's Pods, another's are released in the time that they need,
/// and the bad ones are tried rarely; and each way to ask says why.
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
#[case::hanging(Admission::Delay(Duration::from_secs(20)), "Timeout")]
#[tokio::test(start_paused = true)]
async fn failing_pods_delay_no_others(
    #[case] admission: Admission,
    #[case] reason: &str,
    #[values(1, 80)] bad: usize,
) {
    let simulation = failing_beside_healthy(bad, admission, play).await;
    assert!(!simulation.is_released("bad-0"));
    let failing = simulation.metric("landlord_held_pods{state=\"failing\"}");
    assert_eq!(failing, Some(bad as u64));
    assert!(
        simulation
            .metric(&format!("landlord_pods_released_total{{outcome=\"{reason}\"}}"))
            .is_some_and(|count| count >= bad as u64)
    );
    let released = simulation.condition("lunar", "PodsReleased");
    assert_eq!(released["reason"], "ReleaseFailed", "{released}");
    assert!(released["message"].as_str().is_some_and(|message| message.contains("bad-")));
    for number in 0..bad {
        let told = simulation.events_about("Pod", &format!("bad-{number}"));
        assert!(told.contains(reason), "bad-{number}: {told:?}");
    }
    assert_eq!(simulation.condition("solar", "PodsReleased")["status"], "True");
    simulation.server.faults().clear_admission();
    simulation.until("the recovery", |this| this.is_released("bad-0")).await;
}

/// The gate is gone, and so is what the Pod was to get: that cannot be undone, and is reported at
/// once.
#[rstest]
#[tokio::test(start_paused = true)]
async fn pods_that_are_released_without_their_selector_are_reported(#[values(1, 80)] bad: usize) {
    let strip = || Admission::Strip(vec!["/spec/nodeSelector".to_owned()]);
    let (healthy, without) = play(bad, None).await;
    drop(healthy);
    let (simulation, with) = play(bad, Some(strip())).await;
    assert!(with <= without.mul_f64(1.2) + LOOK, "{with:?} beside {bad} bad ones, {without:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tries = simulation.server.faults().patches().iter().filter(|name| *name == "bad-0").count();
    assert_eq!(tries, 1, "there is nothing to try again");
    assert!(simulation.is_released("bad-0"));
    assert!(simulation.events_about("Pod", "bad-0").contains("Reverted"));
    let released = "landlord_pods_released_total{outcome=\"Reverted\"}";
    assert_eq!(simulation.metric(released), Some(bad as u64));
    assert_eq!(simulation.pod_named("good-0")["spec"]["nodeSelector"], json!({"pool": "a"}));
}

/// What is read of a namespace may arrive when there is another of its name.
#[tokio::test(start_paused = true)]
async fn the_answer_about_a_namespace_that_comes_late_is_not_believed() {
    let simulation = Simulation::settled(populated(1)).await;
    simulation.server.put(tenant("lunar", json!({"nodeSelector": {"pool": "b"}}))).expect("it");
    simulation.server.faults().interfere_after_read(|server, name| {
        server.recreate(namespace(name, "lunar")).expect("another namespace");
        server.put(pod(name, "new")).expect("a Pod of it");
    });
    simulation.server.put(pod("old-0", "old")).expect("a Pod");
    simulation.until("the new one's release", |this| this.is_released("new")).await;
    assert_eq!(simulation.pod_named("new")["spec"]["nodeSelector"], json!({"pool": "b"}));
}
