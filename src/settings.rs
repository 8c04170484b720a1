//! Settings: reading `spec.settings`, and the answer to Kubewarden's question whether they are
//! valid.

use serde_json::Value;
use tenancy::members::object;
use tenancy::settings::Settings;
use tenancy::text;

use crate::response::{Denial, readable};

/// Answers with Kubewarden's `SettingsValidationResponse` as JSON; its message names the field and
/// the fix.
pub fn validate_settings(payload: &[u8]) -> Vec<u8> {
    let message = match serde_json::from_slice::<Value>(payload) {
        Ok(document) => Settings::from_value(&document).err().map(|error| error.to_string()),
        Err(error) => Some(format!("settings are not JSON: {error}")),
    };
    let message = message.map(|message| readable(&message));
    text::print(&object([
        ("valid", Value::from(message.is_none())),
        ("message", Value::from(message)),
    ]))
    .into_bytes()
}

/// The settings in force. Kubewarden has validated them before, so a fault means that policy and
/// settings do not fit together.
pub(crate) fn read(document: &Value) -> Result<Settings, Denial> {
    Settings::from_checked_value(document).map_err(|error| {
        Denial::internal(format!("landlord's settings are not valid, {error}: fix spec.settings of the ClusterAdmissionPolicy"))
    })
}
