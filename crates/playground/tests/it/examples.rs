//! What the page offers is valid: every example is planned without a fault, and requests are
//! answered as their fixtures say.

use playground_bundle::examples::{Example, STORIES, read};
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
    let groups = [STORIES, "First steps", "Hooks", "Requests", "Capsule’s rules"];
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

/// What most readers come for, in this order, each with a sentence and one thing that happens.
#[test]
fn six_stories_come_first() {
    let all = all();
    let stories = all.get(..6).expect("six");
    let names: Vec<&str> = stories.iter().map(|story| story.name.as_str()).collect();
    let expected = [
        "A tenant’s pool",
        "A stolen claim",
        "Drift",
        "Production needs a cost centre",
        "Capsule",
        "Rancher",
    ];
    assert_eq!(names, expected);
    assert!(stories.iter().all(|story| story.group == STORIES && !story.why.is_empty()));
    assert!(all.iter().skip(6).all(|example| example.group != STORIES));
    let result = |index: usize| rehearse(&json!(stories[index]));
    let states = |index: usize| {
        let result = result(index);
        let namespaces = result["namespaces"].as_array().expect("namespaces").clone();
        namespaces
            .iter()
            .map(|one| one["state"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (states(0), states(2), states(5)),
        (vec!["drift".to_owned()], vec!["drift".to_owned()], vec!["drift".to_owned()])
    );
    assert_eq!(result(1)["answer"]["response"]["code"], 403);
    let planned = result(3)["plan"]["namespaces"].clone();
    let is_rejected = |one: &Value| one["failures"].as_array().is_some_and(|all| !all.is_empty());
    assert!(planned.as_array().is_some_and(|all| all.iter().any(is_rejected)), "{planned}");
    assert_eq!(result(4)["answer"]["response"]["accepted"], true);
}

/// Three mistakes in two texts are three faults, each at its line.
#[test]
fn every_mistake_is_a_fault_of_its_own() {
    let editors = json!({
        "settings": "unclaimd: allow\nconflicts: overide\n",
        "tenant": "apiVersion: landlord.dev/v1alpha1\nkind: Tenant\nmetadata: {name: solar}\nspec: {}\n",
        "namespace": "a: [",
    });
    let faults = rehearse(&editors)["faults"].clone();
    let places: Vec<(&str, &Value)> = faults
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| (fault["editor"].as_str().unwrap_or_default(), &fault["line"]))
        .collect();
    let line = |line: u64| json!(line);
    assert_eq!(
        places,
        [("namespace", &line(1)), ("settings", &line(2)), ("settings", &line(1))],
        "{faults}"
    );
    // Where the settings are good, tenants are judged beside a text that is not.
    let tenant = "apiVersion: landlord.dev/v1alpha1\nkind: Tenant\nmetadata: {name: solar}\nspec: {nodeselector: {}, label: {}}\n";
    let faults = rehearse(&json!({"tenant": tenant, "namespace": "a: ["}))["faults"].clone();
    assert_eq!(faults.as_array().map(Vec::len), Some(3), "{faults}");
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
        all.iter().filter(|example| example.group == "Requests").collect();
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
