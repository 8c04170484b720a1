//! Response: what the policy answers, and the codes and words of a denial.

use kubewarden_policy_sdk::response::ValidationResponse;
use serde_json::Value;

/// A denial: an HTTP status code and a message that says what, where, which value and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Denial {
    /// 403: not the requester's to do.
    pub(crate) fn forbidden(message: String) -> Self {
        Self { code: 403, message }
    }

    /// 409: the namespace has a wanted key with another value.
    pub(crate) fn conflict(message: String) -> Self {
        Self { code: 409, message }
    }

    /// 422: the namespace cannot be as it is asked for.
    pub(crate) fn invalid(message: String) -> Self {
        Self { code: 422, message }
    }

    /// 500: the policy itself cannot work.
    pub(crate) fn internal(message: String) -> Self {
        Self { code: 500, message }
    }

    /// 503: the tenant could not be read.
    pub(crate) fn unavailable(message: String) -> Self {
        Self { code: 503, message }
    }
}

/// An admission: the object to store instead, if any, and what to tell the client and the audit log.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Admission {
    pub(crate) object: Option<Value>,
    pub(crate) warnings: Vec<String>,
    pub(crate) audit: Vec<(&'static str, String)>,
}

pub(crate) type Outcome = Result<Admission, Denial>;

/// Kubewarden's `ValidationResponse` as JSON.
pub(crate) fn encode(outcome: Outcome) -> Vec<u8> {
    let response = match outcome {
        Ok(admission) => accept(admission),
        Err(Denial { code, message }) => ValidationResponse { accepted: false, message: Some(message), code: Some(code), ..empty() },
    };
    // Strings, numbers and raw JSON always serialise.
    serde_json::to_vec(&response).unwrap_or_default()
}

fn accept(Admission { object, warnings, audit }: Admission) -> ValidationResponse {
    let audit = audit.into_iter().map(|(key, value)| (key.to_owned(), value));
    ValidationResponse {
        mutated_object: object,
        warnings: (!warnings.is_empty()).then_some(warnings),
        audit_annotations: Some(audit.collect()).filter(|audit: &std::collections::HashMap<_, _>| !audit.is_empty()),
        ..empty()
    }
}

fn empty() -> ValidationResponse {
    ValidationResponse { accepted: true, message: None, code: None, mutated_object: None, audit_annotations: None, warnings: None }
}
