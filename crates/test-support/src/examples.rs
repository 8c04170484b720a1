//! The worked examples of `examples/hooks`, as tests on a real API server read them: the same
//! `tests.yaml` that `landlord test` runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

type Map = BTreeMap<String, String>;

pub struct Example {
    pub name: String,
    pub settings: Value,
    pub tenants: Vec<Value>,
    pub cases: Vec<Value>,
}

/// Every example of the repository at `root`.
pub fn all(root: &Path) -> Vec<Example> {
    let mut folders: Vec<_> = fs::read_dir(root.join("examples/hooks"))
        .expect("examples")
        .map(|entry| entry.expect("one").path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 6, "{folders:?}");
    folders.iter().map(|folder| Example::read(folder)).collect()
}

impl Example {
    fn read(folder: &Path) -> Self {
        let text = |file: &str| {
            fs::read_to_string(folder.join(file))
                .unwrap_or_else(|error| panic!("{}/{file}: {error}", folder.display()))
        };
        let tests: Value = serde_saphyr::from_str(&text("tests.yaml")).expect("YAML");
        Self {
            name: folder.file_name().expect("a name").to_string_lossy().into_owned(),
            settings: serde_saphyr::from_str(&text("settings.yaml")).expect("YAML"),
            tenants: serde_saphyr::from_multiple(&text("tenants.yaml")).expect("YAML"),
            cases: tests["cases"].as_array().cloned().expect("cases"),
        }
    }
}

/// The parts of a denial that a case expects; `None` where it is accepted.
pub fn denied(case: &Value) -> Option<Vec<String>> {
    match &case["expect"]["denied"] {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(Vec::new()),
        Value::String(part) => Some(vec![part.clone()]),
        Value::Array(parts) if parts.is_empty() => None,
        Value::Array(parts) => {
            Some(parts.iter().map(|part| part.as_str().expect("text").to_owned()).collect())
        }
        other => panic!("{}: denied is {other}", case["name"]),
    }
}

/// Whether a case is judged at this stage, as `landlord test` reads it.
pub fn is_at(case: &Value, stage: &str) -> bool {
    match (case["stage"].as_str(), case.get("oldNamespace"), case.get("request")) {
        (Some(said), ..) => said == stage,
        (None, Some(_), _) => stage == "update",
        (None, None, Some(_)) => stage == "create",
        (None, None, None) => ["create", "reconcile"].contains(&stage),
    }
}

/// How metadata differ from what a case expects.
pub fn differences(case: &Value, labels: &Map, annotations: &Map) -> Vec<String> {
    let expect = &case["expect"];
    let mut wanted_annotations = expect["annotations"].as_object().cloned().unwrap_or_default();
    if let Some(selector) = expect.get("nodeSelector") {
        wanted_annotations
            .insert("scheduler.alpha.kubernetes.io/node-selector".to_owned(), selector.clone());
    }
    let labels_wanted = expect["labels"].as_object().cloned().unwrap_or_default();
    let unlike = |wanted: serde_json::Map<String, Value>, found: &Map| -> Vec<String> {
        let unlike = wanted
            .into_iter()
            .filter(|(key, value)| found.get(key).map(String::as_str) != value.as_str());
        unlike.map(|(key, value)| format!("{key} is {:?}, not {value}", found.get(&key))).collect()
    };
    let there = |keys: &Value, found: &Map| -> Vec<String> {
        let keys = keys.as_array().into_iter().flatten().filter_map(Value::as_str);
        keys.filter(|key| found.contains_key(*key)).map(|key| format!("{key} is there")).collect()
    };
    let lists = [
        unlike(labels_wanted, labels),
        unlike(wanted_annotations, annotations),
        there(&expect["absent"]["labels"], labels),
        there(&expect["absent"]["annotations"], annotations),
    ];
    lists.concat()
}

/// Rancher's kind, as far as the example needs it, and who may read it.
pub fn rancher() -> [Value; 4] {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let subjects = json!([
        {"kind": "ServiceAccount", "namespace": "kubewarden", "name": "policy-server"},
        {"kind": "ServiceAccount", "namespace": "landlord", "name": "controller"},
    ]);
    let names = json!({"kind": "Project", "plural": "projects", "singular": "project", "listKind": "ProjectList"});
    [
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "projects.management.cattle.io"},
               "spec": {"group": "management.cattle.io", "scope": "Namespaced", "names": names,
                        "versions": [{"name": "v3", "served": true, "storage": true, "schema": schema}]}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "projects"},
               "rules": [{"apiGroups": ["management.cattle.io"], "resources": ["projects"], "verbs": ["get", "list", "watch"]}]}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "projects"}, "subjects": subjects,
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "projects"}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c-m-1"}}),
    ]
}
