//! Log: lines for the operator, sent to the policy server's own log. There is none on the accept path.

use serde_json::json;

use crate::host::Host;

/// Says that a tenant could not be read. A host that takes no log lines is no reason to fail.
pub(crate) fn warn_lookup(host: &dyn Host, namespace: &str, tenant: &str, error: &str) {
    let line = json!({
        "level": "warning",
        "message": "tenant lookup failed",
        "namespace": namespace,
        "tenant": tenant,
        "error": error,
    });
    drop(host.call("kubewarden", "tracing", "log", line.to_string().as_bytes()));
}
