//! Backlog: for how long namespaces have not been as their tenant wants them, from what the objects
//! themselves say.
//!
//! A namespace without a ledger of its tenant waits since it was created. One with a ledger was
//! compliant before, and has waited at least since the last change that can be the cause: by
//! another writer to the namespace, or to the tenant. `managedFields` says when those were, to the
//! second.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use assessment::Assessment;
use tenancy::keys::FIELD_MANAGER;

/// Where an object says when it was created.
const CREATED: &str = "/metadata/creationTimestamp";

/// Since when this namespace waits; `None` where the objects do not say.
pub(crate) fn since(
    assessment: &Assessment,
    namespace: &Value,
    tenant: Option<&Value>,
) -> Option<Timestamp> {
    let created = time(namespace.pointer(CREATED));
    let ledger = &assessment.record.ledger;
    if assessment.tenant.as_ref() != Some(&ledger.tenant) {
        return created.max(last_change(namespace));
    }
    last_change(namespace).max(tenant.and_then(last_change)).or(created)
}

/// The last write by anybody but landlord, to anything but the status.
fn last_change(object: &Value) -> Option<Timestamp> {
    let fields = object.pointer("/metadata/managedFields")?.as_array()?;
    let foreign = fields
        .iter()
        .filter(|entry| entry["manager"] != FIELD_MANAGER && entry["subresource"] != "status");
    foreign
        .filter_map(|entry| time(entry.get("time")))
        .max()
        .or_else(|| time(object.pointer(CREATED)))
}

fn time(text: Option<&Value>) -> Option<Timestamp> {
    text?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;
    use tenancy::settings::Settings;

    fn since_when(annotations: Value, managers: Value, tenant: Option<Value>) -> Option<String> {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "web", "labels": {"landlord.dev/tenant": "solar"}, "annotations": annotations,
            "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": managers}});
        let settings = Settings::from_value(&Value::Null).expect("settings");
        let spec = json!({"metadata": {"name": "solar"}, "spec": {"labels": {"a": "b"}}});
        let solar = std::sync::Arc::new(settings.tenant(&spec).expect("a tenant"));
        let namespace = tenancy::namespace::Namespace::from_value(&object).expect("a namespace");
        let assessment = Assessment::judge(
            &settings,
            &namespace,
            || object.clone(),
            |_| Ok(Some(solar.clone())),
        );
        since(&assessment, &object, tenant.as_ref()).map(|at| at.to_string())
    }

    fn wrote(manager: &str, at: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "time": at})
    }

    #[rstest]
    #[case::new(json!({}), json!([]), None, "2026-01-01T00:00:00Z")]
    #[case::claimed_later(json!({}), json!([wrote("kubectl", "2026-01-02T00:00:00Z")]), None, "2026-01-02T00:00:00Z")]
    #[case::drifted(json!({"landlord.dev/ledger": r#"{"tenant":"solar","labels":[],"annotations":[]}"#}),
        json!([wrote("kubectl", "2026-01-03T00:00:00Z"), wrote("landlord", "2026-01-09T00:00:00Z")]), None, "2026-01-03T00:00:00Z")]
    #[case::the_tenant_changed(json!({"landlord.dev/ledger": r#"{"tenant":"solar","labels":[],"annotations":[]}"#}),
        json!([wrote("kubectl", "2026-01-03T00:00:00Z")]),
        Some(json!({"metadata": {"managedFields": [wrote("helm", "2026-01-05T00:00:00Z"),
            {"manager": "other", "subresource": "status", "time": "2026-01-07T00:00:00Z"}]}})), "2026-01-05T00:00:00Z")]
    fn waits_since(
        #[case] annotations: Value,
        #[case] managers: Value,
        #[case] tenant: Option<Value>,
        #[case] expected: &str,
    ) {
        assert_eq!(since_when(annotations, managers, tenant).as_deref(), Some(expected));
    }
}
