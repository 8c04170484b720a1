//! Answers: JSON bodies, and the Status object that a refusal is.

use axum::body::Body;
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

/// A refusal in Kubernetes' words.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: StatusCode,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Value,
}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: String, details: Value) -> Self {
        Self { code, reason, message, details }
    }

    pub(super) fn bad_request(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message, json!({}))
    }

    /// No such path; it names no object.
    pub(super) fn no_resource() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource".to_owned(),
            json!({}),
        )
    }

    pub(super) fn not_found(plural: &str, name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("{plural} {name:?} not found"),
            json!({"kind": plural, "name": name}),
        )
    }

    pub(super) fn exists(plural: &str, name: &str) -> Self {
        let message = format!("{plural} {name:?} already exists");
        Self::new(
            StatusCode::CONFLICT,
            "AlreadyExists",
            message,
            json!({"kind": plural, "name": name}),
        )
    }

    pub(super) fn conflict(plural: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {plural} {name:?}: the object has been modified; please apply your changes to the latest version"
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message, json!({"kind": plural, "name": name}))
    }

    /// A patch that was meant for another object of the same name.
    pub(super) fn other_uid(plural: &str, name: &str) -> Self {
        let message = format!(
            "{plural} {name:?} is invalid: metadata.uid: Invalid value: field is immutable"
        );
        let cause = json!({"reason": "FieldValueInvalid", "message": "Invalid value: field is immutable", "field": "metadata.uid"});
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            message,
            json!({"kind": plural, "name": name, "causes": [cause]}),
        )
    }

    /// More annotations than the API server takes.
    pub(super) fn too_long(plural: &str, name: &str, most: usize) -> Self {
        let fault = format!("Too long: may not be more than {most} bytes");
        let message = format!("{plural} {name:?} is invalid: metadata.annotations: {fault}");
        let cause = json!({"reason": "FieldValueTooLong", "message": fault, "field": "metadata.annotations"});
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            message,
            json!({"kind": plural, "name": name, "causes": [cause]}),
        )
    }

    /// More than etcd takes.
    pub(super) fn too_large() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "etcdserver: request is too large".to_owned(),
            json!({}),
        )
    }

    /// A JSON patch whose `test` does not hold.
    pub(super) fn test_failed() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, json!({}))
    }

    /// A page of a list, or a start of a watch, that is not remembered any more.
    pub(super) fn expired(message: &str) -> Self {
        Self::new(StatusCode::GONE, "Expired", message.to_owned(), json!({}))
    }

    pub(super) fn too_many(retry_after: u64) -> Self {
        let message = "too many requests, please try again later".to_owned();
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            message,
            json!({"retryAfterSeconds": retry_after}),
        )
    }

    /// A webhook's denial, with the status that its author chose.
    pub(super) fn denied(code: u16, retry_after: u64) -> Self {
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN);
        let message =
            "admission webhook \"other.example.com\" denied the request: not now".to_owned();
        let details =
            if retry_after > 0 { json!({"retryAfterSeconds": retry_after}) } else { json!({}) };
        Self::new(code, "Denied", message, details)
    }

    /// The client has no right to list this.
    pub(super) fn forbidden(plural: &str) -> Self {
        let message = format!(
            "{plural} is forbidden: User \"landlord\" cannot list resource {plural:?} at the cluster scope"
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, json!({"kind": plural}))
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "etcdserver: request timed out".to_owned(),
            json!({}),
        )
    }

    /// The Status object.
    pub(super) fn status(&self) -> Value {
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message, "reason": self.reason,
               "details": self.details, "code": self.code.as_u16()})
    }

    pub(super) fn response(self) -> Response<Body> {
        let mut response = answer(self.code, &self.status());
        if let Some(seconds) = self.details["retryAfterSeconds"].as_u64() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A JSON body.
pub(super) fn answer(code: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
