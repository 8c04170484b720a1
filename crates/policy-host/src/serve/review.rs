//! Review: the envelope `admission.k8s.io/v1` AdmissionReview.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::verdict::Verdict;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// What the API server sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    api_version: String,
    kind: String,
    request: Option<Value>,
}

/// What it gets back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Verdict,
}

/// Takes the request out of its envelope, or says what is wrong with it.
pub(super) fn request(body: &[u8]) -> Result<Value, String> {
    let question: Question =
        serde_json::from_slice(body).map_err(|error| format!("not an AdmissionReview: {error}"))?;
    if (question.api_version.as_str(), question.kind.as_str()) != (API_VERSION, KIND) {
        let (api_version, kind) = (question.api_version, question.kind);
        return Err(format!(
            "{api_version} {kind} is not understood: send {API_VERSION} {KIND} (admissionReviewVersions: [v1])"
        ));
    }
    question
        .request
        .filter(Value::is_object)
        .ok_or_else(|| "the AdmissionReview has no request".to_owned())
}

pub(super) fn answer(response: Verdict) -> Answer {
    Answer { api_version: API_VERSION, kind: KIND, response }
}
