//! `tests/conformance/capsule-metadata.json` through the compiled policy, run as its README says.

use std::sync::Arc;

use policy_host::Objects;
use serde_json::{Value, json};
use test_support::capsule::{Case, check_every_case, rested, settings};

use crate::compiled::POLICY;

/// Labels, annotations and managed keys after the request, or "error".
fn outcome(case: &Case) -> Value {
    let mut object = case.namespace();
    let request = json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": "UPDATE",
                         "userInfo": {"username": "admin", "groups": ["system:masters"]}, "object": object, "oldObject": object});
    let host = Objects::from_values([case.tenant().clone()]).expect("a tenant");
    let verdict = POLICY.validate(&request, &settings(), Arc::new(host));
    assert!(verdict.allowed, "{}: {}", case.name(), verdict.message());
    let held = verdict
        .warnings
        .iter()
        .flatten()
        .any(|warning| warning.contains("left this namespace's managed keys as they were"));
    if held {
        assert!(verdict.patch.0.is_empty(), "{}: an error changes nothing", case.name());
        return json!("error");
    }
    json_patch::patch(&mut object, &verdict.patch).expect("a patch that fits");
    let map =
        |field: &str| json!(object["metadata"][field].as_object().cloned().unwrap_or_default());
    rested(map("labels"), map("annotations"))
}

#[test]
fn every_capsule_case_ends_where_capsule_rests() {
    check_every_case(outcome);
}
