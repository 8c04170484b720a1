//! Request: an AdmissionRequest of which only what matters has to be written; the rest is taken
//! from the namespace at hand.

use serde_json::{Map, Value, json};
use tenancy::namespace::NAME_LABEL;

/// The whole request. An AdmissionReview is taken for the request in it. Where no object is
/// written, it is the namespace at hand: for CREATE as it would be sent, for UPDATE as it is stored
/// already.
pub(crate) fn complete(written: &Value, namespace: Option<&Value>) -> Value {
    let written = written.get("request").filter(|request| request.is_object()).unwrap_or(written);
    let mut request = written.as_object().cloned().unwrap_or_default();
    add(&mut request, "uid", || json!("playground"));
    add(&mut request, "operation", || json!("CREATE"));
    add(&mut request, "kind", || json!({"group": "", "version": "v1", "kind": "Namespace"}));
    add(
        &mut request,
        "userInfo",
        || json!({"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}),
    );
    let at_hand = namespace.map(named).unwrap_or_default();
    if request.get("operation") == Some(&json!("UPDATE")) {
        add(&mut request, "oldObject", || at_hand.clone());
    }
    if request.get("operation") != Some(&json!("DELETE")) {
        add(&mut request, "object", || at_hand.clone());
    }
    let name = ["object", "oldObject"]
        .iter()
        .find_map(|object| request.get(*object)?.pointer("/metadata/name").cloned());
    if let Some(name) = name {
        add(&mut request, "name", || name.clone());
        add(&mut request, "namespace", || name);
    }
    Value::Object(request)
}

/// Sets what is not written.
fn add(request: &mut Map<String, Value>, member: &str, value: impl FnOnce() -> Value) {
    if request.get(member).is_none_or(Value::is_null) {
        request.insert(member.to_owned(), value());
    }
}

/// The namespace with the label that the API server puts on every one.
fn named(namespace: &Value) -> Value {
    let mut namespace = namespace.clone();
    let Some(metadata) = namespace.get_mut("metadata").and_then(Value::as_object_mut) else {
        return namespace;
    };
    let Some(name) = metadata.get("name").cloned() else { return namespace };
    let labels = metadata.entry("labels").or_insert(Value::Null);
    if labels.is_null() {
        *labels = Value::Object(Map::new());
    }
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(NAME_LABEL.to_owned(), name);
    }
    namespace
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Value {
        json!({"metadata": {"name": "web", "labels": null}})
    }

    #[test]
    fn what_is_not_written_is_a_create_of_the_namespace_by_an_admin() {
        let request = complete(&json!({}), Some(&namespace()));
        assert_eq!(request["operation"], "CREATE");
        assert_eq!(request["name"], "web");
        assert_eq!(request["object"]["metadata"]["labels"], json!({NAME_LABEL: "web"}));
        assert_eq!(request["oldObject"], Value::Null);
    }

    #[test]
    fn an_update_is_of_the_namespace_at_hand() {
        let object = json!({"metadata": {"name": "web", "labels": {"a": "b"}}});
        let request = complete(
            &json!({"request": {"operation": "UPDATE", "object": object}}),
            Some(&namespace()),
        );
        assert_eq!(request["object"], object);
        assert_eq!(request["oldObject"]["metadata"]["labels"], json!({NAME_LABEL: "web"}));
    }

    #[test]
    fn what_is_written_stays() {
        let written = json!({"uid": "1", "operation": "DELETE", "kind": {}, "userInfo": {}, "name": "n", "namespace": "n", "oldObject": {"metadata": {"name": "x"}}});
        assert_eq!(complete(&written, Some(&namespace())), written);
    }
}
