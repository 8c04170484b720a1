//! Bomb: a call of the policy whose size can be chosen.

use serde_json::{Map, Value, json};

const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

/// A request with its settings and the objects that the host has; without a request, settings to be
/// judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Bomb {
    pub(super) settings: Value,
    pub(super) request: Option<Value>,
    pub(super) objects: Vec<Value>,
    /// A part of the payload, and what is sent in its place: JSON that no `Value` can hold.
    pub(super) raw: Option<(String, String)>,
}

impl Bomb {
    /// The creation of this namespace by a user who owns nothing.
    pub(super) fn create(namespace: Value) -> Self {
        Self {
            request: Some(request("CREATE", &namespace, &Value::Null)),
            settings: json!({}),
            objects: vec![tenant(json!({}))],
            ..Self::default()
        }
    }

    /// An edit of a namespace.
    pub(super) fn update(old: &Value, new: &Value) -> Self {
        Self {
            request: Some(request("UPDATE", new, old)),
            settings: json!({}),
            objects: vec![tenant(json!({}))],
            ..Self::default()
        }
    }

    /// Settings as Kubewarden has them judged before they are in force.
    pub(super) fn checked(settings: Value) -> Self {
        Self { settings, ..Self::default() }
    }

    pub(super) fn under(self, settings: Value) -> Self {
        Self { settings, ..self }
    }

    pub(super) fn beside(self, object: Value) -> Self {
        Self { objects: vec![object], ..self }
    }

    /// Operation and payload.
    pub(super) fn call(&self) -> (&'static str, String) {
        let (operation, payload) = match &self.request {
            Some(request) => {
                ("validate", json!({"request": request, "settings": self.settings}).to_string())
            }
            None => ("validate_settings", self.settings.to_string()),
        };
        match &self.raw {
            Some((part, other)) => (operation, payload.replace(part, other)),
            None => (operation, payload),
        }
    }
}

impl Bomb {
    /// All that is read of what can be chosen.
    pub(super) fn bytes(&self) -> usize {
        self.call().1.len()
            + self.objects.iter().map(|object| object.to_string().len()).sum::<usize>()
    }
}

/// A user's request.
pub(super) fn request(operation: &str, object: &Value, old: &Value) -> Value {
    json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": operation,
           "userInfo": {"username": "jane", "groups": ["system:authenticated"]}, "object": object, "oldObject": old})
}

/// Landlord's tenant solar.
pub(super) fn tenant(mut spec: Value) -> Value {
    if spec.get("nodeSelector").is_none() {
        spec["nodeSelector"] = json!({"pool": "solar"});
    }
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": spec})
}

/// A namespace that claims it.
pub(super) fn claiming() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "labels": {"landlord.dev/tenant": "solar"}}})
}

/// The same with so many labels, or annotations, of others.
pub(super) fn crowded(field: &str, size: usize) -> Value {
    let mut namespace = claiming();
    let mut members = namespace["metadata"][field].as_object().cloned().unwrap_or_default();
    members.extend(entries("app.example/key", size));
    namespace["metadata"][field] = Value::Object(members);
    namespace
}

/// The same as landlord leaves it.
pub(super) fn adopted(ledger: &str) -> Value {
    let mut namespace = claiming();
    namespace["metadata"]["annotations"] =
        json!({NODE_SELECTOR: "pool=solar", "landlord.dev/ledger": ledger});
    namespace
}

/// So many keys with a value each.
pub(super) fn entries(key: &str, size: usize) -> Map<String, Value> {
    (0..size).map(|number| (format!("{key}-{number}"), json!("value"))).collect()
}

/// So many lists, one in the other.
pub(super) fn nest(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}
