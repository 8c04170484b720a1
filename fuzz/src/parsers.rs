//! Parsers beside those of the library's root: what they read is printed and read again as the
//! same, and matching is bounded.

use serde_json::{Value, json};
use tenancy::glob::Glob;
use tenancy::label_selector::LabelSelector;
use tenancy::metadata::Map;
use tenancy::namespace::Namespace;
use tenancy::requester::Requester;
use tenancy::settings::Settings;
use tenancy::toleration::{Toleration, compact};

use crate::read_text;

fn document(data: &[u8]) -> Option<Value> {
    read_text(data).and_then(|text| serde_json::from_str(text).ok())
}

/// `PATTERN NAME`: a pattern takes itself, without its stars and with anything for them.
pub fn glob(data: &[u8]) {
    let Some((pattern, name)) = read_text(data).map(|text| text.split_once(' ').unwrap_or((text, "web"))) else { return };
    let Ok(glob) = Glob::parse(pattern) else { return };
    assert!(glob.matches(&pattern.replace('*', "")), "{pattern} does not take what it says");
    let _ = glob.matches(name);
    let stem: String = name.chars().take(58).collect();
    assert!(!glob.always_matches_generated(&stem) || glob.may_match_generated(&stem), "{pattern} takes every {stem}, and none");
}

/// What is read of a namespace is read of what it is printed as.
pub fn namespace(data: &[u8]) {
    let Some(object) = document(data) else { return };
    let _ = Requester::from_user_info(&object);
    let Ok(namespace) = Namespace::from_value(&object) else { return };
    let owner = |owner: &tenancy::namespace::OwnerReference| {
        let version = if owner.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", owner.group) };
        json!({"apiVersion": version, "kind": owner.kind, "name": owner.name})
    };
    let mut metadata = json!({"labels": namespace.metadata.labels, "annotations": namespace.metadata.annotations,
        "name": namespace.name, "generateName": namespace.generate_name});
    metadata["ownerReferences"] = namespace.owner_references.iter().map(owner).collect();
    metadata["deletionTimestamp"] = if namespace.terminating { json!("now") } else { Value::Null };
    assert_eq!(Namespace::from_value(&json!({"metadata": metadata})).expect("readable"), namespace);
}

/// A tenant of any kind of source is read or refused with words; hooks and their expressions are
/// among its fields.
pub fn tenant(data: &[u8]) {
    let Some(object) = document(data) else { return };
    let custom = json!({"custom": {"apiVersion": "x/v1", "kind": "T", "namespaced": true, "nodeSelector": "$.spec.nodeSelector", "owners": "$.spec.owners",
        "labels": "$.spec.labels", "annotations": "$..annotations"}});
    for source in [json!("landlord"), json!("capsule"), json!({"capsule": {"validations": true}}), custom] {
        let settings = Settings::from_value(&json!({"tenantSource": source})).expect("these settings are valid");
        if let Err(error) = settings.tenant(&object) {
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A list of hooks, in the settings.
pub fn hooks(data: &[u8]) {
    let Some(hooks) = document(data) else { return };
    if let Err(error) = Settings::from_value(&json!({"hooks": hooks})) {
        assert!(!error.to_string().is_empty());
    }
}

/// A selector that holds of labels holds of them still when more labels come that it does not name.
pub fn label_selector(data: &[u8]) {
    let Some(Ok(selector)) = document(data).map(|value| LabelSelector::from_value(&value)) else { return };
    let labels = Map::from([("env".to_owned(), "prod".to_owned())]);
    let mut more = labels.clone();
    more.insert("no/one".to_owned(), "asks".to_owned());
    assert!(selector.keys().any(|key| key == "no/one") || selector.matches(&labels) == selector.matches(&more));
    assert!(!selector.is_empty() || selector.matches(&labels));
}

/// One that is taken is one part of the form that CEL splits.
pub fn toleration(data: &[u8]) {
    let Some(Ok(toleration)) = document(data).map(|value| Toleration::from_value(&value)) else { return };
    let text = compact(&[toleration.clone(), toleration]);
    assert!(!text.contains(',') && text.matches(':').count() == 1, "{text}");
}
