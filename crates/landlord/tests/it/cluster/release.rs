//! `landlord release --all`: what is left of landlord in a cluster after controller, guard, holds
//! and a strategy have been at work.

use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use local_cluster::kubewarden::DEFINITION as POLICY_DEFINITION;
use local_cluster::process::Program;
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node, Process};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::commands::landlord;
use super::world::{GATE, NODE_SELECTOR, World, eventually};
use crate::landlord::binary;

/// Keys of landlord's own, and those that the tenant `solar` gives.
fn traces(labels: &super::world::Map, annotations: &super::world::Map) -> Vec<String> {
    let given = |key: &&String| {
        key.starts_with("landlord.dev/") || [NODE_SELECTOR, "cost-center"].contains(&key.as_str())
    };
    labels.keys().chain(annotations.keys()).filter(given).cloned().collect()
}

impl World {
    /// What landlord has left on any namespace.
    async fn traces(&self) -> Vec<(String, Vec<String>)> {
        let list = self.namespaces().list(&ListParams::default()).await.expect("namespaces");
        let found =
            list.into_iter().map(|one| (one.name_any(), traces(one.labels(), one.annotations())));
        found.filter(|(_, keys)| !keys.is_empty()).collect()
    }

    fn dynamic(&self, group: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(group, "v1", kind);
        Api::all_with(
            self.cluster.client(ADMIN).expect("a client"),
            &ApiResource::from_gvk_with_plural(&kind, plural),
        )
    }

    /// Objects of the guard.
    async fn guard_objects(&self) -> Vec<String> {
        let mut found = Vec::new();
        for kind in ["MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"] {
            for (kind, plural) in [
                (kind.to_owned(), kind.to_lowercase().replace("policy", "policies")),
                (format!("{kind}Binding"), format!("{}bindings", kind.to_lowercase())),
            ] {
                let list = self
                    .dynamic("admissionregistration.k8s.io", &kind, &plural)
                    .list(&ListParams::default())
                    .await
                    .expect("objects");
                found.extend(
                    list.into_iter()
                        .map(|object| object.name_any())
                        .filter(|name| name.starts_with("landlord-guard")),
                );
            }
        }
        found
    }

    async fn policy(&self) -> Option<DynamicObject> {
        let api = self.dynamic(
            "policies.kubewarden.io",
            "ClusterAdmissionPolicy",
            "clusteradmissionpolicies",
        );
        api.get_opt("landlord").await.expect("an answer")
    }

    /// Creates a Pod that the guard holds, for as long as nobody releases it: no such tenant is
    /// there.
    async fn hold_by_guard(&self, namespace: &str, name: &str) {
        // The API server takes a moment to put a policy in force, and the one that refuses may come
        // before the one that holds.
        eventually("a guard that holds", async || self.would_be_held(namespace).await).await;
        self.create_pod(namespace, name, &[], json!({})).await;
        assert_eq!(self.gates(namespace, name).await, [GATE]);
    }

    /// As a strategy and a pin leave it.
    async fn add_touched_policy(&self) {
        let own = json!({"name": "own", "expression": "true"});
        let policy = json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": {"name": "landlord",
            "annotations": {"landlord.dev/strategy": "controller", "landlord.dev/strategy-pin": "controller"}},
            "spec": {"module": "none", "rules": [], "mutating": true, "settings": {},
                     "matchConditions": [own, {"name": "landlord-strategy", "expression": "false"}]}});
        self.cluster.apply(&policy.to_string()).await.expect("a policy");
    }
}

/// A world in which everything of landlord's has been at work, and its controller runs.
async fn world() -> World {
    let mut world = World::on(Cluster::builder(), "landlord").await;
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("nodes");
    let settings = json!({"tenantSource": "landlord", "identify": [{"label": "landlord.dev/tenant"}, {"namePrefix": {"separator": "-", "segments": 1}}]});
    world.set_settings(&settings);
    world.cluster.apply(POLICY_DEFINITION).await.expect("the kind");
    world.flags = vec!["--guard"];
    world.add_controller("one").await;
    let solar = json!({"nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711"}, "namespaces": {"prefixes": ["solar-"]}});
    world.set_tenant("solar", solar).await;
    world.set_tenant("lunar", json!({"labels": {"cost-center": "9"}, "release": "restore"})).await;
    world.create("web", "solar", json!({"own": "key"})).await;
    world.create_bare("solar-shop", json!({})).await;
    world.create("old", "lunar", json!({"cost-center": "before"})).await;
    world.create("orphan", "nobody", json!({})).await;
    eventually("three ledgers", async || {
        let mut ledgers = true;
        for name in ["web", "solar-shop", "old"] {
            ledgers &= !world.ledger(name).await.is_empty();
        }
        ledgers
    })
    .await;
    eventually("the guard", async || world.guard_objects().await.len() >= 10).await;
    world
}

#[tokio::test]
async fn nothing_is_left_on_any_namespace() {
    let mut world = world().await;
    world.hold_by_guard("orphan", "held").await;

    nothing_is_changed_before_it_may_be(&mut world).await;

    let released = landlord(&world, "release --all --yes --free-pods").await;
    assert_eq!(released.code, Some(0), "{}{}", released.out, released.err);
    assert_eq!(
        world.traces().await,
        [("old".to_owned(), vec!["cost-center".to_owned()])],
        "what lunar's rule restores"
    );
    assert_eq!(world.metadata("old").await.0["cost-center"], "before");
    assert_eq!(world.metadata("web").await.0["own"], "key");
    assert_eq!(world.guard_objects().await, Vec::<String>::new());
    assert_eq!(world.gates("orphan", "held").await, Vec::<String>::new());
    the_policy_and_the_lease_are_free(&world, &released.out).await;
    the_rest_goes_as_well(&world).await;
}

async fn nothing_is_changed_before_it_may_be(world: &mut World) {
    let refused = landlord(world, "release --all --yes --free-pods").await;
    assert!(
        refused.code == Some(1) && refused.err.contains("a controller runs"),
        "{}{}",
        refused.out,
        refused.err
    );
    assert!(
        !world.ledger("web").await.is_empty() && world.guard_objects().await.len() >= 10,
        "nothing was changed"
    );
    let unasked = landlord(world, "release --all --free-pods").await;
    assert!(unasked.code == Some(1) && unasked.err.contains("--yes"), "{}", unasked.err);

    world.end_controller(0, Signal::SIGTERM).await;
    world.add_touched_policy().await;
    let refused = landlord(world, "release --all --yes").await;
    let words = "Pod orphan/held: tenant \"nobody\" does not exist";
    assert!(
        refused.code == Some(1)
            && refused.err.contains(words)
            && refused.err.contains("--free-pods"),
        "{}",
        refused.err
    );
    assert!(
        !world.ledger("web").await.is_empty() && world.gates("orphan", "held").await == [GATE],
        "nothing was changed"
    );
    let dry = landlord(world, "release --all --free-pods --dry-run=server").await;
    assert!(
        dry.code == Some(0)
            && dry.out.contains("nothing was changed")
            && dry.out.contains("1 held Pods"),
        "{}{}",
        dry.out,
        dry.err
    );
    assert!(
        !world.ledger("web").await.is_empty() && world.guard_objects().await.len() >= 10,
        "a dry run changes nothing"
    );
}

async fn the_policy_and_the_lease_are_free(world: &World, out: &str) {
    let policy = world.policy().await.expect("the policy");
    assert_eq!(
        policy.data["spec"]["matchConditions"],
        json!([{"name": "own", "expression": "true"}])
    );
    assert!(
        policy.annotations().keys().all(|key| !key.starts_with("landlord.dev/")),
        "{:?}",
        policy.annotations()
    );
    assert!(out.contains("Lease landlord/landlord-controller is deleted"), "{out}");
    let leases: Api<Lease> =
        Api::namespaced(world.cluster.client(ADMIN).expect("a client"), "landlord");
    assert_eq!(leases.list(&ListParams::default()).await.expect("leases").items, []);
    assert!(out.contains("--with-policy") && out.contains("--with-crds"), "{out}");
}

async fn the_rest_goes_as_well(world: &World) {
    // Again, and the rest as well.
    let all = landlord(world, "release --all --yes --with-policy --with-crds -o json").await;
    let report: Value = serde_json::from_str(&all.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", all.out, all.err));
    assert_eq!(
        (all.code, &report["namespaces"], &report["failed"]),
        (Some(0), &json!(0), &json!([]))
    );
    assert!(world.policy().await.is_none());
    eventually("no tenants", async || {
        let kind = GroupVersionKind::gvk("landlord.dev", "v1alpha1", "Tenant");
        kube::discovery::pinned_kind(&world.cluster.client(ADMIN).expect("a client"), &kind)
            .await
            .is_err()
    })
    .await;
}

impl World {
    /// Policies of both sorts, of which the one for Pods is not gone before its finalizer is.
    async fn add_lasting_policies(&self) {
        self.cluster.apply(POLICY_DEFINITION).await.expect("the kind");
        let policy = |name: &str, finalizers: Value, settings: Value| {
            json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": {"name": name, "finalizers": finalizers},
                   "spec": {"module": "none", "rules": [], "mutating": true, "settings": settings}})
        };
        for policy in [
            policy("landlord", json!([]), json!({})),
            policy(
                "landlord-pods",
                json!(["tests.example/stays"]),
                json!({"pods": {"place": true}}),
            ),
        ] {
            self.cluster.apply(&policy.to_string()).await.expect("a policy");
        }
    }

    /// The command as its user types it, up to where it waits for the end of the policy for Pods.
    async fn release_and_wait(&self, log: &str) -> Process {
        let kubeconfig = format!("--kubeconfig={}", self.cluster.kubeconfig().display());
        let program = Program::new(log, binary(), self.cluster.log(log))
            .args(["release", "--all", "--yes", "--with-policy"])
            .arg(kubeconfig);
        let mut process = program.start().expect("it starts");
        let policies = self.dynamic(
            "policies.kubewarden.io",
            "ClusterAdmissionPolicy",
            "clusteradmissionpolicies",
        );
        eventually("one policy is switched off, and the other deleted", async || {
            assert!(process.runs(), "{}", process.last_words());
            let off = self
                .policy()
                .await
                .expect("the policy")
                .annotations()
                .contains_key("landlord.dev/strategy");
            off && policies
                .get("landlord-pods")
                .await
                .expect("the policy")
                .metadata
                .deletion_timestamp
                .is_some()
        })
        .await;
        process
    }
}

/// Ctrl-C, and the same command again, without a file of settings; and a Pod that comes while it is
/// at work.
#[tokio::test]
async fn an_interrupted_release_goes_on() {
    let world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    world.add_lasting_policies().await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    assert_eq!(landlord(&world, "backfill").await.code, Some(0));

    let mut first = world.release_and_wait("first").await;
    first.signal(Signal::SIGINT).expect("it runs");
    eventually("the end", async || !first.runs()).await;
    assert!(!world.ledger("web").await.is_empty(), "no namespace was reached");

    let policies = world.dynamic(
        "policies.kubewarden.io",
        "ClusterAdmissionPolicy",
        "clusteradmissionpolicies",
    );
    let on =
        Patch::Merge(json!({"metadata": {"annotations": null}, "spec": {"matchConditions": null}}));
    policies.patch("landlord", &PatchParams::default(), &on).await.expect("patched");
    let mut second = world.release_and_wait("second").await;
    world.create_pod("web", "late", &[GATE], json!({})).await;
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    policies.patch("landlord-pods", &PatchParams::default(), &free).await.expect("patched");
    eventually("the end", async || !second.runs()).await;
    assert!(
        second.ended().expect("a status").is_some_and(|status| status.success()),
        "{}",
        second.last_words()
    );
    assert_eq!(world.traces().await, []);
    assert_eq!(policies.list(&ListParams::default()).await.expect("policies").items.len(), 0);
    let spec = world.pods("web").get("late").await.expect("the Pod").spec.expect("a spec");
    assert_eq!(
        (json!(spec.node_selector), spec.scheduling_gates),
        (json!({"pool": "solar"}), None)
    );
}

#[tokio::test]
async fn claims_can_stay_and_pods_keep_to_the_pool() {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    world
        .cluster
        .add_nodes([
            Node::new("solar-1").label("pool", "solar"),
            Node::new("lunar-1").label("pool", "lunar"),
        ])
        .await
        .expect("nodes");
    world.add_controller("one").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    world.end_controller(0, Signal::SIGKILL).await;
    world.create_pod("web", "held", &[GATE], json!({})).await;
    // Nobody has reached this one: its tenant says where its Pods belong, and the namespace does
    // not yet.
    world.create("late", "solar", json!({})).await;
    world.create_pod("late", "held", &[GATE], json!({})).await;

    // A controller that was killed has not given up its lease: that is waited for.
    let released = landlord(&world, "release --all --yes --keep-claims").await;
    assert_eq!(released.code, Some(0), "{}{}", released.out, released.err);
    assert_eq!(world.metadata("web").await.0["landlord.dev/tenant"], "solar");
    assert!(world.metadata("web").await.1.is_empty());
    for namespace in ["web", "late"] {
        let spec = world.pods(namespace).get("held").await.expect("the Pod").spec.expect("a spec");
        assert_eq!(
            json!(spec.node_selector),
            json!({"pool": "solar"}),
            "{namespace}: it belongs where its tenant says"
        );
        assert_eq!(spec.scheduling_gates, None, "{namespace}: it is not held");
    }
}

/// No Pod goes into a pool that its namespace's creator may not claim; a dry run says what the run
/// does, and an admin's word settles it.
#[tokio::test]
async fn an_unverified_claim_lets_no_pod_into_the_pool() {
    let world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    let owners = json!([{"kind": "User", "name": "jane"}]);
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}, "owners": owners})).await;
    let stamp = json!({"username": "mallory"}).to_string();
    let stolen = json!({"metadata": {"name": "stolen", "labels": {"landlord.dev/tenant": "solar"},
                                     "annotations": {"landlord.dev/creator": stamp}}});
    world
        .namespaces()
        .create(&Default::default(), &serde_json::from_value(stolen).expect("a namespace"))
        .await
        .expect("created");
    world.create_pod("stolen", "held", &[GATE], json!({})).await;

    let dry = landlord(&world, "release --all --dry-run").await;
    let run = landlord(&world, "release --all --yes").await;
    assert_eq!((dry.code, &dry.err), (run.code, &run.err), "a dry run says what the run does");
    assert_eq!(run.code, Some(1), "{}{}", run.out, run.err);
    for words in ["Pod stolen/held", "may not claim tenant", "landlord adopt"] {
        assert!(run.err.contains(words), "no {words:?} in {}", run.err);
    }
    let spec = world.pods("stolen").get("held").await.expect("the Pod").spec.expect("a spec");
    assert!(spec.scheduling_gates.is_some_and(|gates| gates.len() == 1), "it is held");

    assert_eq!(landlord(&world, "adopt stolen").await.code, Some(0));
    let released = landlord(&world, "release --all --yes").await;
    assert_eq!(released.code, Some(0), "{}{}", released.out, released.err);
    let spec = world.pods("stolen").get("held").await.expect("the Pod").spec.expect("a spec");
    assert_eq!(
        (json!(spec.node_selector), spec.scheduling_gates),
        (json!({"pool": "solar"}), None),
        "an admin has put it there"
    );
}
