//! Spec: the forms that a tenant's spec takes in schedules, and what a namespace has to carry under
//! one – written down here once more, so that the engine is not asked about itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// How many forms there are.
pub const FORMS: u8 = 6;
/// What decides where Pods run.
pub const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
pub const LEDGER: &str = "landlord.dev/ledger";
pub const TENANT_LABEL: &str = "landlord.dev/tenant";
/// Keys that some form sets. All others are foreign, but landlord's own.
pub(super) const LABELS: [&str; 2] = ["billing", "grade"];
pub(super) const ANNOTATIONS: [&str; 2] = ["contact", NODE_SELECTOR];

/// The tenant in this form.
pub fn tenant(name: &str, form: u8) -> Value {
    let mut labels = json!({"billing": format!("{{{{tenant.name}}}}-{form}")});
    let mut annotations = json!({"contact": format!("team-{form}@{name}.example")});
    let mut selector = json!({"pool": name});
    match form % FORMS {
        1 => selector["tier"] = json!("a"),
        2 => selector["tier"] = json!("b"),
        3 => labels["grade"] = json!("gold"),
        4 => annotations = json!({}),
        5 => labels = json!({"grade": "silver"}),
        _ => {}
    }
    let spec = json!({"owners": [{"kind": "Group", "name": format!("{name}-admins")}], "nodeSelector": selector,
                      "labels": labels, "annotations": annotations});
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec})
}

/// A namespace as its owner creates it, with keys of its own.
pub fn namespace(name: &str, tenant: &str) -> Value {
    let metadata = json!({"name": name, "labels": {TENANT_LABEL: tenant, "own": "key", "a.example/empty": ""},
                          "annotations": {"note": "mine", "b.example/json": "{\"a\": [1, 2]}"}});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

/// Labels and annotations that a namespace of this tenant has to carry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Wanted {
    pub(super) fn from_tenant(tenant: &Value) -> Self {
        let spec = &tenant["spec"];
        let name = tenant["metadata"]["name"].as_str().unwrap_or_default();
        let map = |field: &str| -> BTreeMap<String, String> {
            let text =
                |value: &Value| value.as_str().unwrap_or_default().replace("{{tenant.name}}", name);
            spec[field]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), text(value)))
                .collect()
        };
        let mut annotations = map("annotations");
        annotations.insert(NODE_SELECTOR.to_owned(), printed(spec["nodeSelector"].as_object()));
        Self { labels: map("labels"), annotations }
    }
}

/// `k=v` sorted as whole strings, joined by commas.
fn printed(selector: Option<&Map<String, Value>>) -> String {
    let mut parts: Vec<String> = selector
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    parts.sort();
    parts.join(",")
}
