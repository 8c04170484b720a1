//! Claims made while no webhook is asked: what a creator brings along counts for nothing, and who
//! the creator was is on record.

use http::{Method, Request};
use k8s_openapi::api::core::v1::Namespace;
use local_cluster::user::ADMIN;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::world::{LEDGER, NODE_SELECTOR, World, eventually};
use super::stage::{OPERATOR, OWNER, STRANGER, Stage, builder, is_held, ledger, selector};
use crate::landlord::run;

fn creator(namespace: &Namespace) -> Value {
    let annotations = namespace.metadata.annotations.clone().unwrap_or_default();
    serde_json::from_str(&annotations["landlord.dev/creator"]).expect("JSON")
}

/// landlord's own annotations, without the stamp.
fn own(namespace: &Namespace) -> Vec<String> {
    let annotations = namespace.metadata.annotations.clone().unwrap_or_default();
    annotations
        .into_keys()
        .filter(|key| key.starts_with("landlord.dev/") && key != "landlord.dev/creator")
        .collect()
}

fn forged(name: Value) -> Value {
    let annotations = json!({LEDGER: ledger("solar"), NODE_SELECTOR: "pool=solar", "landlord.dev/unclaimed": "true", "note": "mine",
                             "landlord.dev/creator": r#"{"username":"admin","groups":["system:masters"]}"#});
    let mut metadata =
        json!({"labels": {"landlord.dev/tenant": "solar"}, "annotations": annotations});
    name.as_object().expect("a name").iter().for_each(|(key, value)| metadata[key] = value.clone());
    metadata
}

#[tokio::test]
async fn a_creator_is_stamped_and_nothing_forged_counts() {
    let mut stage = Stage::new(builder(), "landlord", "").await;
    let stamp = json!({"username": STRANGER, "groups": ["strangers", "tenant-members", "system:authenticated"]});
    for name in [json!({"name": "forged"}), json!({"generateName": "forged-"})] {
        let made = stage.create(STRANGER, forged(name)).await.expect("created");
        assert_eq!((creator(&made), own(&made)), (stamp.clone(), Vec::new()));
        assert_eq!(made.metadata.annotations.as_ref().expect("annotations")["note"], "mine");
        let pod = stage
            .pod(STRANGER, made.metadata.name.as_deref().expect("a name"), "web", json!({}))
            .await
            .expect("it waits");
        assert!(is_held(&pod));
    }
    let bare = stage.create(STRANGER, json!({"name": "bare"})).await.expect("created");
    assert_eq!(creator(&bare), stamp);
    by_server_side_apply(&stage).await;
    by_somebody_with_a_strange_name(&stage).await;
    an_unclaimed_namespace_stays_so(&stage).await;
    excluded_names(&stage).await;
    let custom =
        json!({"apiVersion": "example.com/v1", "kind": "Project", "nodeSelector": "$.spec.pool"});
    for source in [json!({"inline": []}), json!({"custom": custom})] {
        stage.settings["tenantSource"] = source;
        stage.install("--place").await;
    }
}

/// The stamp is JSON whatever the name.
async fn by_somebody_with_a_strange_name(stage: &Stage) {
    let (user, group) = (r#"x"y\z'{},"#, r#"g"],"username":"admin"#);
    let request = Request::post("/api/v1/namespaces")
        .header("Content-Type", "application/json")
        .header("Impersonate-User", user);
    let request =
        request.header("Impersonate-Group", group).header("Impersonate-Group", "tenant-members");
    let body = json!({"metadata": {"name": "strange"}}).to_string().into_bytes();
    let answer =
        stage.client(ADMIN).request::<Namespace>(request.body(body).expect("a request")).await;
    let groups = json!([group, "tenant-members", "system:authenticated"]);
    assert_eq!(creator(&answer.expect("created")), json!({"username": user, "groups": groups}));
}

/// A creator can send `deletionTimestamp`, which the API server wipes afterwards, or keeps (1.36).
async fn by_server_side_apply(stage: &Stage) {
    let mut metadata = forged(json!({"name": "applied"}));
    metadata["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    let path = "/api/v1/namespaces/applied?fieldManager=x&force=true";
    stage
        .send(STRANGER, Method::PATCH, path, "application/apply-patch+yaml", &body)
        .await
        .expect("created");
    let made = stage.get("applied").await;
    assert_eq!((creator(&made)["username"].clone(), own(&made)), (json!(STRANGER), vec![]));
    metadata.as_object_mut().expect("an object").remove("deletionTimestamp");
    metadata["labels"]["landlord.dev/tenant"] = json!("lunar");
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    let refused = stage
        .send(STRANGER, Method::PATCH, path, "application/apply-patch+yaml", &body)
        .await
        .expect_err("sealed");
    assert!(refused.message.contains("labels landlord.dev/tenant; annotations"), "{refused:?}");
    let made = stage.get("applied").await;
    assert_eq!(
        (made.metadata.labels.clone().expect("labels")["landlord.dev/tenant"].as_str(), own(&made)),
        ("solar", vec![])
    );
}

async fn an_unclaimed_namespace_stays_so(stage: &Stage) {
    let claim = json!({"labels": {"landlord.dev/tenant": "solar"}, "annotations": {LEDGER: ledger("solar"), NODE_SELECTOR: "pool=solar"}});
    let refused = stage.patch(OWNER, "bare", claim.clone()).await.expect_err("sealed");
    assert!(refused.message.contains("labels landlord.dev/tenant"), "{refused:?}");
    let bare = stage.get("bare").await;
    let label = bare.metadata.labels.as_ref().and_then(|all| all.get("landlord.dev/tenant"));
    assert_eq!((label, own(&bare)), (None, vec![]));
    let after = stage.patch(ADMIN, "bare", claim).await.expect("written");
    assert_eq!(after.metadata.labels.expect("labels")["landlord.dev/tenant"], "solar");
}

async fn excluded_names(stage: &Stage) {
    for name in [
        json!({"name": "kube-evil"}),
        json!({"generateName": "kube-"}),
        json!({"name": "landlord"}),
    ] {
        let refused = stage.create(STRANGER, name).await.expect_err("excluded");
        assert_eq!(
            (refused.code, refused.message.contains("excluded from tenancy")),
            (403, true),
            "{}",
            refused.message
        );
    }
    stage.create(ADMIN, json!({"name": "kube-good"})).await.expect("an admin may");
    stage.create(OPERATOR, json!({"name": "kube-operated"})).await.expect("so may an operator");
    stage.create(STRANGER, json!({"name": "not-kube-evil"})).await.expect("another name");
}

/// The controller judges claims by the stamp: a tenant that came later does not adopt its
/// squatters' namespaces.
#[tokio::test]
async fn a_squatter_gets_nothing() {
    let stage = Stage::new(builder(), "landlord", "").await;
    let Stage { mut world, settings } = stage;
    world.set_settings(&settings);
    world.add_controller("one").await;
    let stage = Stage { world, settings };
    for (name, user) in [("squatted", STRANGER), ("owned", OWNER)] {
        stage
            .create(user, json!({"name": name, "labels": {"landlord.dev/tenant": "solar"}}))
            .await
            .expect("created");
        assert!(is_held(&stage.pod(user, name, "early", json!({})).await.expect("it waits")));
    }
    let owners = json!([{"kind": "Group", "name": "solar-admins"}]);
    stage
        .world
        .set_tenant("solar", json!({"owners": owners, "nodeSelector": {"pool": "solar"}}))
        .await;
    stage.world.comes_to("owned", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    assert_eq!(
        selector(&stage.passing_pod(OWNER, "owned", "late", json!({})).await),
        ["pool=solar"]
    );

    let unverified =
        |world: &World| world.log("one").contains("namespace=\"squatted\" reason=\"Unverified\"");
    eventually("the report", async || unverified(&stage.world)).await;
    assert!(is_held(&stage.pod(STRANGER, "squatted", "late", json!({})).await.expect("it waits")));
    assert_eq!(own(&stage.get("squatted").await), [""; 0]);

    // An admin may let it in.
    let cluster = &stage.world.cluster;
    let (kubeconfig, settings) = (cluster.kubeconfig_of(ADMIN), cluster.file("settings.yaml"));
    let words = format!(
        "adopt squatted --kubeconfig={} --settings={}",
        kubeconfig.display(),
        settings.display()
    );
    let adopted = tokio::task::spawn_blocking(move || run(&words)).await.expect("the command");
    assert_eq!((adopted.code, adopted.err.as_str()), (Some(0), ""));
    stage.passing_pod(STRANGER, "squatted", "adopted", json!({})).await;
}

/// A webhook that nobody answers, and that lets everything pass then.
const DEAD_WEBHOOK: &str = r#"{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: clusterwide-landlord},
  webhooks: [{name: clusterwide-landlord.kubewarden.admission, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore, timeoutSeconds: 2,
  clientConfig: {url: "https://127.0.0.1:1/"}, rules: [{apiGroups: [""], apiVersions: [v1], resources: [namespaces], operations: [CREATE, UPDATE]}]}]}"#;

/// Namespaces of a stranger, what a Pod in them says, and what the controller says of them.
fn forgeries() -> Vec<(Value, Value, &'static str)> {
    let reference = json!([{"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "name": "solar", "uid": "0"}]);
    let foreign = json!({"nodeSelector": {"pool": "solar"}});
    let mut marked = forged(json!({"name": "marked"}));
    marked["labels"] = json!({});
    vec![
        (
            json!({"name": "by-label", "labels": {"landlord.dev/tenant": "solar"}}),
            json!({}),
            "Unverified",
        ),
        (forged(json!({"name": "by-ledger"})), json!({}), "Unverified"),
        (json!({"name": "by-owner", "ownerReferences": reference}), json!({}), "Unverified"),
        (json!({"name": "solar-by-prefix"}), json!({}), "Unverified"),
        (
            json!({"name": "by-nobody", "labels": {"landlord.dev/tenant": "nobody"}}),
            foreign.clone(),
            "UnknownTenant",
        ),
        (json!({"name": "free"}), foreign.clone(), "Unclaimed"),
        (
            json!({"name": "annotated", "annotations": {NODE_SELECTOR: "pool=solar"}}),
            json!({}),
            "Unclaimed",
        ),
        (marked, foreign, "Unclaimed"),
    ]
}

async fn node(stage: &Stage, namespace: &str, pod: &str) -> Option<String> {
    stage.get_pod(namespace, pod).await.spec.and_then(|spec| spec.node_name)
}

/// Whatever a namespace claims, or does not, it opens no pool that its maker does not own: not
/// before the controller has seen it, and not afterwards.
#[rstest]
#[case::no_webhook(None)]
#[case::a_dead_webhook(Some(DEAD_WEBHOOK))]
#[tokio::test]
async fn no_forged_claim_opens_a_pool(#[case] webhook: Option<&str>) {
    let mut stage = Stage::new(builder(), "landlord", "").await;
    stage.settings["guard"] = json!({"scope": "all"});
    stage.settings["unclaimed"] = json!("reject");
    stage.settings["identify"] = json!([{"ownerReference": {"group": "landlord.dev", "kind": "Tenant"}}, {"namePrefix": {}}]);
    stage.install("").await;
    if let Some(webhook) = webhook {
        stage.world.cluster.apply(webhook).await.expect("a webhook");
    }
    stage.world.set_settings(&stage.settings);
    let owners = json!([{"kind": "Group", "name": "solar-admins"}]);
    let spec = json!({"owners": owners, "nodeSelector": {"pool": "solar"}, "namespaces": {"prefixes": ["solar-"]}});
    stage.world.set_tenant("solar", spec).await;
    for (metadata, spec, _) in forgeries() {
        stage.create(STRANGER, metadata.clone()).await.expect("created");
        let pod = stage
            .pod(STRANGER, metadata["name"].as_str().expect("a name"), "early", spec)
            .await
            .expect("it waits");
        assert!(is_held(&pod), "{metadata}");
    }
    stage.create(OWNER, json!({"name": "solar-own"})).await.expect("created");
    stage.pod(OWNER, "solar-own", "early", json!({})).await.expect("it waits");
    stage.create(ADMIN, json!({"name": "admins"})).await.expect("created");
    stage.world.flags = vec!["--release-pods"];
    stage.world.add_controller("one").await;
    good_namespaces(&stage).await;
    for (metadata, spec, reason) in forgeries() {
        let name = metadata["name"].as_str().expect("a name");
        let report = format!("namespace=\"{name}\" reason=\"{reason}\"");
        eventually("the report", async || stage.world.log("one").contains(&report)).await;
        assert!(
            is_held(&stage.pod(STRANGER, name, "late", spec).await.expect("it waits")),
            "{name}"
        );
        assert_eq!(own(&stage.get(name).await), [""; 0], "{name}");
    }
    // What comes last is placed; so what came before and could be placed is.
    stage.pod(OWNER, "solar-own", "last", json!({})).await.expect("created");
    eventually("the last Pod", async || node(&stage, "solar-own", "last").await.is_some()).await;
    for (metadata, ..) in forgeries() {
        let name = metadata["name"].as_str().expect("a name");
        assert_eq!(
            (node(&stage, name, "early").await, node(&stage, name, "late").await),
            (None, None),
            "{name}"
        );
    }
}

/// Namespaces of those who may have them: the Pod that waited is placed in the pool, and later ones
/// do not wait.
async fn good_namespaces(stage: &Stage) {
    for name in ["solar-own", "admins", "probe-free"] {
        stage.passing_pod(STRANGER, name, "late", json!({})).await;
    }
    for pod in ["early", "late"] {
        eventually("a node", async || {
            node(stage, "solar-own", pod).await.is_some_and(|node| node.starts_with("solar-"))
        })
        .await;
        assert_eq!(selector(&stage.get_pod("solar-own", pod).await), ["pool=solar"]);
    }
}
