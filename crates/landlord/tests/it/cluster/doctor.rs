//! `landlord doctor`: each of its findings, provoked.

use std::fs;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use local_cluster::manifest::api_of;
use local_cluster::user::{ADMIN, CONTROLLER};
use local_cluster::{Cluster, Node, User};
use serde_json::json;

use super::world::{World, eventually};
use crate::landlord::run;
use test_support::health::{PHYSICIAN, PROBE, doctor, examine, guard, landlord};

/// Where nothing is compliant: no guard, no plugin, no webhook, a pool without nodes, a
/// DaemonSet, another writer, no rights.
async fn ailing() -> World {
    let world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    world
        .cluster
        .add_nodes([
            Node::new("lunar-1").label("pool", "lunar"),
            Node::new("solar-1").label("pool", "solar"),
        ])
        .await
        .expect("nodes");
    world
        .set_tenant(
            "solar",
            json!({"nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711"}}),
        )
        .await;
    world.set_tenant("nowhere", json!({"nodeSelector": {"pool": "nowhere"}})).await;
    world.create("web", "solar", json!({})).await;
    if world.namespaces().get_opt(PROBE).await.expect("an answer").is_none() {
        world.create(PROBE, PROBE, json!({})).await;
    }
    landlord(&world, "backfill").await;
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "logs", "namespace": "web"},
        "spec": {"selector": {"matchLabels": {"app": "logs"}}, "template": {"metadata": {"labels": {"app": "logs"}},
                 "spec": {"containers": [{"name": "none", "image": "registry.k8s.io/pause:3.10"}]}}},
    });
    world.cluster.apply(&set.to_string()).await.expect("a DaemonSet");
    let applied = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "labels": {"cost-center": "4711"}}});
    world
        .namespaces()
        .patch("web", &PatchParams::apply("argocd-controller"), &Patch::Apply(applied))
        .await
        .expect("applied");
    let bindings: Api<k8s_openapi::api::rbac::v1::ClusterRoleBinding> =
        Api::all(world.cluster.client(ADMIN).expect("a client"));
    bindings.delete("landlord:controller", &DeleteParams::default()).await.expect("deleted");
    // The API server goes by its deletion a moment later.
    eventually("no rights", async || !may_read_namespaces(&world).await).await;
    world
}

async fn may_read_namespaces(world: &World) -> bool {
    let reviews: Api<SubjectAccessReview> =
        Api::all(world.cluster.client(ADMIN).expect("a client"));
    let question = json!({"spec": {"user": CONTROLLER, "resourceAttributes": {"verb": "get", "resource": "namespaces"}}});
    let answer = reviews
        .create(&PostParams::default(), &serde_json::from_value(question).expect("a review"))
        .await
        .expect("an answer");
    answer.status.is_some_and(|status| status.allowed)
}

#[tokio::test]
async fn each_fault_is_found() {
    let world = ailing().await;
    let (found, code) = examine(&world, ADMIN, "").await;
    assert_eq!(code, Some(2));
    let expected = [
        ("daemon-sets", "DaemonSet web/logs chooses 1 nodes outside pool=solar"),
        ("guard", "it is not installed"),
        ("guard-enforced", "a Pod is let into namespace landlord-guard-probe"),
        ("node-labels", "the label pool of tenants nowhere, solar"),
        ("pod-node-selector", "a Pod in namespace web does not get pool=solar"),
        ("pools", "no node matches pool=nowhere of tenant nowhere"),
        ("rights", "service account landlord:controller may not"),
        ("unclaimed", "the settings allow namespaces that no rule claims"),
        ("webhook", "came back without a ledger"),
        ("writers", "argocd-controller writes managed keys too: cost-center in namespaces web"),
    ];
    for (check, part) in expected {
        let hit = found[check].iter().any(|(state, what)| state == "wrong" && what.contains(part));
        assert!(hit, "{check}: no {part:?} in {:#?}", found[check]);
    }
    assert!(found["rights"][0].1.contains("get namespaces"), "{:?}", found["rights"]);
    assert!(
        found["pools"]
            .iter()
            .any(|(state, what)| state == "ok" && what == "solar: pool=solar matches 1"),
        "{:?}",
        found["pools"]
    );

    half_a_guard_and_a_dead_webhook_are_found(&world).await;
    every_part_is_looked_at(&world).await;
}

async fn half_a_guard_and_a_dead_webhook_are_found(world: &World) {
    world.cluster.apply(guard().split("---\n").next().expect("a policy")).await.expect("a part");
    world.cluster.apply(WEBHOOK).await.expect("a webhook");
    let (found, _) = examine(world, ADMIN, "").await;
    assert_eq!(found["guard"][0].1, "it is not installed", "a policy without a binding");
    // The API server takes a moment to call a webhook.
    eventually("a dead webhook", async || {
        let (state, what) =
            examine(world, ADMIN, "").await.0.remove("webhook").expect("a finding").remove(0);
        state == "wrong" && what.contains("failed calling webhook")
    })
    .await;
    world
        .cluster
        .apply(&guard().split("---\n").take(3).collect::<Vec<_>>().join("---\n"))
        .await
        .expect("a part");
    let (found, _) = examine(world, ADMIN, "").await;
    assert_eq!(
        found["guard"][0].1,
        "parts of it are missing, or not bound: stamp, seal, refusal, references, room, hold, deny, binding",
        "of three objects the first two"
    );
    let table = doctor(world, ADMIN, "").await.out;
    assert!(
        table.contains("  why: ") && table.contains("  fix: `landlord render guard"),
        "{table}"
    );
}

/// What a user changed is found, and a guard that refuses Pods is one although the settings say
/// that they wait.
async fn every_part_is_looked_at(world: &World) {
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "landlord-guard-deny"}});
    let stamp = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "landlord-guard-stamp"}});
    let edits = [
        (
            binding,
            json!({"validationActions": ["Audit"]}),
            "part deny is not the one for these settings: it differs in validationActions",
        ),
        (
            stamp,
            json!({"failurePolicy": "Ignore"}),
            "part stamp is not the one for these settings: it differs in failurePolicy",
        ),
    ];
    for (object, spec, expected) in edits {
        world.cluster.apply(&guard()).await.expect("the guard");
        let (found, _) = examine(world, ADMIN, "").await;
        assert_eq!(found["guard"][0].0, "ok", "{:?}", found["guard"]);
        let object = serde_json::from_value(object).expect("an object");
        let api = api_of(&world.cluster.client(ADMIN).expect("a client"), &object)
            .await
            .expect("the kind");
        let name = object.metadata.name.as_deref().expect("a name");
        api.patch(name, &PatchParams::default(), &Patch::Merge(json!({"spec": spec})))
            .await
            .expect("patched");
        assert_eq!(
            examine(world, ADMIN, "").await.0["guard"][0],
            ("wrong".to_owned(), expected.to_owned())
        );
        // Applying it anew would leave the foreign action beside ours.
        api.delete(name, &DeleteParams::default()).await.expect("deleted");
    }
    world.cluster.apply(&run("render guard --on-unready=deny").out).await.expect("the guard");
    let (found, _) = examine(world, ADMIN, "").await;
    assert_eq!(found["guard"][0].0, "ok", "{:?}", found["guard"]);
}

/// Nobody listens there.
const WEBHOOK: &str = r#"{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: clusterwide-landlord},
  webhooks: [{name: clusterwide-landlord.kubewarden.admission, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Fail, timeoutSeconds: 2,
  clientConfig: {url: "https://127.0.0.1:1/"}, rules: [{apiGroups: [""], apiVersions: [v1], resources: [namespaces], operations: [CREATE]}]}]}"#;

/// Without rights nothing is known, and that is not good.
#[tokio::test]
async fn what_cannot_be_found_out_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("admission.json");
    let plugin = json!({"name": "PodNodeSelector", "configuration": {"podNodeSelectorPluginConfig": {"clusterDefaultNodeSelector": "pool=shared"}}});
    let configuration = json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": [plugin]});
    fs::write(&file, configuration.to_string()).expect("a file");
    let builder = Cluster::builder()
        .user(User::new(PHYSICIAN, [""; 0]))
        .api_server_argument(format!("--admission-control-config-file={}", file.display()));
    let world = World::on(builder, "landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    landlord(&world, "backfill").await;

    let none = doctor(&world, PHYSICIAN, "").await;
    assert!(none.code == Some(1) && none.err.contains("cannot be listed"), "{}", none.err);
    let reader = json!([
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": [
            {"apiGroups": ["", "landlord.dev"], "resources": ["namespaces", "tenants"], "verbs": ["list"]}]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "reader"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
         "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": PHYSICIAN}]},
    ]);
    for object in reader.as_array().expect("a list") {
        world.cluster.apply(&object.to_string()).await.expect("rights");
    }
    let (found, code) = examine(&world, PHYSICIAN, "").await;
    assert_eq!(code, Some(2));
    let unknown = [
        "account",
        "daemon-sets",
        "default-selector",
        "guard",
        "guard-enforced",
        "pod-node-selector",
        "pools",
        "rights",
        "webhook",
    ];
    for check in unknown {
        assert_eq!(found[check][0].0, "unknown", "{check}: {:?}", found[check]);
    }
    let (found, _) = examine(&world, ADMIN, "").await;
    let (state, what) = &found["default-selector"][0];
    assert!(state == "wrong" && what.contains(r#"{"pool": "shared"}"#), "{what}");
}
