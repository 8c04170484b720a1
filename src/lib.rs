//! Landlord's policy: a Kubewarden guest that writes a tenant's metadata into a Namespace while it
//! is admitted.
//!
//! ```text
//! AdmissionRequest ──request──▶ evaluate (create | update) ──▶ engine: claim, desired, plan ──response──▶ accept, mutate or deny
//!                                   └──host──▶ one GET of the tenant
//! ```
//!
//! [`validate`] and [`validate_settings`] are the whole policy as plain functions over bytes and a
//! [`Host`]; the waPC entry points only hand them over, so what is tested natively is what runs in
//! WebAssembly.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod evaluate;
mod host;
mod log;
mod lookup;
mod request;
mod response;
mod settings;

pub use host::Host;
pub use settings::validate_settings;

/// Evaluates one `{"request": AdmissionRequest, "settings": {…}}` and answers with Kubewarden's
/// `ValidationResponse`, both as JSON.
pub fn validate(payload: &[u8], host: &dyn Host) -> Vec<u8> {
    let outcome = request::Payload::parse(payload).and_then(|payload| {
        let settings = settings::read(&payload.settings)?;
        evaluate::evaluate(&payload.request, &settings, host)
    });
    response::encode(outcome)
}

#[cfg(target_os = "wasi")]
mod guest {
    use kubewarden_policy_sdk::protocol_version_guest;
    use wapc_guest::{CallResult, register_function};

    /// Called by the host before anything else.
    // waPC finds its entry point by this name; exporting it is the policy's only unsafe attribute.
    #[allow(unsafe_code)]
    #[unsafe(no_mangle)]
    pub(crate) extern "C" fn wapc_init() {
        register_function("validate", |payload| -> CallResult {
            Ok(super::validate(payload, &super::host::Wapc))
        });
        register_function("validate_settings", |payload| -> CallResult {
            Ok(super::validate_settings(payload))
        });
        register_function("protocol_version", protocol_version_guest);
    }
}
