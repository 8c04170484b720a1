//! Pods where the API server has no `PodNodeSelector`: the policy places them, exactly as the
//! plugins would.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams, PostParams};
use local_cluster::kubewarden::apply_policy;
use local_cluster::user::ADMIN;
use local_cluster::{Builder, User, eventually};
use serde_json::{Value, json};

use super::placement::placements;
use super::tenants::Source;
use super::world::{Map, NODE_SELECTOR, OWNER, Refusal, World, builder, refusal, shipped};
use crate::compiled::root;
use test_support::shapes::{SELECTOR, Tolerated, json_tolerations, shapes, tolerated};

const LABEL: &str = "landlord.dev/tenant";
const GATE: &str = "landlord.dev/provisioning";
const DAEMON_SETS: &str = "system:serviceaccount:kube-system:daemon-set-controller";

/// A cluster with landlord, the tenant solar of [`SELECTOR`], and its namespace `web`.
async fn world(builder: Builder) -> World {
    let world = World::start(builder, shipped("landlord")).await;
    let tolerations: Value = serde_json::from_str(&json_tolerations()).expect("JSON");
    let selector: Map =
        SELECTOR.split(',').filter_map(|part| part.trim().split_once('=')).map(owned).collect();
    let tenant = Source::Landlord
        .tenant("solar")
        .with("nodeSelector", json!(selector))
        .with("tolerations", tolerations);
    world.apply(tenant.manifest()).await.expect("a tenant");
    world.create(OWNER, json!({"name": "web", "labels": {LABEL: "solar"}})).await.expect("created");
    world
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// The same without the plugins, and with the optional policy for Pods as it is shipped.
/// `more` is added to its settings of Pods.
async fn placing(more: Value) -> World {
    let daemon_sets = User::member(DAEMON_SETS, ["system:serviceaccounts"]);
    let world = world(builder().user(daemon_sets).without_pod_node_selector()).await;
    let text = for_pods();
    let (rights, _) = text.rsplit_once("---\n").expect("two parts");
    world.cluster.apply(rights).await.expect("rights");
    apply_policy(&world.client(ADMIN), &shipped_for_pods(more)).await.expect("active");
    let trial = PostParams { dry_run: true, ..PostParams::default() };
    let places = async || {
        let pod = pods(&world, OWNER, "web").create(&trial, &pod("trial", &json!({}))).await;
        pod.is_ok_and(|pod| !selector(&pod).is_empty())
    };
    eventually("the webhook in force", places).await;
    world
}

fn for_pods() -> String {
    fs::read_to_string(root().join("deploy/cluster-admission-policy-pods.yaml"))
        .expect("the policy")
}

/// The shipped policy on Pods, with `more` in its settings of Pods.
fn shipped_for_pods(more: Value) -> String {
    let text = for_pods();
    let (_, policy) = text.rsplit_once("---\n").expect("two parts");
    let mut policy: Value = serde_saphyr::from_str(policy).expect("YAML");
    let pods = policy["spec"]["settings"]["pods"].as_object_mut().expect("settings of Pods");
    pods.extend(more.as_object().expect("fields").clone());
    policy.to_string()
}

fn pods(world: &World, user: &str, namespace: &str) -> Api<Pod> {
    Api::namespaced(world.client(user), namespace)
}

fn pod(name: &str, spec: &Value) -> Pod {
    let mut body = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    spec.as_object()
        .into_iter()
        .flatten()
        .for_each(|(field, value)| body["spec"][field] = value.clone());
    serde_json::from_value(body).expect("a Pod")
}

async fn create(world: &World, user: &str, namespace: &str, pod: Pod) -> Result<Pod, Refusal> {
    refusal(pods(world, user, namespace).create(&PostParams::default(), &pod).await)
}

fn selector(pod: &Pod) -> Map {
    pod.spec.as_ref().and_then(|spec| spec.node_selector.clone()).unwrap_or_default()
}

/// What each Pod's selector and tolerations become; `None` for one that is refused, and it is
/// refused in the same words.
async fn judged(world: &World) -> Vec<Option<(Map, BTreeSet<Tolerated>)>> {
    let mut judged = Vec::new();
    for (number, spec) in shapes().into_iter().enumerate() {
        let made = create(world, OWNER, "web", pod(&format!("web-{number}"), &spec)).await;
        if let Err(refused) = &made {
            assert_eq!(refused.code, 403, "{}", refused.message);
            assert!(refused.message.contains(
                "pod node label selector conflicts with its namespace node label selector"
            ));
        }
        judged.push(made.ok().map(|pod| (selector(&pod), tolerated(&pod))));
    }
    judged
}

#[tokio::test]
async fn the_policy_gives_what_the_plugins_give() {
    let by_policy = judged(&placing(json!({})).await).await;
    let by_plugins = judged(&world(builder().plugin("PodTolerationRestriction")).await).await;
    let refused = by_policy.iter().filter(|one| one.is_none()).count();
    assert_eq!((by_policy.len(), refused), (312, 4 * 24), "both kinds of Pods are among them");
    for (number, (ours, theirs)) in by_policy.iter().zip(&by_plugins).enumerate() {
        assert_eq!(ours, theirs, "{}", shapes()[number]);
    }
}

#[tokio::test]
async fn pods_go_where_their_namespace_says() {
    let world = placing(json!({"daemonSets": false})).await;
    namespaces_that_are_not_ready(&world).await;
    namespaces_of_nobody(&world).await;
    daemon_sets(&world).await;
    let named = create(&world, OWNER, "web", pod("named", &json!({"nodeName": "lunar-1"})))
        .await
        .expect("lunar's kubelet will refuse it");
    assert_eq!(selector(&named)["pool"], "solar");

    world
        .apply(Source::Landlord.tenant("lunar").selecting("pool", "lunar").manifest())
        .await
        .expect("a tenant");
    for number in 0..10 {
        let name = format!("lunar-{number}");
        world
            .create(OWNER, json!({"name": name, "labels": {LABEL: "lunar"}}))
            .await
            .expect("created");
        create(&world, OWNER, &name, pod("web", &json!({}))).await.expect("a Pod");
    }
    let outside: Vec<_> = placements(&world, "lunar-")
        .await
        .into_iter()
        .filter(|(_, node)| !node.starts_with("lunar-"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    pods_that_wait(&world).await;
}

/// Where the policy holds Pods, a Pod of a namespace that is not ready waits at landlord's gate.
/// Nobody but the controller takes it away, with the guard beside the policy and without it; nor
/// does anybody leave a gate of one's own with the selector of another pool.
async fn pods_that_wait(world: &World) {
    let more = json!({"onUnready": "hold"});
    apply_policy(&world.client(ADMIN), &shipped_for_pods(more)).await.expect("active");
    let trial = PostParams { dry_run: true, ..PostParams::default() };
    let tried = async || {
        pods(world, OWNER, "early").create(&trial, &pod("trial", &json!({}))).await.is_ok()
    };
    eventually("Pods that wait", tried).await;
    let own = json!({"schedulingGates": [{"name": "example.com/quota"}]});
    for (name, spec, gates) in [("held", json!({}), 1), ("gated", own.clone(), 2)] {
        let made = create(world, OWNER, "early", pod(name, &spec)).await.expect("a Pod");
        let found = made.spec.and_then(|spec| spec.scheduling_gates).unwrap_or_default();
        assert_eq!(found.last().map(|gate| gate.name.as_str()), Some(GATE), "{name}");
        assert_eq!(found.len(), gates, "{name}");
    }
    let named = create(world, OWNER, "early", pod("named", &json!({"nodeName": "solar-1"}))).await;
    assert_eq!(named.map_err(|refused| refused.code), Err(403));
    create(world, OWNER, "web", pod("gated", &own)).await.expect("a Pod");
    let elsewhere =
        json!({"nodeSelector": {"pool": "lunar"}, "schedulingGates": own["schedulingGates"]});
    let refused = create(world, OWNER, "web", pod("elsewhere", &elsewhere)).await.expect_err("403");
    assert_eq!(refused.code, 403);

    gates_that_are_left(world).await;
    let settings = json!({"excludedNamespaces": ["kube-*"], "guard": {"scope": "labelled"}, "pods": {"place": true, "onUnready": "hold"}});
    world.cluster.apply(&beside(&settings)).await.expect("a guard that the API server takes");
    let bare = json!({"metadata": {"name": "bare"}, "spec": {"nodeName": "solar-1", "containers": [{"name": "web", "image": "web"}]}});
    let bare: Pod = serde_json::from_value(bare).expect("a Pod");
    let forced = async || {
        let answer = pods(world, OWNER, "web").create(&trial, &bare).await;
        answer.is_err_and(|error| error.to_string().contains("names its node"))
    };
    eventually("the guard in force", forced).await;
    create(world, OWNER, "early", pod("beside", &json!({}))).await.expect("it waits");
    gates_that_are_left(world).await;
}

/// The guard for a cluster without MutatingAdmissionPolicies, beside the policy.
fn beside(settings: &Value) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.json");
    fs::write(&file, settings.to_string()).expect("written");
    let guard = Command::new(crate::landlord::binary())
        .args(["render", "guard", "--kubernetes=1.34", "--beside-webhook", "--on-unready=hold"])
        .arg(format!("--settings={}", file.display()))
        .output()
        .expect("landlord runs");
    assert!(guard.status.success(), "{}", String::from_utf8_lossy(&guard.stderr));
    String::from_utf8(guard.stdout).expect("text")
}

async fn gates_that_are_left(world: &World) {
    let trial = PatchParams { dry_run: true, ..PatchParams::default() };
    let ungate = Patch::Merge(json!({"spec": {"schedulingGates": null}}));
    for name in ["held", "gated"] {
        let answer = pods(world, OWNER, "early").patch(name, &trial, &ungate).await;
        let refused = refusal(answer).expect_err("the namespace is not ready");
        assert_eq!(refused.code, 403, "{name}: {}", refused.message);
        assert!(refused.message.contains("namespace early is not ready"), "{}", refused.message);
    }
    let freed = pods(world, OWNER, "web").patch("gated", &trial, &ungate).await.expect("ready");
    assert_eq!(selector(&freed)["pool"], "solar");
}

/// A claim to a tenant that is yet to come says nothing of where Pods belong.
async fn namespaces_that_are_not_ready(world: &World) {
    let mut policy = shipped("landlord");
    policy["spec"]["settings"] = json!({"unknownTenant": "allow"});
    apply_policy(&world.client(ADMIN), &policy.to_string()).await.expect("active");
    world
        .create(OWNER, json!({"name": "early", "labels": {LABEL: "later"}}))
        .await
        .expect("created");
    let refused = create(world, OWNER, "early", pod("web", &json!({})))
        .await
        .expect_err("it could be anywhere");
    assert_eq!(refused.code, 403);
    let wanted =
        "namespace early is not ready: landlord has yet to write what tenant later wants on it";
    assert!(refused.message.contains(wanted), "{}", refused.message);
}

/// Their annotation counts as with the plugin. In excluded ones Pods stay as they are.
async fn namespaces_of_nobody(world: &World) {
    let annotated = |name: &str| json!({"name": name, "annotations": {NODE_SELECTOR: "disk=ssd"}});
    for (name, excluded) in [("free", false), ("kubewarden", true)] {
        world.create(ADMIN, annotated(name)).await.expect("created");
        let made = create(world, OWNER, name, pod("web", &json!({}))).await.expect("a Pod");
        assert_eq!(selector(&made).is_empty(), excluded, "{name}");
    }
}

/// The owner reference is anybody's to write.
async fn daemon_sets(world: &World) {
    let owner = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "1", "controller": true}]);
    for (user, left_out) in [(DAEMON_SETS, true), (OWNER, false)] {
        let mut agent =
            pod(&format!("agent-of-{}", if left_out { "daemon-sets" } else { user }), &json!({}));
        agent.metadata.owner_references = serde_json::from_value(owner.clone()).expect("an owner");
        let made = create(world, user, "web", agent).await.expect("a Pod");
        assert_eq!(selector(&made).is_empty(), left_out, "{user}");
    }
}
