//! Log: lines for the operator, sent to the policy server's own log. There is none on the accept
//! path.

use serde_json::json;
use tenancy::text;

use crate::host::Host;

/// Says that a tenant, or where none is named the namespace itself, could not be read. A host that
/// takes no log lines is no reason to fail.
pub(crate) fn warn_lookup(host: &dyn Host, namespace: &str, tenant: Option<&str>, error: &str) {
    let line = json!({
        "level": "warning",
        "message": if tenant.is_some() { "tenant lookup failed" } else { "namespace lookup failed" },
        "namespace": namespace,
        "tenant": tenant,
        "error": error,
    });
    drop(host.call("kubewarden", "tracing", "log", text::print(&line).as_bytes()));
}
