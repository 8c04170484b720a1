//! Webhook: the MutatingWebhookConfiguration that Kubewarden derives from a policy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::{Api, DeleteParams, DynamicObject};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::server::PolicyServer;

/// The namespace that Kubewarden runs in.
const NAMESPACE: &str = "kubewarden";
/// Fields of the policy's spec that the webhook takes over as they are.
const SAME: [&str; 6] = [
    "rules",
    "matchConditions",
    "objectSelector",
    "failurePolicy",
    "timeoutSeconds",
    "matchPolicy",
];

/// The configuration for one policy.
pub(super) fn configuration(
    policy: &DynamicObject,
    server: &PolicyServer,
) -> serde_json::Result<DynamicObject> {
    let name = server.unique_name(&policy.name_any());
    let spec = policy.data.get("spec").cloned().unwrap_or_default();
    let mut webhook = json!({
        "name": format!("{name}.kubewarden.admission"),
        "admissionReviewVersions": ["v1"],
        "sideEffects": spec.get("sideEffects").and_then(Value::as_str).unwrap_or("None"),
        "clientConfig": {"url": format!("{}/validate/{name}", server.url()), "caBundle": STANDARD.encode(server.authority())},
        "namespaceSelector": namespace_selector(&spec),
    });
    for field in SAME {
        if let Some(value) = spec.get(field) {
            webhook[field] = value.clone();
        }
    }
    serde_json::from_value(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name, "annotations": {"kubewardenPolicyName": policy.name_any()}}, "webhooks": [webhook],
    }))
}

/// The policy's own, and one more expression that leaves Kubewarden's namespace out, unless the
/// policy says otherwise (policy_subreconciler_webhook.go of Kubewarden's controller).
fn namespace_selector(spec: &Value) -> Value {
    let mut selector = spec.get("namespaceSelector").cloned().unwrap_or_else(|| json!({}));
    if spec.get("allowInsideAdmissionControllerNamespace").and_then(Value::as_bool) != Some(true) {
        let mut expressions =
            selector.get("matchExpressions").and_then(Value::as_array).cloned().unwrap_or_default();
        expressions.push(json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [NAMESPACE]}));
        selector["matchExpressions"] = Value::Array(expressions);
    }
    selector
}

/// Removes the configuration of this name.
pub(super) async fn delete(client: &Client, name: &str) -> Result<(), kube::Error> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    match api.delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}
