//! Writer: carries one patch to the API server and says in the planner's terms what became of it.

use std::time::Duration;

use assessment::Reason;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, Patch, PatchParams};
use kube::core::Status;
use kube::{Client, Error};
use tenancy::keys::FIELD_MANAGER;

use crate::clock::{self, ANSWER_TIMEOUT, late_message};
use crate::write::{Body, Write};

/// What to wait for after a 429 that does not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whether a write is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyMode {
    #[default]
    Apply,
    /// The API server judges it and stores nothing.
    ServerDryRun,
    /// Nothing is sent.
    PlanOnly,
}

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// The object as it is now; it carries what was written.
    Done(Box<ObjectMeta>),
    /// The API server took the write, but its answer lacks these parts of it: admission set them
    /// back. The object as it is now.
    Reverted(Box<ObjectMeta>, Vec<String>),
    /// Sent, or only planned, without an effect.
    Dry,
    /// Another client wrote in between: plan again. With the API server's words.
    Conflict(String),
    /// Deleted, or deleted and created anew: forget this one.
    Gone,
    /// It failed.
    Failed(Failure),
}

/// Why a write failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub reason: Reason,
    pub message: String,
    /// How long the answer asked to wait.
    pub retry_after: Option<Duration>,
    pub scope: Scope,
}

impl Failure {
    /// One of this object alone, which the answer does not ask to wait for.
    pub fn of_object(reason: Reason, message: String) -> Self {
        Self { reason, message, retry_after: None, scope: Scope::Object }
    }

    /// Whether admission refused the write, which says nothing of other objects.
    pub fn is_denial(&self) -> bool {
        is_denial(&self.message)
    }
}

/// What a failure says something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This object. A webhook's denial keeps the status that the webhook chose, so 429 and 503 are
    /// no exception.
    Object,
    /// The API server: it is not reached, or it says itself that it is busy.
    Server,
}

/// See the module.
#[derive(Clone)]
pub struct Writer {
    api: Api<Namespace>,
    mode: ApplyMode,
}

impl Writer {
    pub fn new(client: Client, mode: ApplyMode) -> Self {
        Self { api: Api::all(client), mode }
    }

    /// Sends the patch. Also says how long the answer took.
    pub async fn write(&self, write: &Write) -> (Written, Duration) {
        let began = clock::now();
        if self.mode == ApplyMode::PlanOnly {
            return (Written::Dry, Duration::ZERO);
        }
        let dry_run = self.mode == ApplyMode::ServerDryRun;
        let params = PatchParams {
            dry_run,
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = match &write.body {
            Body::Merge(patch) => Patch::Merge(patch),
            Body::Steps(steps) => Patch::Json(steps.clone()),
        };
        let answer = tokio::time::timeout(
            ANSWER_TIMEOUT,
            self.api.patch_metadata(&write.name, &params, &patch),
        )
        .await;
        let written = match answer {
            Err(_) => late(),
            Ok(Ok(answer)) => accept(write, answer.metadata, dry_run),
            Ok(Err(error)) => judge(error),
        };
        (written, clock::now().duration_since(began))
    }

    /// The namespace as it is now; `None` if it is gone.
    pub async fn read(&self, name: &str) -> Result<Option<ObjectMeta>, Error> {
        Ok(clock::within(ANSWER_TIMEOUT, self.api.get_metadata_opt(name))
            .await?
            .map(|found| found.metadata))
    }
}

fn accept(write: &Write, answer: ObjectMeta, dry_run: bool) -> Written {
    let missing = write.missing_in(&answer);
    if !missing.is_empty() {
        let missing = missing.iter().map(ToString::to_string).collect();
        return Written::Reverted(Box::new(answer), missing);
    }
    if dry_run { Written::Dry } else { Written::Done(Box::new(answer)) }
}

/// What became of a write that was answered by an error.
pub fn judge(error: Error) -> Written {
    let status = match error {
        Error::Api(status) => status,
        Error::HyperError(_) | Error::Service(_) => {
            return fail(Reason::Unreachable, error.to_string(), None, Scope::Server);
        }
        other => return fail(Reason::Unreachable, other.to_string(), None, Scope::Object),
    };
    let denied = is_denial(&status.message);
    let message = status.message.clone();
    let retry_after = retry_after(
        status.details.as_ref().map_or(0, |details| details.retry_after_seconds.into()),
    );
    match status.code {
        // A webhook may answer 404 as well; the API server names what is missing.
        404 if !denied
            && status.details.as_ref().is_some_and(|details| !details.name.is_empty()) =>
        {
            Written::Gone
        }
        409 if !denied => Written::Conflict(message),
        // Only a namespace that was created anew has another uid.
        422 if !denied && has_cause(&status, "metadata.uid", "") => Written::Gone,
        429 if !denied => {
            fail(Reason::Busy, message, Some(retry_after.unwrap_or(RETRY_AFTER)), Scope::Server)
        }
        _ if !denied && is_too_large(&status) => {
            fail(Reason::ObjectTooLarge, message, None, Scope::Object)
        }
        422 if !denied && has_cause(&status, "metadata.annotations", "FieldValueTooLong") => {
            fail(Reason::AnnotationsTooLarge, message, None, Scope::Object)
        }
        403 => fail(Reason::Forbidden, message, retry_after, Scope::Object),
        429 => fail(Reason::Refused, message, retry_after, Scope::Object),
        503 if denied => fail(Reason::Refused, message, retry_after, Scope::Object),
        500.. => fail(Reason::ServerError, message, retry_after, Scope::Object),
        _ => fail(Reason::Refused, message, retry_after, Scope::Object),
    }
}

/// Whether etcd (`etcdserver: request is too large`, answered as 500), its client (`trying to send
/// message larger than max`) or the API server (413) finds the object too large.
fn is_too_large(status: &Status) -> bool {
    status.code == 413
        || status.message.contains("request is too large")
        || status.message.contains("message larger than max")
}

/// Whether a refusal names this field, and a reason that begins so.
fn has_cause(status: &Status, field: &str, reason: &str) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.field == field && cause.reason.starts_with(reason))
}

/// Whether admission refused it: a webhook (`admission webhook "…" denied the request: …`) or an
/// admission policy (`ValidatingAdmissionPolicy '…' with binding '…' denied request: …`). Such an
/// answer has the status that its author chose.
pub(crate) fn is_denial(message: &str) -> bool {
    message.contains("denied the request") || message.contains("denied request")
}

fn retry_after(seconds: i64) -> Option<Duration> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// A write that was not answered in time. It may be this object's: a webhook that hangs is waited
/// for as long.
pub fn late() -> Written {
    fail(Reason::Timeout, late_message(ANSWER_TIMEOUT), None, Scope::Object)
}

fn fail(reason: Reason, message: String, retry_after: Option<Duration>, scope: Scope) -> Written {
    Written::Failed(Failure { reason, message, retry_after, scope })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn answer(code: u16, message: &str, retry_after_seconds: u32) -> Written {
        answer_with(code, message, json!({"retryAfterSeconds": retry_after_seconds}))
    }

    fn answer_with(code: u16, message: &str, details: Value) -> Written {
        let details = serde_json::from_value(details).expect("details");
        judge(Error::Api(Box::new(Status {
            code,
            message: message.to_owned(),
            details: Some(details),
            ..Status::default()
        })))
    }

    const WEBHOOK: &str = "admission webhook \"other.example.com\" denied the request: busy";
    const POLICY: &str = "namespaces \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";

    /// What one webhook or admission policy says is about one object, whatever the status.
    #[rstest]
    fn a_denial_is_about_the_object(
        #[values(400, 403, 404, 409, 422, 429, 500, 503, 504)] code: u16,
        #[values(WEBHOOK, POLICY)] message: &str,
    ) {
        // The API server passes on what a webhook says of another object.
        let details = json!({"name": "other", "causes": [{"field": "metadata.uid"}], "retryAfterSeconds": 60});
        let Written::Failed(failure) = answer_with(code, message, details) else {
            panic!("{code} is no failure")
        };
        assert_eq!(
            (failure.scope, failure.retry_after),
            (Scope::Object, Some(Duration::from_secs(60)))
        );
    }

    #[rstest]
    #[case(429, "too many requests, please try again later", Scope::Server)]
    #[case(503, "etcdserver: leader changed", Scope::Object)]
    #[case(500, "failed calling webhook \"w\": context deadline exceeded", Scope::Object)]
    fn only_the_servers_own_429_is_about_the_server(
        #[case] code: u16,
        #[case] message: &str,
        #[case] scope: Scope,
    ) {
        let Written::Failed(failure) = answer(code, message, 0) else {
            panic!("{code} is no failure")
        };
        assert_eq!(failure.scope, scope);
    }
    /// Too large is a fault of one object, whether API server or etcd finds it so.
    #[rstest]
    #[case(500, "etcdserver: request is too large", Reason::ObjectTooLarge)]
    #[case(
        500,
        "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2243022 vs. 2097152)",
        Reason::ObjectTooLarge
    )]
    #[case(413, "Request entity too large: limit is 3145728", Reason::ObjectTooLarge)]
    #[case(
        422,
        "Namespace \"web\" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes",
        Reason::AnnotationsTooLarge
    )]
    #[case(
        422,
        "admission webhook \"w\" denied the request: request is too large",
        Reason::Refused
    )]
    fn too_large(#[case] code: u16, #[case] message: &str, #[case] expected: Reason) {
        let details =
            json!({"causes": [{"reason": "FieldValueTooLong", "field": "metadata.annotations"}]});
        let Written::Failed(failure) = answer_with(code, message, details) else {
            panic!("{code} is no failure")
        };
        assert_eq!((failure.reason, failure.scope), (expected, Scope::Object));
    }
}
