//! `tests/conformance/capsule-metadata.json` through the compiled policy, run as its README says.

use std::sync::Arc;

use policy_host::Objects;
use serde_json::{Value, json};
use tenancy::ledger::{ANNOTATION, Ledger};

use crate::compiled::{POLICY, root};

/// The namespace with an owner reference to the tenant, and what was managed before as its ledger.
fn namespace(case: &Value) -> Value {
    let mut namespace = case["namespace"].clone();
    let tenant = &case["tenant"]["metadata"]["name"];
    let metadata = &mut namespace["metadata"];
    metadata["ownerReferences"] = json!([{"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": tenant, "uid": "1"}]);
    let managed = |field: &str| case["managedBefore"][field].as_array().cloned().unwrap_or_default();
    let (labels, annotations) = (managed("labels"), managed("annotations"));
    if !(labels.is_empty() && annotations.is_empty()) {
        if metadata["annotations"].is_null() {
            metadata["annotations"] = json!({});
        }
        metadata["annotations"][ANNOTATION] = json!(json!({"tenant": tenant, "labels": labels, "annotations": annotations}).to_string());
    }
    namespace
}

/// Labels, annotations and managed keys after the request, or "error".
fn outcome(case: &Value) -> Value {
    let mut object = namespace(case);
    let request = json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": "UPDATE",
                         "userInfo": {"username": "admin", "groups": ["system:masters"]}, "object": object, "oldObject": object});
    let settings = json!({"tenantSource": "capsule", "identify": [{"ownerReference": {"group": "capsule.clastix.io", "kind": "Tenant"}}]});
    let host = Objects::of([case["tenant"].clone()]).expect("a tenant");
    let verdict = POLICY.validate(&request, &settings, Arc::new(host));
    assert!(verdict.allowed, "{}: {}", case["name"], verdict.message());
    let held = verdict.warnings.iter().flatten().any(|warning| warning.contains("left this namespace's managed keys as they were"));
    if held {
        assert!(verdict.patch.0.is_empty(), "{}: an error changes nothing", case["name"]);
        return json!("error");
    }
    json_patch::patch(&mut object, &verdict.patch).expect("a patch that fits");
    result(&object)
}

fn result(object: &Value) -> Value {
    let map = |field: &str| object["metadata"][field].as_object().cloned().unwrap_or_default();
    let (labels, mut annotations) = (map("labels"), map("annotations"));
    let ledger = annotations.remove(ANNOTATION).expect("a ledger");
    let ledger = Ledger::parse(ledger.as_str().expect("text")).expect("a ledger");
    json!({"labels": labels, "annotations": annotations, "managed": {"labels": ledger.labels, "annotations": ledger.annotations}})
}

/// What Capsule rests at. It records the forced labels where the tenant lists them; landlord's ledger never does.
fn expected(case: &Value) -> Value {
    let mut expected = case["expect"].clone();
    if expected["error"].is_string() {
        return json!("error");
    }
    let labels = expected["managed"]["labels"].as_array_mut().expect("labels");
    labels.retain(|label| label != "capsule.clastix.io/tenant" && label != "kubernetes.io/metadata.name");
    expected
}

#[test]
fn every_capsule_case_ends_where_capsule_rests() {
    let text = std::fs::read_to_string(root().join("tests/conformance/capsule-metadata.json")).expect("cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), 159);
    let failures: Vec<String> = cases
        .iter()
        .map(|case| (case, expected(case), outcome(case)))
        .filter(|(_, expected, actual)| expected != actual)
        .map(|(case, expected, actual)| format!("{}\n  expected {expected}\n  actual   {actual}", case["name"]))
        .collect();
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}
