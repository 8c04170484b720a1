//! Kubeconfig: one cluster, one context a user.

use serde_json::{Value, json};

use crate::user::Credential;

/// The document (JSON is YAML). The first user's context is the current one.
pub(crate) fn document(server: &str, authority: &str, users: &[&Credential]) -> Value {
    let each = |entry: fn(&Credential) -> Value| {
        users.iter().map(|credential| entry(credential)).collect::<Vec<_>>()
    };
    json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": each(|one| json!({"name": one.user.name, "user": {"token": one.token}})),
        "contexts": each(|one| json!({"name": one.user.name, "context": {"cluster": "local", "user": one.user.name}})),
        "current-context": users.first().map(|one| &one.user.name),
    })
}
