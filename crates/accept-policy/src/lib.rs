//! The least that a Kubewarden policy on our SDK does: read the request as the SDK gives it, and
//! accept. What it costs to run is the ceiling for landlord's policy.
//!
//! With settings `{"label": KEY}` it does the least that a policy of landlord's kind can do: it
//! gets the tenant that the namespace's label KEY names, and writes one label.

use std::collections::HashMap;

use serde_json::{Value, json};

use kubewarden_policy_sdk::request::ValidationRequest;
use kubewarden_policy_sdk::{accept_request, mutate_request, protocol_version_guest};
use wapc_guest::{CallResult, host_call, register_function};

/// Called by the host before anything else.
// waPC finds its entry point by this name.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", |_| -> CallResult {
        Ok(br#"{"valid":true,"message":null}"#.to_vec())
    });
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let request = ValidationRequest::<HashMap<String, Value>>::new(payload)?;
    match request.settings.get("label").and_then(Value::as_str) {
        Some(key) => label(request.request.object, key),
        None => accept_request(),
    }
}

/// Copies the pool out of the tenant into a label.
fn label(mut namespace: Value, key: &str) -> CallResult {
    let asked = json!({"api_version": "landlord.dev/v1alpha1", "kind": "Tenant", "name": namespace["metadata"]["labels"][key],
                       "namespace": null, "disable_cache": true, "field_masks": null});
    let tenant =
        host_call("kubewarden", "kubernetes", "get_resource", asked.to_string().as_bytes())?;
    let tenant: Value = serde_json::from_slice(&tenant)?;
    namespace["metadata"]["labels"]["pool"] = tenant["spec"]["nodeSelector"]["pool"].clone();
    mutate_request(namespace)
}
