//! Verdict: a policy's answer as the API server gets it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call_error::CallError;

/// An `admission.k8s.io/v1` AdmissionResponse, and the patch before it was encoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub uid: String,
    pub allowed: bool,
    /// `JSONPatch` where there is a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_type: Option<&'static str>,
    /// The patch as Base64 of its JSON.
    #[serde(rename = "patch", skip_serializing_if = "Option::is_none")]
    encoded_patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    pub audit_annotations: Option<BTreeMap<String, String>>,
    pub warnings: Option<Vec<String>>,
    /// What turns the request's object into the mutated one; empty where nothing changes.
    #[serde(skip)]
    pub patch: Patch,
}

/// Why a request was denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// HTTP status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

/// What a guest answers to `validate`: the SDK's `ValidationResponse`.
#[derive(Debug, Deserialize)]
pub struct Response {
    accepted: bool,
    message: Option<String>,
    code: Option<u16>,
    mutated_object: Option<Value>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

impl Verdict {
    pub(crate) fn of_response(request: &Value, response: Response) -> Self {
        let uid = uid(request);
        let object = request.get("object").filter(|object| !object.is_null());
        let patch = match (object, response.mutated_object) {
            (None, Some(_)) => {
                return Self::rejected(
                    uid,
                    "the policy mutates an object that is null, as in DELETE".to_owned(),
                    500,
                );
            }
            (Some(object), Some(mutated)) => json_patch::diff(object, &mutated),
            (_, None) => Patch::default(),
        };
        let status = Status { message: response.message, code: response.code };
        Self {
            uid,
            allowed: response.accepted,
            status: (status != Status::default()).then_some(status),
            audit_annotations: response.audit_annotations,
            warnings: response.warnings,
            ..Self::default()
        }
        .with_patch(patch)
    }

    /// Kubewarden turns every failure of a policy into a rejection of this form.
    pub(crate) fn of_failure(request: &Value, error: &CallError) -> Self {
        Self::rejected(uid(request), format!("internal server error: {error}"), 500)
    }

    /// A policy that was not installed as `mutating: true` may not change anything.
    pub(crate) fn forbid_mutation(self) -> Self {
        Self::rejected(
            self.uid,
            "Request rejected by policy: the policy attempted to mutate the request, but it is not allowed to".to_owned(),
            500,
        )
    }

    fn rejected(uid: String, message: String, code: u16) -> Self {
        Self {
            uid,
            status: Some(Status { message: Some(message), code: Some(code) }),
            ..Self::default()
        }
    }

    fn with_patch(self, patch: Patch) -> Self {
        if patch.0.is_empty() {
            return self;
        }
        let json = serde_json::to_vec(&patch).unwrap_or_default();
        Self {
            patch_type: Some("JSONPatch"),
            encoded_patch: Some(STANDARD.encode(json)),
            patch,
            ..self
        }
    }

    /// The denial's message, or the empty string.
    pub fn message(&self) -> &str {
        self.status.as_ref().and_then(|status| status.message.as_deref()).unwrap_or_default()
    }

    /// The denial's code.
    pub fn code(&self) -> Option<u16> {
        self.status.as_ref().and_then(|status| status.code)
    }
}

fn uid(request: &Value) -> String {
    request.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned()
}
