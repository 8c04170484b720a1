//! Selectors of the webhook: none may leave out what the creator of a namespace decides on. The
//! policy as it is shipped has none; the doctor finds those that others write.

use std::process::Command;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Error;
use kube::api::{Api, Patch, PatchParams, PostParams};
use local_cluster::kubewarden::{Naming, apply_policy};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{Cluster, User};
use rstest::rstest;
use serde_json::{Value, json};
use test_support::health::examine;
use test_support::policy::{shipped, start_named};

use super::world::{GATE, LEDGER, World, eventually};
use crate::compiled::{policy_host, wasm};
use crate::landlord::{binary, start_policy};

const STRANGER: &str = "mallory";
/// Has every right, and owns nothing.
const OPERATOR: &str = "operator";
const METADATA_NAME: &str = "kubernetes.io/metadata.name";

const OPERATORS_RIGHTS: &str = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: operator}, \
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}, \
    subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: operator}]}";

async fn world() -> World {
    let builder = Cluster::builder()
        .user(User::member(STRANGER, ["strangers"]))
        .user(User::new(OPERATOR, [""; 0]));
    let world = World::on(builder, "landlord").await;
    for yaml in [MEMBERS_RIGHTS, OPERATORS_RIGHTS] {
        world.cluster.apply(yaml).await.expect("rights");
    }
    world.set_settings(&json!({"tenantSource": "landlord", "unclaimed": "reject"}));
    let owners = json!([{"kind": "Group", "name": "solar-admins"}]);
    world.set_tenant("solar", json!({"owners": owners, "nodeSelector": {"pool": "solar"}})).await;
    world
}

async fn create(world: &World, dry_run: bool, metadata: Value) -> Result<Namespace, Error> {
    let api: Api<Namespace> = Api::all(world.cluster.client(STRANGER).expect("a client"));
    let body = serde_json::from_value(json!({"metadata": metadata})).expect("a namespace");
    api.create(&PostParams { dry_run, ..PostParams::default() }, &body).await
}

/// Namespaces for which Kubewarden's own selector is forged: one of nobody, and one of a foreign
/// tenant with a ledger.
fn forged() -> [Value; 2] {
    [
        json!({"generateName": "free-", "labels": {METADATA_NAME: "kubewarden"}}),
        json!({"generateName": "stolen-", "labels": {METADATA_NAME: "kubewarden", "landlord.dev/tenant": "solar"},
               "annotations": {LEDGER: r#"{"tenant":"solar"}"#}}),
    ]
}

async fn webhook_check(world: &World) -> (String, String) {
    examine(world, ADMIN, "").await.0["webhook"][0].clone()
}

/// What Azure's enforcer writes into every webhook configuration.
async fn add_azures_selector(world: &World) {
    let api: Api<MutatingWebhookConfiguration> =
        Api::all(world.cluster.client(ADMIN).expect("a client"));
    let expressions = json!([{"key": "control-plane", "operator": "DoesNotExist"}]);
    let patch = json!([{"op": "add", "path": "/webhooks/0/namespaceSelector", "value": {"matchExpressions": expressions}}]);
    let patch: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
    api.patch("kw.cap.landlord", &PatchParams::default(), &Patch::<()>::Json(patch))
        .await
        .expect("patched");
}

#[tokio::test]
async fn a_selector_that_a_creator_can_miss_is_found() {
    let mut world = world().await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    for metadata in forged() {
        let refused = create(&world, false, metadata.clone()).await.expect_err("the policy judges");
        assert!(
            matches!(&refused, Error::Api(status) if status.code == 403
                && status.message.contains("kw.cap.landlord.kubewarden.admission")),
            "{metadata}: {refused}"
        );
    }
    let (state, what) = webhook_check(&world).await;
    assert_eq!(state, "ok", "{what}");

    // As it was written before: Kubewarden leaves its own namespace out by a label.
    let mut older = shipped("landlord");
    older["spec"]["allowInsideAdmissionControllerNamespace"] = json!(false);
    let admin = world.cluster.admin().expect("a client");
    apply_policy(&admin, &older.to_string()).await.expect("an active policy");
    let missed = async || {
        let (state, what) = webhook_check(&world).await;
        state == "wrong" && what.contains("kubernetes.io/metadata.name NotIn [\"kubewarden\"]")
    };
    eventually("the doctor finds Kubewarden's selector", missed).await;
    for metadata in forged() {
        create(&world, true, metadata).await.expect("nobody is asked");
    }

    apply_policy(&admin, &shipped("landlord").to_string()).await.expect("an active policy");
    eventually("no selector", async || webhook_check(&world).await.0 == "ok").await;
    add_azures_selector(&world).await;
    let missed = async || {
        let (state, what) = webhook_check(&world).await;
        state == "wrong" && what.contains("control-plane DoesNotExist")
    };
    eventually("the doctor finds Azure's selector", missed).await;
    the_guard_holds_pods(&world).await;
}

/// With scope `all`, a namespace that the webhook was not asked about is not ready.
async fn the_guard_holds_pods(world: &World) {
    world.set_settings(
        &json!({"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}),
    );
    let settings = world.cluster.file("settings.yaml");
    let rendered = Command::new(binary())
        .args(["render", "guard", "--settings"])
        .arg(settings)
        .output()
        .expect("the guard");
    let guard = String::from_utf8(rendered.stdout).expect("text");
    world.cluster.apply(&guard).await.expect("a guard that the API server takes");
    let azures = json!({"control-plane": "true"});
    let mut claimed = azures.clone();
    claimed["landlord.dev/tenant"] = json!("solar");
    for (name, labels) in [("escaped", azures), ("stolen", claimed)] {
        let made = create(world, false, json!({"name": name, "labels": labels})).await;
        let annotations = made.expect("nobody is asked").metadata.annotations.unwrap_or_default();
        assert!(!annotations.contains_key(LEDGER), "{annotations:?}");
        let api: Api<Pod> =
            Api::namespaced(world.cluster.client(STRANGER).expect("a client"), name);
        let pod = json!({"metadata": {"name": "web"}, "spec": {"nodeSelector": {"pool": "solar"}, "containers": [{"name": "web", "image": "web"}]}});
        let pod: Pod = serde_json::from_value(pod).expect("a Pod");
        let trial = PostParams { dry_run: true, ..PostParams::default() };
        let held = async || {
            let gates =
                api.create(&trial, &pod).await.ok().and_then(|pod| pod.spec?.scheduling_gates);
            gates.into_iter().flatten().any(|gate| gate.name == GATE)
        };
        eventually(&format!("a Pod in {name} is held"), held).await;
    }
}

/// Both generations of Kubewarden's names are landlord's.
#[rstest]
#[tokio::test]
async fn the_webhook_is_known_by_either_name(
    #[values(Naming::Clusterwide, Naming::KwCap)] naming: Naming,
) {
    let mut world = world().await;
    world.policy =
        Some(start_named(&world.cluster, "landlord", policy_host(), wasm(), naming).await);
    let name = naming.unique_name("landlord");
    let (state, what) = examine(&world, OPERATOR, "").await.0["webhook"][0].clone();
    assert_eq!(state, "ok", "{what}");
    assert!(what.contains("lets you claim none") && what.contains(&name), "{what}");
}
