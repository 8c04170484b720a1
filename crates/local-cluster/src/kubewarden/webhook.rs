//! Webhook: the MutatingWebhookConfiguration that Kubewarden derives from a policy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::{Api, DeleteParams, DynamicObject};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::server::{PolicyServer, unique_name};

/// Fields of the policy's spec that the webhook takes over as they are.
const SAME: [&str; 7] = [
    "rules",
    "matchConditions",
    "namespaceSelector",
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
    let name = unique_name(&policy.name_any());
    let spec = policy.data.get("spec").cloned().unwrap_or_default();
    let mut webhook = json!({
        "name": format!("{name}.kubewarden.admission"),
        "admissionReviewVersions": ["v1"],
        "sideEffects": spec.get("sideEffects").and_then(Value::as_str).unwrap_or("None"),
        "clientConfig": {"url": format!("{}/validate/{name}", server.url()), "caBundle": STANDARD.encode(server.authority())},
    });
    for field in SAME {
        if let Some(value) = spec.get(field) {
            webhook[field] = value.clone();
        }
    }
    serde_json::from_value(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": [webhook],
    }))
}

/// Removes the configuration of a policy that is gone.
pub(super) async fn delete(client: &Client, policy: &str) -> Result<(), kube::Error> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    match api.delete(&unique_name(policy), &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}
