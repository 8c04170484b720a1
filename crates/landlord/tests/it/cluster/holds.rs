//! Pods behind landlord's scheduling gate, and where the real scheduler puts them once they are
//! released. The gate is put on by the tests, as the guard would; `PodNodeSelector` is off, so that
//! what a Pod carries afterwards is landlord's doing.

use futures::future::join_all;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use local_cluster::user::ADMIN;
use local_cluster::waiting::PATIENCE;
use local_cluster::{Cluster, Node};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::world::{GATE, NODE_SELECTOR, World, comes_true, eventually};

const SIDE_BY_SIDE: usize = 16;
/// Who write to four held Pods without a pause.
const WRITERS: usize = 8;
/// Patches of Pods that the controller has under way at a time.
const UNDER_WAY: usize = 16;

/// Without a controller; pools solar (tainted) and lunar.
async fn world() -> World {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    let tainted = Node::new("solar-1").label("pool", "solar").taint("pool", "solar", "NoSchedule");
    world
        .cluster
        .add_nodes([tainted, Node::new("lunar-1").label("pool", "lunar")])
        .await
        .expect("nodes");
    world.flags = vec!["--release-pods"];
    world
}

fn solar() -> Value {
    json!({"nodeSelector": {"pool": "solar"}, "tolerations": [{"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"}]})
}

fn pod(name: &str, gates: &[&str], more: &Value) -> Pod {
    let gates: Vec<Value> = gates.iter().map(|gate| json!({"name": gate})).collect();
    let mut spec =
        json!({"containers": [{"name": "web", "image": "web"}], "schedulingGates": gates});
    spec.as_object_mut().expect("a map").extend(more.as_object().cloned().expect("a map"));
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("a Pod")
}

impl World {
    pub(super) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.cluster.client(ADMIN).expect("a client"), namespace)
    }

    /// Creates a Pod behind these gates, with this in its spec.
    pub(super) async fn create_pod(
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
    pub(super) async fn would_be_held(&self, namespace: &str) -> bool {
        let trial = PostParams { dry_run: true, ..PostParams::default() };
        let made = self.pods(namespace).create(&trial, &pod("trial", &[], &json!({}))).await;
        made.is_ok_and(|pod| {
            pod.spec
                .and_then(|spec| spec.scheduling_gates)
                .is_some_and(|gates| gates.iter().any(|gate| gate.name == GATE))
        })
    }

    async fn hold(&self, namespace: &str, name: &str) {
        self.create_pod(namespace, name, &[GATE], json!({})).await;
    }

    async fn node(&self, namespace: &str, name: &str) -> Option<String> {
        self.pods(namespace).get(name).await.expect("the Pod").spec.expect("a spec").node_name
    }

    async fn comes_to_node(&self, namespace: &str, name: &str, node: &str) {
        eventually("a node", async || self.node(namespace, name).await.is_some()).await;
        assert_eq!(self.node(namespace, name).await.as_deref(), Some(node), "{namespace}/{name}");
    }

    pub(super) async fn gates(&self, namespace: &str, name: &str) -> Vec<String> {
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
    pub(super) async fn pod_events(&self, namespace: &str, name: &str) -> Vec<(String, String)> {
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
    async fn comes_to_count(&self, line: &str) {
        let counted =
            comes_true(async || self.page("one", "/metrics").await.lines().any(|one| one == line))
                .await;
        assert!(counted, "no {line}: {}", self.page("one", "/metrics").await);
    }

    /// Namespaces and Pods that a user created before landlord came: so many of each, for tenants
    /// solar and lunar by turns.
    async fn create_held(&self, namespaces: usize, each: usize) {
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
    async fn all_come_to_their_pools(&self, pods: usize) {
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

#[tokio::test]
async fn a_held_pod_gets_what_its_namespace_gives_and_is_placed_in_the_pool() {
    let mut world = world().await;
    world.add_controller("one").await;
    // The tenant is not there yet, so the namespace cannot be as it should be.
    world.create("web", "solar", json!({})).await;
    world.hold("web", "plain").await;
    let own = json!({"nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]});
    world.create_pod("web", "own", &[GATE], own).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 2").await;
    assert_eq!(world.gates("web", "plain").await, [GATE]);

    world.set_tenant("solar", solar()).await;
    world.comes_to_node("web", "plain", "solar-1").await;
    world.comes_to_node("web", "own", "solar-1").await;
    let spec = world.pods("web").get("own").await.expect("the Pod").spec.expect("a spec");
    assert_eq!(json!(spec.node_selector), json!({"kubernetes.io/os": "linux", "pool": "solar"}));
    let keys: Vec<_> = spec
        .tolerations
        .into_iter()
        .flatten()
        .filter_map(|one| one.key)
        .filter(|key| !key.contains('/'))
        .collect();
    assert_eq!(keys, ["gpu", "pool"]);
    assert_eq!(spec.scheduling_gates, None);

    // Held by an API server that did not know yet: the namespace has long been as it should be.
    world.hold("web", "late").await;
    world.comes_to_node("web", "late", "solar-1").await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 3").await;
    world.comes_to_count("landlord_pod_hold_seconds_count 3").await;
    eventually("no held Pod", async || {
        world.condition("solar", "PodsReleased").await["status"] == "True"
    })
    .await;
}

#[tokio::test]
async fn other_gates_stay() {
    let mut world = world().await;
    world.add_controller("one").await;
    world.set_tenant("solar", solar()).await;
    world.create("web", "solar", json!({})).await;
    world.create_pod("web", "twice", &["example.com/quota", GATE], json!({})).await;
    eventually("the release", async || world.gates("web", "twice").await == ["example.com/quota"])
        .await;
    let spec = world.pods("web").get("twice").await.expect("the Pod").spec.expect("a spec");
    assert_eq!((json!(spec.node_selector), spec.node_name), (json!({"pool": "solar"}), None));
    let patch: Patch<Value> = Patch::Merge(json!({"spec": {"schedulingGates": null}}));
    world.pods("web").patch("twice", &PatchParams::default(), &patch).await.expect("patched");
    world.comes_to_node("web", "twice", "solar-1").await;
}

#[tokio::test]
async fn three_hundred_pods_are_released_by_the_leader() {
    let mut world = world().await;
    world.add_controller("one").await;
    eventually("a leader", async || world.log("one").contains("leading")).await;
    world.add_controller("two").await;
    world.create_held(30, 10).await;
    world.set_tenant("solar", solar()).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.all_come_to_their_pools(300).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 0").await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 300").await;
    assert!(
        !world.page("two", "/metrics").await.contains("landlord_pods_released_total{"),
        "the other only watches"
    );
}

/// Their names are in the opposite order, and that is the order of a list.
#[tokio::test]
async fn the_oldest_pods_are_released_first() {
    let mut world = world().await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.create("web", "lunar", json!({})).await;
    for age in (0..4).rev() {
        for number in 0..40 {
            world.hold("web", &format!("p{age}-{number:02}")).await;
        }
        // Kubernetes counts the age in seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    world.add_controller("one").await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 160").await;
    let log = world.log("one");
    let ages: Vec<char> =
        log.lines().filter_map(|line| line.split("pod=p").nth(1)?.chars().next()).collect();
    assert_eq!(ages.len(), 160);
    for (index, age) in ages.iter().enumerate() {
        let before = ages[..index].iter().filter(|other| *other < age).count();
        assert!(before <= 2 * UNDER_WAY, "{before} younger Pods before number {index}: {ages:?}");
    }
}

#[tokio::test]
async fn a_pod_that_clashes_stays_held_until_the_tenant_says_otherwise() {
    let mut world = world().await;
    world.add_controller("one").await;
    world.create("web", "solar", json!({})).await;
    world.create_pod("web", "odd", &[GATE], json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "venus"}})).await;
    let told = async |of: &str| {
        let events = world.pod_events("web", "odd").await;
        events
            .iter()
            .filter(|(reason, note)| {
                reason == "SelectorClash" && note.contains("pool=lunar") && note.contains(of)
            })
            .count()
    };
    eventually("an Event", async || told("pool=venus").await == 1).await;
    let released = async || world.condition("solar", "PodsReleased").await;
    eventually("a condition", async || released().await["reason"] == "SelectorClash").await;
    let message = released().await["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("web/odd") && message.contains("create the Pod anew"), "{message}");
    world.comes_to_count("landlord_held_pods{state=\"clashing\"} 1").await;

    world.set_tenant("solar", solar()).await;
    eventually("another Event", async || told("pool=solar").await == 1).await;
    assert_eq!(
        (world.gates("web", "odd").await, told("pool=venus").await),
        (vec![GATE.to_owned()], 1),
        "told once for each clash"
    );

    world.set_tenant("solar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.comes_to_node("web", "odd", "lunar-1").await;
    eventually("a condition", async || released().await["reason"] == "NoneHeld").await;
}

#[tokio::test]
async fn a_namespace_that_is_not_as_it_should_be_keeps_its_pods() {
    let mut world = world().await;
    world.add_controller("one").await;
    let mut spec = solar();
    spec["conflicts"] = json!("reject");
    world.set_tenant("solar", spec).await;
    let refused = json!({"metadata": {"name": "web", "labels": {"landlord.dev/tenant": "solar"}, "annotations": {NODE_SELECTOR: "pool=lunar"}}});
    world
        .namespaces()
        .create(&PostParams::default(), &serde_json::from_value(refused).expect("a namespace"))
        .await
        .expect("created");
    world.hold("web", "kept").await;
    eventually("a pending ledger", async || world.ledger("web").await.starts_with("{\"pending\""))
        .await;
    // Anyone who comes later and may go is released before.
    world.create("other", "solar", json!({})).await;
    world.hold("other", "free").await;
    world.comes_to_node("other", "free", "solar-1").await;
    assert_eq!(world.gates("web", "kept").await, [GATE]);
    eventually("a condition", async || {
        world.condition("solar", "PodsReleased").await["reason"] == "Held"
    })
    .await;

    world.patch("web", json!({"annotations": {NODE_SELECTOR: null}})).await;
    world.comes_to_node("web", "kept", "solar-1").await;
}

/// By a crash in the middle; the next controller lists what is left.
#[tokio::test]
async fn a_killed_controllers_pods_are_released_by_the_next() {
    let mut world = world().await;
    world.create_held(20, 20).await;
    world.set_tenant("solar", solar()).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    let first = world.add_controller("one").await;
    eventually("the first releases", async || world.log("one").contains("released")).await;
    world.controller(first).signal(Signal::SIGKILL).expect("a signal");
    let api: Api<Pod> = Api::all(world.cluster.client(ADMIN).expect("a client"));
    let held = api.list(&ListParams::default()).await.expect("Pods");
    let held = held
        .iter()
        .filter(|pod| pod.spec.as_ref().is_some_and(|spec| spec.scheduling_gates.is_some()))
        .count();
    assert!((1..400).contains(&held), "{held}: in the middle");
    world.add_controller("two").await;
    world.all_come_to_their_pools(400).await;
}

/// The watch breaks off, and Pods come and go meanwhile.
#[tokio::test]
async fn a_restart_of_the_api_server_is_survived() {
    let mut world = world().await;
    world.create_held(4, 5).await;
    world.add_controller("one").await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 20").await;
    world.cluster.restart_api_server().await.expect("up again");
    world.hold("ns-0", "later").await;
    world
        .pods("ns-1")
        .delete("pod-1", &DeleteParams::default().grace_period(0))
        .await
        .expect("deleted");
    world.set_tenant("solar", solar()).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.all_come_to_their_pools(20).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 0").await;
}

#[tokio::test]
async fn a_pod_that_is_gone_is_forgotten() {
    let mut world = world().await;
    world.add_controller("one").await;
    world.create("web", "solar", json!({})).await;
    for name in ["gone", "anew", "stays"] {
        world.hold("web", name).await;
    }
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 3").await;
    for name in ["gone", "anew"] {
        world
            .pods("web")
            .delete(name, &DeleteParams::default().grace_period(0))
            .await
            .expect("deleted");
    }
    world.create_pod("web", "anew", &[GATE], json!({"nodeSelector": {"pool": "solar"}})).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 2").await;
    world.set_tenant("solar", solar()).await;
    world.comes_to_node("web", "stays", "solar-1").await;
    world.comes_to_node("web", "anew", "solar-1").await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 0").await;
    assert!(!world.log("one").contains("release failed"), "{}", world.log("one"));
}

/// Others write to the Pods all the while: every patch is made for the newest state, and one that
/// came too late is made anew.
#[tokio::test]
async fn pods_that_others_write_to_are_released_all_the_same() {
    let mut world = world().await;
    world.create_held(2, 2).await;
    world.add_controller("one").await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 4").await;
    let write = async |number: usize| {
        let (api, name) =
            (world.pods(&format!("ns-{}", number % 2)), format!("pod-{}", number % 4));
        for round in 0.. {
            let patch = Patch::Merge(
                json!({"metadata": {"labels": {format!("by-{number}"): round.to_string()}}}),
            );
            let pod = api.patch(&name, &PatchParams::default(), &patch).await.expect("patched");
            if pod.spec.expect("a spec").scheduling_gates.is_none() {
                return;
            }
        }
    };
    let release = async {
        world.set_tenant("solar", solar()).await;
        world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    };
    let all = async { tokio::join!(join_all((0..WRITERS).map(write)), release) };
    tokio::time::timeout(PATIENCE, all).await.expect("every Pod is released");
    world.all_come_to_their_pools(4).await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 4").await;
    let metrics = world.page("one", "/metrics").await;
    assert!(
        !metrics.contains("outcome=\"Refused\""),
        "a Pod that has changed is not taken for one that is refused: {metrics}"
    );
}

/// Nobody may update Pods for a while, landlord neither.
#[tokio::test]
async fn a_release_that_is_refused_is_told_and_tried_again() {
    let mut world = world().await;
    world.add_controller("one").await;
    let api_version = "admissionregistration.k8s.io/v1";
    let policy = json!({"apiVersion": api_version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "frozen"}, "spec": {
        "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["UPDATE"]}]},
        "validations": [{"expression": "false", "message": "Pods are frozen"}]}});
    let mut binding = json!({"apiVersion": api_version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "frozen"},
        "spec": {"policyName": "frozen", "validationActions": ["Deny"]}});
    for object in [&policy, &binding] {
        world.cluster.apply(&object.to_string()).await.expect("a policy");
    }
    world.create("web", "solar", json!({})).await;
    world.hold("web", "first").await;
    let frozen = async || {
        let (label, trial) = (
            Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}})),
            PatchParams { dry_run: true, ..PatchParams::default() },
        );
        world.pods("web").patch("first", &trial, &label).await.is_err()
    };
    eventually("the policy at work", frozen).await;
    world.set_tenant("solar", solar()).await;
    let told = async || {
        world
            .pod_events("web", "first")
            .await
            .iter()
            .any(|(reason, note)| reason == "Refused" && note.contains("frozen"))
    };
    eventually("an Event", told).await;
    let released = async || world.condition("solar", "PodsReleased").await;
    eventually("a condition", async || released().await["reason"] == "ReleaseFailed").await;
    assert!(
        released().await["message"].as_str().is_some_and(|message| message.contains("web/first"))
    );
    world.comes_to_count("landlord_held_pods{state=\"failing\"} 1").await;

    binding["spec"]["validationActions"] = json!(["Audit"]);
    world.cluster.apply(&binding.to_string()).await.expect("a policy");
    world.comes_to_node("web", "first", "solar-1").await;
}

/// Capsule's tenants know no tolerations, and their status is not landlord's.
#[tokio::test]
async fn pods_of_a_capsule_tenant_are_released() {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "capsule").await;
    world
        .cluster
        .add_nodes([Node::new("solar-1").label("pool", "solar"), Node::new("lunar-1")])
        .await
        .expect("nodes");
    world.flags = vec!["--release-pods"];
    world.add_controller("one").await;
    world.create("web", "oil", json!({})).await;
    world.hold("web", "first").await;
    world.create_pod("web", "odd", &[GATE], json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.set_tenant("oil", json!({"nodeSelector": {"pool": "solar"}, "owners": []})).await;
    world.comes_to_node("web", "first", "solar-1").await;
    eventually("an Event", async || {
        world.pod_events("web", "odd").await.iter().any(|(reason, _)| reason == "SelectorClash")
    })
    .await;
}
