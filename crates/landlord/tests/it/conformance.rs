//! `tests/conformance/capsule-metadata.json` through `landlord plan -o json`, run as its README
//! says.

use serde_json::{Value, json};
use test_support::capsule::{Case, check_every_case, rested, settings};

use crate::landlord::run_on;

/// Tenants and namespaces have the same names in many cases, so each case is a run of its own.
fn outcome(case: &Case, settings: &str) -> Value {
    let namespace = case.namespace();
    let input = json!({"apiVersion": "v1", "kind": "List", "items": [case.tenant(), namespace]})
        .to_string();
    let run = run_on(&format!("plan -f - --settings {settings} -o json"), &input);
    let plan: Value = serde_json::from_str(&run.out)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", case.name(), run.err));
    assert_eq!(plan["apiVersion"], "landlord.dev/plan/v1");
    let planned = &plan["namespaces"][0];
    let before =
        |field: &str| namespace["metadata"][field].as_object().cloned().unwrap_or_default();
    if planned["error"].is_string() {
        assert_eq!(run.code, Some(1), "{}", case.name());
        assert_eq!(
            planned["result"],
            json!({"labels": before("labels"), "annotations": before("annotations")}),
            "nothing changes"
        );
        return json!("error");
    }
    assert_eq!(run.code, Some(0), "{}: {}", case.name(), run.err);
    rested(planned["result"]["labels"].clone(), planned["result"]["annotations"].clone())
}

#[test]
fn every_capsule_case_ends_where_capsule_rests() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), settings().to_string()).expect("settings");
    check_every_case(|case| outcome(case, &file.path().display().to_string()));
}
