//! `tests/conformance/capsule-metadata.json` through `landlord plan -o json`, run as its README says.

use serde_json::{Value, json};
use tenancy::ledger::{ANNOTATION, Ledger};

use crate::landlord::{root, run_on};

/// Tenants and namespaces have the same names in many cases, so each case is a run of its own.
fn outcome(case: &Value, settings: &str) -> Value {
    let mut namespace = case["namespace"].clone();
    prepare(&mut namespace, case);
    let input = json!({"apiVersion": "v1", "kind": "List", "items": [case["tenant"], namespace]}).to_string();
    let run = run_on(&format!("plan -f - --settings {settings} -o json"), &input);
    let plan: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{}: {error}: {}", case["name"], run.err));
    assert_eq!(plan["apiVersion"], "landlord.dev/plan/v1");
    let planned = &plan["namespaces"][0];
    let before = |field: &str| namespace["metadata"][field].as_object().cloned().unwrap_or_default();
    if planned["error"].is_string() {
        assert_eq!(run.code, Some(1), "{}", case["name"]);
        assert_eq!(planned["result"], json!({"labels": before("labels"), "annotations": before("annotations")}), "nothing changes");
        return json!("error");
    }
    assert_eq!(run.code, Some(0), "{}: {}", case["name"], run.err);
    result(&planned["result"])
}

/// An owner reference to the tenant, and what was managed before as the ledger.
fn prepare(namespace: &mut Value, case: &Value) {
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
}

fn result(after: &Value) -> Value {
    let mut annotations = after["annotations"].as_object().cloned().expect("annotations");
    let ledger = annotations.remove(ANNOTATION).expect("a ledger");
    let ledger = Ledger::parse(ledger.as_str().expect("text")).expect("a ledger that parses");
    json!({"labels": after["labels"], "annotations": annotations, "managed": {"labels": ledger.labels, "annotations": ledger.annotations}})
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
    let settings = tempfile::NamedTempFile::new().expect("a file");
    let document = json!({"tenantSource": "capsule", "identify": [{"ownerReference": {"group": "capsule.clastix.io", "kind": "Tenant"}}]});
    std::fs::write(settings.path(), document.to_string()).expect("settings");
    let text = std::fs::read_to_string(root().join("tests/conformance/capsule-metadata.json")).expect("cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), 159);
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let expected = expected(case);
            let actual = outcome(case, &settings.path().display().to_string());
            (actual != expected).then(|| format!("{}\n  expected {expected}\n  actual   {actual}", case["name"]))
        })
        .collect();
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}
