//! Trial: a Pod that the API server judges and does not store.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tenancy::keys::FIELD_MANAGER;

use cluster::admission_policies::trial::REFUSAL;

const NAME: &str = "landlord-doctor";

/// Creates one in this namespace, as a dry run.
pub(super) async fn create(client: &Client, namespace: &str) -> Result<Pod, Error> {
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    Api::<Pod>::namespaced(client.clone(), namespace).create(&params, &pod()).await
}

/// Whether the guard refused it.
pub(super) fn refused_by_guard(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.message.contains(REFUSAL))
}

/// What the API server says, without its envelope.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// As harmless as Pod Security's strictest level asks for, so that nobody else refuses it.
fn pod() -> Pod {
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let resources = json!({"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}});
    let container = json!({"name": "none", "image": "registry.k8s.io/pause:3.10", "securityContext": context, "resources": resources});
    let security = json!({"runAsNonRoot": true, "runAsUser": 65535, "seccompProfile": {"type": "RuntimeDefault"}});
    let spec = json!({"containers": [container], "securityContext": security, "automountServiceAccountToken": false});
    serde_json::from_value(json!({"metadata": {"name": NAME}, "spec": spec})).unwrap_or_default()
}
