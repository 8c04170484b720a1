//! Gated Pods of a test's cluster: created, looked at, waited for.

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::api::{Api, ListParams, PostParams};
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use crate::cluster::world::{GATE, World, comes_true, eventually};

const SIDE_BY_SIDE: usize = 16;

fn pod(name: &str, gates: &[&str], more: &Value) -> Pod {
    let gates: Vec<Value> = gates.iter().map(|gate| json!({"name": gate})).collect();
    let mut spec =
        json!({"containers": [{"name": "web", "image": "web"}], "schedulingGates": gates});
    spec.as_object_mut().expect("a map").extend(more.as_object().cloned().expect("a map"));
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("a Pod")
}

impl World {
    pub(in crate::cluster) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.cluster.client(ADMIN).expect("a client"), namespace)
    }

    /// Creates a Pod behind these gates, with this in its spec.
    pub(in crate::cluster) async fn create_pod(
        &self,
        namespace: &str,
        name: &str,
        gates: &[&str],
        more: Value,
    ) {
        self.pods(namespace)
            .create(&PostParams::default(), &pod(name, gates, &more))
            .await
            .expect("created");
    }

    /// Whether a Pod without a gate of its own would be held there: nothing is stored.
    pub(in crate::cluster) async fn would_be_held(&self, namespace: &str) -> bool {
        let trial = PostParams { dry_run: true, ..PostParams::default() };
        let made = self.pods(namespace).create(&trial, &pod("trial", &[], &json!({}))).await;
        made.is_ok_and(|pod| {
            pod.spec
                .and_then(|spec| spec.scheduling_gates)
                .is_some_and(|gates| gates.iter().any(|gate| gate.name == GATE))
        })
    }

    pub(super) async fn hold(&self, namespace: &str, name: &str) {
        self.create_pod(namespace, name, &[GATE], json!({})).await;
    }

    pub(super) async fn node(&self, namespace: &str, name: &str) -> Option<String> {
        self.pods(namespace).get(name).await.expect("the Pod").spec.expect("a spec").node_name
    }

    pub(super) async fn comes_to_node(&self, namespace: &str, name: &str, node: &str) {
        eventually("a node", async || self.node(namespace, name).await.is_some()).await;
        assert_eq!(self.node(namespace, name).await.as_deref(), Some(node), "{namespace}/{name}");
    }

    pub(in crate::cluster) async fn gates(&self, namespace: &str, name: &str) -> Vec<String> {
        let gates = self
            .pods(namespace)
            .get(name)
            .await
            .expect("the Pod")
            .spec
            .expect("a spec")
            .scheduling_gates;
        gates.into_iter().flatten().map(|gate| gate.name).collect()
    }

    /// What is told of a Pod: reasons and notes.
    pub(in crate::cluster) async fn pod_events(
        &self,
        namespace: &str,
        name: &str,
    ) -> Vec<(String, String)> {
        let api: Api<Event> =
            Api::namespaced(self.cluster.client(ADMIN).expect("a client"), namespace);
        let list = api
            .list(&ListParams::default().fields(&format!("involvedObject.name={name}")))
            .await
            .expect("events");
        let ours = list
            .into_iter()
            .filter(|event| event.reporting_component.as_deref() == Some("landlord"));
        ours.map(|event| (event.reason.unwrap_or_default(), event.message.unwrap_or_default()))
            .collect()
    }

    /// Waits for this line of the controller's metrics.
    pub(super) async fn comes_to_count(&self, line: &str) {
        let counted =
            comes_true(async || self.page("one", "/metrics").await.lines().any(|one| one == line))
                .await;
        assert!(counted, "no {line}: {}", self.page("one", "/metrics").await);
    }

    /// Namespaces and Pods that a user created before landlord came: so many of each, for tenants
    /// solar and lunar by turns.
    pub(super) async fn create_held(&self, namespaces: usize, each: usize) {
        for number in 0..namespaces {
            self.create(
                &format!("ns-{number}"),
                if number % 2 == 0 { "solar" } else { "lunar" },
                json!({}),
            )
            .await;
        }
        let names = (0..namespaces * each)
            .map(|number| (format!("ns-{}", number % namespaces), format!("pod-{number}")));
        let create =
            |(namespace, name): (String, String)| async move { self.hold(&namespace, &name).await };
        stream::iter(names.map(create)).buffer_unordered(SIDE_BY_SIDE).collect::<Vec<()>>().await;
    }

    /// Waits until every Pod of these is on a node, and looks at which.
    pub(super) async fn all_come_to_their_pools(&self, pods: usize) {
        let api: Api<Pod> = Api::all(self.cluster.client(ADMIN).expect("a client"));
        let placed = async || {
            let list = api.list(&ListParams::default()).await.expect("Pods").into_iter();
            list.filter_map(|pod| Some((pod.namespace()?, pod.spec?.node_name?)))
                .collect::<Vec<_>>()
        };
        eventually("every Pod's node", async || placed().await.len() == pods).await;
        let even = |namespace: &str| {
            namespace
                .trim_start_matches("ns-")
                .parse::<usize>()
                .expect("a number")
                .is_multiple_of(2)
        };
        let strays: Vec<_> = placed()
            .await
            .into_iter()
            .filter(|(namespace, node)| even(namespace) != (node == "solar-1"))
            .collect();
        assert_eq!(strays, []);
    }
}
