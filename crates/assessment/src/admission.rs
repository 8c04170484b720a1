//! Admission: the policy itself, asked about one request, with tenants at hand in place of a policy
//! server.

use landlord_policy::Host;
use serde_json::{Value, json};

/// The policy's answer, Kubewarden's `ValidationResponse`, to an AdmissionRequest under settings
/// that may not be valid.
pub fn answer(settings: &Value, request: &Value, tenants: &[Value]) -> Value {
    let payload = json!({"request": request, "settings": settings}).to_string();
    serde_json::from_slice(&landlord_policy::validate(payload.as_bytes(), &Tenants(tenants)))
        .unwrap_or_default()
}

/// Tenants as a policy server hands them out.
struct Tenants<'a>(&'a [Value]);

impl Host for Tenants<'_> {
    fn call(&self, _: &str, _: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
        if operation != "get_resource" {
            return Ok(Vec::new());
        }
        let asked: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let word = |field: &str| asked.get(field).and_then(Value::as_str).unwrap_or_default();
        let is = |object: &Value, place: &str, field: &str| {
            object.pointer(place).and_then(Value::as_str).unwrap_or_default() == word(field)
        };
        let found = self.0.iter().find(|object| {
            is(object, "/apiVersion", "api_version")
                && is(object, "/kind", "kind")
                && is(object, "/metadata/name", "name")
                && is(object, "/metadata/namespace", "namespace")
        });
        // As policy-evaluator words it.
        let missing = || {
            format!(
                "Cannot find {}/{} named '{}' inside of namespace 'None'",
                word("api_version"),
                word("kind"),
                word("name")
            )
        };
        found.map(|object| object.to_string().into_bytes()).ok_or_else(missing)
    }
}
