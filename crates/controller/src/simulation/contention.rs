//! Another writer that sets back what landlord writes, each time and at once.

use std::time::Duration;

use guard::GATE;
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::*;

/// The namespace, whose tenant its name says.
const NAME: &str = "team-web";
const CONTESTED: &str = "Contested";
/// How long the other writer goes on.
const LONG: Duration = Duration::from_secs(200);

/// A key, and the value that the other writer gives it; without one it takes the key away.
#[derive(Clone, Copy)]
struct Reversal {
    field: &'static str,
    key: &'static str,
    value: Option<&'static str>,
}

const SELECTOR: Reversal =
    Reversal { field: "annotations", key: NODE_SELECTOR, value: Some("pool=rival") };
const NO_SELECTOR: Reversal = Reversal { field: "annotations", key: NODE_SELECTOR, value: None };
const NO_LEDGER: Reversal = Reversal { field: "annotations", key: LEDGER, value: None };
const NO_TENANT: Reversal = Reversal { field: "labels", key: "landlord.dev/tenant", value: None };
const TEAM: Reversal = Reversal { field: "labels", key: "team", value: Some("mine") };

impl Reversal {
    fn apply(self, metadata: &mut Value) {
        if !metadata[self.field].is_object() {
            metadata[self.field] = Value::Object(Map::new());
        }
        let Some(map) = metadata[self.field].as_object_mut() else { return };
        match self.value {
            Some(value) => drop(map.insert(self.key.to_owned(), json!(value))),
            None => drop(map.remove(self.key)),
        }
    }
}

impl Simulation {
    /// Lets another writer reverse the namespace each time for so long. Returns when landlord
    /// wrote it, from the beginning.
    async fn contend(&self, reversal: Reversal, time: Duration) -> Vec<Duration> {
        let began = tokio::time::Instant::now();
        let (mut seen, mut writes) = (self.patches(), Vec::new());
        let mut reversed: Option<Arc<Value>> = None;
        while began.elapsed() < time {
            let found = self.server.object("Namespace", NAME).expect("it");
            if reversed.as_ref().is_none_or(|reversed| !Arc::ptr_eq(reversed, &found)) {
                let mut object = (*found).clone();
                reversal.apply(&mut object["metadata"]);
                self.server.put(object).expect("a reversal");
                reversed = self.server.object("Namespace", NAME);
            }
            tokio::time::sleep(LOOK).await;
            let now = self.patches();
            writes.extend(std::iter::repeat_n(began.elapsed(), now - seen));
            seen = now;
        }
        writes
    }

    fn holds_the_pod(&self) -> bool {
        let pods = self.server.objects("Pod");
        pods.iter().all(|pod| pod["spec"]["schedulingGates"][0]["name"] == GATE)
    }
}

/// With a hook that takes the label `team` away, and tenants by the namespace's name, so that the
/// tenant's label is a key like others.
async fn settled() -> Simulation {
    let hook = json!({"name": "team", "remove": {"labels": ["team"]}});
    let settings = json!({"identify": [{"namePrefix": {}}], "hooks": [hook]});
    let server = InMemory::default();
    server
        .put(tenant(
            "team",
            json!({"nodeSelector": {"pool": "a"}, "namespaces": {"prefixes": ["team-"]}}),
        ))
        .expect("a tenant");
    server.put(namespace(NAME, "")).expect("a namespace");
    let simulation = Simulation::begin(server, &settings, true);
    simulation.until_compliant().await;
    simulation
}

/// A key that decides where Pods run, or whether the guard looks, is never given up, and written
/// ever more rarely; the guard lets no Pod in meanwhile.
#[rstest]
#[case::selector(SELECTOR)]
#[case::no_selector(NO_SELECTOR)]
#[case::no_ledger(NO_LEDGER)]
#[case::no_tenant(NO_TENANT)]
#[tokio::test(start_paused = true)]
async fn a_placement_key_is_put_right_ever_more_rarely(#[case] reversal: Reversal) {
    let simulation = settled().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": NAME},
                     "spec": {"schedulingGates": [{"name": GATE}], "containers": []}});
    let first = simulation.contend(reversal, Duration::from_millis(900)).await;
    assert!(first.len() >= 3, "{first:?}");
    simulation.server.put(pod).expect("a Pod");
    let writes = simulation.contend(reversal, LONG).await;
    let from_third = first.last().into_iter().map(|_| Duration::ZERO).chain(writes.clone());
    let from_third: Vec<Duration> = from_third.collect();
    let gaps: Vec<f64> =
        from_third.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    for (gap, least) in gaps.iter().skip(1).zip([2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]) {
        assert!((least - 0.1..least * 1.1 + 1.0).contains(gap), "{gaps:?}");
    }
    assert!((8..=14).contains(&writes.len()), "{writes:?}");
    assert_eq!(simulation.trouble(NAME), Some(CONTESTED));
    assert!(simulation.events_about("Namespace", NAME).contains(CONTESTED));
    assert_eq!(simulation.condition("team", "Converged")["reason"], CONTESTED);
    assert!(simulation.holds_the_pod(), "the guard's readiness is the controller's");
    // It ends: all is put right, and the Pod goes.
    simulation.until("peace", |this| this.trouble(NAME).is_none() && !this.holds_the_pod()).await;
    let metadata = simulation.metadata(NAME);
    assert_eq!(metadata["annotations"][NODE_SELECTOR], "pool=a");
    assert!(metadata["annotations"][LEDGER].as_str().is_some_and(|one| !one.contains("pending")));
}

/// One that decides nothing is left alone, and reported as well.
#[tokio::test(start_paused = true)]
async fn a_removed_key_is_left_alone_after_the_third_time() {
    let simulation = settled().await;
    let writes = simulation.contend(TEAM, LONG).await;
    assert!((2..=4).contains(&writes.len()), "{writes:?}");
    assert_eq!(simulation.metadata(NAME)["labels"]["team"], "mine");
    assert_eq!(simulation.trouble(NAME), Some(CONTESTED));
    assert!(simulation.events_about("Namespace", NAME).contains(CONTESTED));
    simulation.until("peace", |this| this.trouble(NAME).is_none()).await;
    assert_eq!(simulation.metadata(NAME)["labels"]["team"], Value::Null);
}
