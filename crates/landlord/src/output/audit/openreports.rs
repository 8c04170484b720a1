//! An audit as reports of OpenReports, a list that `kubectl apply` takes.

use cluster::reports::{AUDIT_NAME, Content, Finding, ReportKind, document};
use diagnostics::audit::Report;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::namespaces::{Namespace, Part, parts};

/// One for each namespace that a tenant claims, or that is not as the settings want it.
pub(crate) fn list(report: &Report, namespaces: &[Namespace], now: Timestamp) -> Value {
    let parts = parts(report);
    let nothing = Part::default();
    let items: Vec<Value> = namespaces
        .iter()
        .filter(|namespace| !namespace.is_free())
        .map(|namespace| {
            item(namespace, parts.get(namespace.name.as_str()).unwrap_or(&nothing), now)
        })
        .collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn item(namespace: &Namespace, part: &Part<'_>, now: Timestamp) -> Value {
    let standing = namespace.standing();
    let findings = [
        Finding::compliant(&standing),
        Finding::verified(&standing),
        Finding::placement(&part.placement()),
    ];
    let content = Content {
        name: AUDIT_NAME,
        namespace: &namespace.name,
        uid: namespace.uid(),
        tenant: namespace.tenant(),
        findings: &findings,
    };
    document(ReportKind::OpenReports, &content, now)
}
