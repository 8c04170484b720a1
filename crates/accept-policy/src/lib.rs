//! The least that a Kubewarden policy on our SDK does: read the request as the SDK gives it, and accept. What it costs to run is
//! the ceiling for landlord's policy.

use std::collections::HashMap;

use serde_json::Value;

use kubewarden_policy_sdk::request::ValidationRequest;
use kubewarden_policy_sdk::{accept_request, protocol_version_guest};
use wapc_guest::{CallResult, register_function};

/// Called by the host before anything else.
// waPC finds its entry point by this name.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", |_| -> CallResult { Ok(br#"{"valid":true,"message":null}"#.to_vec()) });
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    ValidationRequest::<HashMap<String, Value>>::new(payload)?;
    accept_request()
}
