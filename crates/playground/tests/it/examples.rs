//! What the page offers is valid: every example is planned without a fault, and requests are
//! answered as their fixtures say.

use playground_bundle::examples::{Example, read};
use serde_json::{Value, json};

use crate::built::root;

pub(crate) fn all() -> Vec<Example> {
    read(&root()).expect("examples")
}

fn rehearse(editors: &Value) -> Value {
    serde_json::from_str(&playground::rehearse(&editors.to_string())).expect("JSON")
}

#[test]
fn every_example_is_valid() {
    let all = all();
    let groups = ["First steps", "Hooks", "Requests", "Capsule’s rules"];
    groups.iter().for_each(|group| {
        assert!(all.iter().any(|example| example.group == *group), "no example under {group}")
    });
    for example in &all {
        let result = rehearse(&json!(example));
        assert_eq!(result["faults"], json!([]), "{}", example.name);
        let namespaces = result["plan"]["namespaces"].as_array().expect("a plan");
        assert!(!namespaces.is_empty(), "{} has no namespace to plan", example.name);
        // The tenant that is not there is there to show that.
        let errors = namespaces.iter().filter(|namespace| !namespace["error"].is_null()).count();
        assert!(
            errors == 0 || example.name.contains("unknown-tenant"),
            "{}: {result}",
            example.name
        );
        assert_eq!(result["answer"].is_null(), example.request.is_empty(), "{}", example.name);
    }
}

#[test]
fn names_of_examples_are_unique() {
    let mut names: Vec<(&str, String)> =
        all().into_iter().map(|example| (example.group, example.name)).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn requests_are_answered_as_their_fixtures_say() {
    let all = all();
    let requests: Vec<&Example> =
        all.iter().filter(|example| !example.request.is_empty()).collect();
    assert_eq!(requests.len(), 8);
    for example in requests {
        let path = root().join(format!("e2e-tests/expected/{}.json", example.name));
        let expected: Value =
            serde_json::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("JSON");
        let expected = &expected["response"];
        let response = &rehearse(&json!(example))["answer"]["response"];
        assert_eq!(response["accepted"], expected["allowed"], "{}: {response}", example.name);
        assert_eq!(response["message"], expected["status"]["message"], "{}", example.name);
        assert_eq!(response["code"], expected["status"]["code"], "{}", example.name);
        assert_eq!(response["warnings"], expected["warnings"], "{}", example.name);
    }
}
