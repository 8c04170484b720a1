//! Response: what the policy answers, and the codes and words of a denial.

use serde_json::Value;
use tenancy::{members::object, text};

/// Most bytes of a message, and of all warnings together: the API server shows no more.
const MAX_TEXT_BYTES: usize = 4096;
/// Bytes that are kept for the number of warnings that are left out.
const LEFT_OUT_BYTES: usize = 32;

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

/// An admission: the object to store instead, if any, and what to tell the client and the audit
/// log.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Admission {
    pub(crate) object: Option<Value>,
    pub(crate) warnings: Vec<String>,
    pub(crate) audit: Vec<(&'static str, String)>,
}

pub(crate) type Outcome = Result<Admission, Denial>;

/// Of a text that quotes what a user sent, as much as is read.
pub(crate) fn readable(text: &str) -> String {
    shorten(text, MAX_TEXT_BYTES)
}

/// The text, or at most `most` bytes of it and how many there are.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    match text.get(..end).filter(|_| text.len() > most) {
        Some(head) => format!("{head}… ({} bytes in all)", text.len()),
        None => text.to_owned(),
    }
}

/// As many warnings as the API server shows, and how many are left out.
fn bound(warnings: Vec<String>) -> Vec<Value> {
    let (all, mut bytes) = (warnings.len(), 0);
    let fits = |warning: &String| {
        bytes += warning.len();
        bytes <= MAX_TEXT_BYTES - LEFT_OUT_BYTES
    };
    let first = warnings.first().map(|warning| shorten(warning, MAX_TEXT_BYTES / 2));
    let mut shown: Vec<String> =
        first.into_iter().chain(warnings.into_iter().skip(1)).take_while(fits).collect();
    if shown.len() < all {
        shown.push(format!("and {} more warnings", all - shown.len()));
    }
    shown.into_iter().map(Value::from).collect()
}

/// Kubewarden's `ValidationResponse` as JSON. The SDK has a type for it; filling and serialising
/// that is 10 KB more than to write it down.
pub(crate) fn encode(outcome: Outcome) -> Vec<u8> {
    let (code, message) = match &outcome {
        Ok(_) => (Value::Null, Value::Null),
        Err(Denial { code, message }) => (Value::from(*code), Value::from(readable(message))),
    };
    let accepted = Value::from(outcome.is_ok());
    let Admission { object: mutated, warnings, audit } = outcome.unwrap_or_default();
    let warnings = bound(warnings);
    let warnings = (!warnings.is_empty()).then(|| Value::from(warnings));
    let audit = (!audit.is_empty())
        .then(|| object(audit.into_iter().map(|(key, value)| (key, Value::from(value)))));
    let response = object([
        ("accepted", accepted),
        ("code", code),
        ("message", message),
        ("mutated_object", mutated.unwrap_or_default()),
        ("warnings", warnings.unwrap_or_default()),
        ("audit_annotations", audit.unwrap_or_default()),
    ]);
    text::print(&response).into_bytes()
}
