//! Edits of what says whose a namespace is and where its Pods run, on every way there is: what is
//! dropped is put back, what is changed or added is refused, and neither leaves a trace.

use http::Method;
use k8s_openapi::api::core::v1::Namespace;
use local_cluster::user::{ADMIN, CONTROLLER};
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::super::world::{LEDGER, NODE_SELECTOR, eventually};
use super::stage::{OWNER, Refusal, STRANGER, Stage, builder, ledger};

const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
const WHITELIST: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

/// How a namespace is written.
const WAYS: [&str; 4] = ["merge patch", "JSON patch", "apply", "replace"];
const PLACES: [&str; 3] = ["", "/status", "/finalize"];

/// What is forged: a merge patch of the metadata.
pub(super) fn forgeries(stage: &Stage) -> Vec<Value> {
    let label = stage.label();
    let annotation = |key: &str, value: Value| json!({"annotations": {key: value}});
    vec![
        json!({"labels": {label: "lunar"}}),
        json!({"labels": {label: null}}),
        json!({"labels": null}),
        json!({"labels": null, "annotations": null, "ownerReferences": null}),
        annotation(LEDGER, json!(ledger("lunar"))),
        annotation(LEDGER, json!(null)),
        annotation(NODE_SELECTOR, json!("pool=lunar")),
        annotation(NODE_SELECTOR, json!("")),
        annotation(NODE_SELECTOR, json!(null)),
        annotation(TOLERATIONS, json!("[]")),
        annotation(WHITELIST, json!("[]")),
        annotation(
            "landlord.dev/creator",
            json!(r#"{"username":"admin","groups":["system:masters"]}"#),
        ),
        annotation("landlord.dev/unclaimed", json!("true")),
        annotation("landlord.dev/tolerations", json!("pool=lunar:NoSchedule")),
        json!({"ownerReferences": [tenant_reference(stage, "lunar")]}),
        json!({"ownerReferences": null}),
    ]
}

fn tenant_reference(stage: &Stage, name: &str) -> Value {
    let api_version = if stage.world.source == "capsule" {
        "capsule.clastix.io/v1beta2"
    } else {
        "landlord.dev/v1alpha1"
    };
    json!({"apiVersion": api_version, "kind": "Tenant", "name": name, "uid": "00000000-0000-0000-0000-000000000001"})
}

/// What must not change.
fn sealed(stage: &Stage, namespace: &Namespace) -> (Map<String, Value>, Map<String, Value>, Value) {
    let metadata = serde_json::to_value(&namespace.metadata).expect("JSON");
    let keep = |field: &str, sealed: &dyn Fn(&str) -> bool| {
        let entries = metadata[field].as_object().cloned().unwrap_or_default();
        entries.into_iter().filter(|(key, _)| sealed(key)).collect::<Map<_, _>>()
    };
    let labels = keep("labels", &|key| key == stage.label());
    let annotations = keep("annotations", &|key| {
        key.starts_with("landlord.dev/") || key.starts_with("scheduler.alpha")
    });
    (labels, annotations, metadata["ownerReferences"].clone())
}

async fn victim(stage: &Stage, name: &str) -> Namespace {
    stage.ready(name, "solar").await;
    let owner = json!({"ownerReferences": [tenant_reference(stage, "solar")]});
    stage.patch(ADMIN, name, owner).await.expect("patched");
    stage.get(name).await
}

/// Writes the forged namespace.
async fn attack(
    stage: &Stage,
    user: &str,
    name: &str,
    forgery: &Value,
    way: &str,
    place: &str,
) -> Result<Value, Refusal> {
    let mut forged = serde_json::to_value(stage.get(name).await).expect("JSON");
    merge(&mut forged["metadata"], forgery);
    let metadata = forged["metadata"].clone();
    let path = format!("/api/v1/namespaces/{name}{place}");
    let parts = || {
        ["labels", "annotations", "ownerReferences"]
            .map(|field| (field, metadata[field].clone()))
            .into_iter()
    };
    match way {
        "merge patch" => {
            stage
                .send(
                    user,
                    Method::PATCH,
                    &path,
                    "application/merge-patch+json",
                    &json!({"metadata": forgery}),
                )
                .await
        }
        "JSON patch" => {
            let empty =
                |field: &str| if field == "ownerReferences" { json!([]) } else { json!({}) };
            let value =
                |field: &str, value: Value| if value.is_null() { empty(field) } else { value };
            let patch: Value = parts()
                .map(|(field, found)| json!({"op": "add", "path": format!("/metadata/{field}"), "value": value(field, found)}))
                .collect();
            stage.send(user, Method::PATCH, &path, "application/json-patch+json", &patch).await
        }
        "apply" => {
            let mut applied =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            parts()
                .filter(|(_, value)| !value.is_null())
                .for_each(|(field, value)| applied["metadata"][field] = value);
            stage
                .send(
                    user,
                    Method::PATCH,
                    &format!("{path}?fieldManager=x&force=true"),
                    "application/apply-patch+yaml",
                    &applied,
                )
                .await
        }
        _ => stage.send(user, Method::PUT, &path, "application/json", &forged).await,
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        match value {
            Value::Null => drop(target.as_object_mut().expect("an object").remove(key)),
            value => merge(&mut target[key], value),
        }
    }
}

/// No way changes what is sealed on namespace `web`. Returns the requests that the API server
/// refused.
pub(super) async fn attack_in_every_way(stage: &Stage) -> Vec<Refusal> {
    let before = sealed(stage, &victim(stage, "web").await);
    let mut refusals = Vec::new();
    for forgery in forgeries(stage) {
        for (way, place) in WAYS.iter().flat_map(|way| PLACES.map(|place| (way, place))) {
            refusals.extend(attack(stage, OWNER, "web", &forgery, way, place).await.err());
            assert_eq!(
                sealed(stage, &stage.get("web").await),
                before,
                "{way} of {place:?}: {forgery}"
            );
        }
    }
    refusals
}

#[rstest]
#[tokio::test]
async fn what_is_sealed_stays_as_it_was(#[values("landlord", "capsule")] source: &'static str) {
    let stage = Stage::new(builder(), source, "").await;
    let refusals = attack_in_every_way(&stage).await;
    // Finalizers are replaced only; of the rest, what is changed or added is refused, and what is
    // merely dropped the API server takes, and it is harmless.
    let (sealed, others): (Vec<&Refusal>, Vec<&Refusal>) =
        refusals.iter().partition(|one| one.message.contains("are sealed"));
    let references: Vec<&&Refusal> =
        sealed.iter().filter(|one| one.message.contains("owner references to tenants")).collect();
    assert!(others.iter().all(|one| one.code == 405), "{others:#?}");
    assert!(sealed.iter().all(|one| one.code == 403), "{sealed:#?}");
    assert_eq!(others.len(), forgeries(&stage).len() * 3);
    assert!(references.len() >= 3 * 5, "{}", references.len());
    // Nine of the forgeries change or add: by four ways, and three of them for `/finalize`.
    assert!(sealed.len() - references.len() >= 9 * 9, "{}", sealed.len());
    what_is_not_sealed_is_written(&stage).await;
    those_who_may_write_do(&stage).await;
}

async fn what_is_not_sealed_is_written(stage: &Stage) {
    let both = json!({"labels": {stage.label(): "lunar", "team": "a"}, "annotations": {NODE_SELECTOR: "pool=lunar", "note": "b"}});
    let refused = stage.patch(STRANGER, "web", both).await.expect_err("sealed");
    let words = format!(
        "labels {}; annotations {NODE_SELECTOR} are sealed: leave them as they are, or ask an admin",
        stage.label()
    );
    assert_eq!((refused.code, refused.message.contains(&words)), (403, true), "{refused:?}");
    let dropping = json!({"labels": {stage.label(): null, "team": "a"}, "annotations": {NODE_SELECTOR: null, "note": "b"}});
    let after = stage.patch(STRANGER, "web", dropping).await.expect("taken").metadata;
    let (labels, annotations) =
        (after.labels.expect("labels"), after.annotations.expect("annotations"));
    assert_eq!((labels[stage.label()].as_str(), labels["team"].as_str()), ("solar", "a"));
    assert_eq!(
        (annotations[NODE_SELECTOR].as_str(), annotations["note"].as_str()),
        ("pool=solar", "b")
    );
}

/// Admins move namespaces, and the controller keeps them.
pub(super) async fn those_who_may_write_do(stage: &Stage) {
    for (user, tenant) in [(ADMIN, "lunar"), (CONTROLLER, "solar")] {
        let metadata = json!({"labels": {stage.label(): tenant}, "annotations": {LEDGER: ledger(tenant), NODE_SELECTOR: format!("pool={tenant}")}});
        let after = stage.patch(user, "web", metadata).await.expect("written").metadata;
        assert_eq!(after.labels.expect("labels")[stage.label()], tenant);
        assert_eq!(after.annotations.expect("annotations")[LEDGER], ledger(tenant));
    }
}

/// A label, an annotation and a path that the settings read are sealed like landlord's own keys.
#[tokio::test]
async fn what_identify_reads_is_sealed() {
    let mut stage = Stage::new(builder(), "landlord", "").await;
    stage.settings["identify"] = json!([
        {"label": "example.com/team"},
        {"annotation": "field.cattle.io/projectId"},
        {"jsonPath": {"path": "$.namespace.metadata.annotations['example.com/owner']"}},
        {"ownerReference": {"group": "", "kind": "Project"}},
    ]);
    stage.install("").await;
    let reference = |uid: u8| json!([{"apiVersion": "v1", "kind": "Project", "name": "solar", "uid": format!("0-{uid}"), "controller": true}]);
    let annotations = json!({"field.cattle.io/projectId": "p-1", "example.com/owner": "solar"});
    let metadata = json!({"name": "web", "labels": {"example.com/team": "solar"}, "annotations": annotations, "ownerReferences": reference(1)});
    stage.create(OWNER, metadata).await.expect("created");
    let before = stage.get("web").await.metadata;
    // The guard was changed; until the API server goes by it, an attack would succeed.
    let forged = json!({"labels": {"example.com/team": "lunar"}});
    let refusal = async |forged: &Value| {
        let answer = stage.try_to_patch(STRANGER, "web", forged.clone()).await;
        answer.err().map(|one| one.message).unwrap_or_default()
    };
    eventually("sealed", async || refusal(&forged).await.contains("labels example.com/team are"))
        .await;
    let forged =
        json!({"annotations": {"field.cattle.io/projectId": "p-2", "example.com/owner": "lunar"}});
    let words = "annotations example.com/owner, field.cattle.io/projectId are sealed";
    let refused = refusal(&forged).await;
    assert!(refused.contains(words), "{refused}");
    let dropped = json!({"labels": {"example.com/team": null}, "annotations": {"field.cattle.io/projectId": null, "example.com/owner": null}});
    let references = json!({"ownerReferences": reference(2)});
    let refused = async || {
        stage
            .try_to_patch(STRANGER, "web", references.clone())
            .await
            .is_err_and(|one| one.code == 403)
    };
    eventually("owner references sealed", refused).await;
    let after = stage.patch(STRANGER, "web", dropped).await.expect("taken").metadata;
    assert_eq!(
        (after.labels, after.annotations, after.owner_references),
        (before.labels, before.annotations, before.owner_references)
    );
}
