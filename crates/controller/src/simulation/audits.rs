//! Pods outside their pool, counted by controllers that come and go.

use std::time::Duration;

use fake_apiserver::Kind;
use serde_json::{Value, json};

use super::*;

fn node(name: &str, pool: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"pool": pool}},
           "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}})
}

/// A Pod that the scheduler has placed, or that came with its node.
fn placed(name: &str, node: &str, by_scheduler: bool) -> Value {
    let now = k8s_openapi::jiff::Timestamp::now();
    let bound = json!([{"type": "PodScheduled", "status": "True", "lastTransitionTime": now}]);
    let conditions = if by_scheduler { bound } else { json!([]) };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "old-0"},
           "spec": {"nodeName": node, "nodeSelector": {"pool": "a"}, "containers": [{"name": "web", "resources": {"requests": {"cpu": "1"}}}]},
           "status": {"conditions": conditions}})
}

fn server() -> InMemory {
    let server = populated(1);
    server.define(Kind::namespaced("v1", "ConfigMap", "configmaps"));
    for (name, pool) in [("a-1", "a"), ("b-1", "b")] {
        server.put(node(name, pool)).expect("a node");
    }
    server
}

/// A controller that counts, once it has begun to.
async fn auditing(server: InMemory) -> Simulation {
    let orders = continuous(SettingsSource::Document(Value::Null));
    let orders = Continuous { audit: true, ..orders };
    let running = start_continuous(server.client(), orders, &Leadership::forever(), true);
    let simulation = Simulation::of(server, running);
    simulation.until_compliant().await;
    simulation.until("the first count", |this| this.record().is_some()).await;
    simulation
}

/// How many Events say that a Pod is outside.
fn reports(server: &InMemory) -> usize {
    server.objects("Event").iter().filter(|event| event["reason"] == "PodOutside").count()
}

impl Simulation {
    /// What the leader has remembered.
    fn record(&self) -> Option<Value> {
        let map = self.server.object("ConfigMap", "landlord/landlord-violations")?;
        serde_json::from_str(map["data"]["record.json"].as_str()?).ok()
    }

    fn outside(&self, cause: &str) -> Option<u64> {
        self.metric(&format!("landlord_pods_outside{{tenant=\"solar\",cause=\"{cause}\"}}"))
    }

    fn counted(&self, what: &str) -> Option<u64> {
        self.metric(&format!("landlord_{what}"))
    }

    /// Placements inside and outside, violations, and those that ended.
    fn totals(&self) -> [Option<u64>; 4] {
        [
            "placements_total{tenant=\"solar\",inside=\"true\"}",
            "placements_total{tenant=\"solar\",inside=\"false\"}",
            "violations_total{tenant=\"solar\"}",
            "violations_ended_total{tenant=\"solar\"}",
        ]
        .map(|what| self.counted(what))
    }
}

#[tokio::test(start_paused = true)]
async fn pods_are_counted_once_whoever_counts() {
    let simulation = auditing(server()).await;
    simulation.server.put(placed("in", "a-1", true)).expect("a Pod");
    simulation.server.put(placed("named", "b-1", false)).expect("a Pod");
    simulation.until("a stray", |this| this.outside("NodeName") == Some(1)).await;
    simulation.server.put(node("a-1", "b")).expect("an edit");
    simulation.until("another", |this| this.outside("NodeRelabelled") == Some(1)).await;
    let both = |this: &Simulation| {
        let is_reported = |name| this.events_about("Pod", name).contains("PodOutside");
        is_reported("in") && is_reported("named")
    };
    simulation.until("an Event for each", both).await;
    let counted = [Some(1), Some(1), Some(2), Some(0)];
    assert_eq!(simulation.totals(), counted);
    simulation
        .until("the record", |this| {
            this.record().is_some_and(|one| one["total"]["violations"] == 2)
        })
        .await;

    // Another one reads what the first has left, and reports nothing again.
    let server = simulation.server.clone();
    let reports = reports(&server);
    drop(simulation);
    let simulation = auditing(server).await;
    simulation.until("the same numbers", |this| this.totals() == counted).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((simulation.totals(), self::reports(&simulation.server)), (counted, reports));

    simulation.server.put(solar("b")).expect("an edit");
    let is_clear = |this: &Simulation| this.outside("NodeRelabelled").is_none();
    simulation.until("the tenant's new pool", is_clear).await;
    assert!(simulation.server.remove("Pod", "old-0/named"), "the Pod");
    let is_over =
        |this: &Simulation| this.counted("violations_ended_total{tenant=\"solar\"}") == Some(2);
    simulation.until("the end of both", is_over).await;
    let is_known =
        |this: &Simulation| this.record().is_some_and(|one| one["total"]["clearSince"].is_string());
    simulation.until("since when", is_known).await;
}

/// A write of the record that comes after another's is refused, and what is there counts.
#[tokio::test(start_paused = true)]
async fn a_record_of_another_leader_is_not_overwritten() {
    let simulation = auditing(server()).await;
    let mut record = simulation.record().expect("a record");
    record["total"]["violations"] = json!(41);
    record["tenants"] = json!({"solar": {"violations": 41}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "landlord-violations", "namespace": "landlord"},
                     "data": {"record.json": record.to_string()}});
    simulation.server.put(map).expect("a record");
    simulation.server.put(placed("named", "b-1", false)).expect("a Pod");
    let is_added =
        |this: &Simulation| this.counted("violations_total{tenant=\"solar\"}") == Some(42);
    simulation.until("the sum", is_added).await;
    simulation
        .until("the record", |this| {
            this.record().is_some_and(|one| one["total"]["violations"] == 42)
        })
        .await;
}
