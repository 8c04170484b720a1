//! Writer: carries one patch to the API server and says in the planner's terms what became of it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use tenancy::keys::FIELD_MANAGER;

use crate::clock;
use crate::write::Write;

/// No answer within this time counts as a failure; the next plan finds out whether the write arrived.
pub const TIMEOUT: Duration = Duration::from_secs(10);
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
    /// The namespace as it is now.
    Done(Box<ObjectMeta>),
    /// Sent, or only planned, without an effect.
    Dry,
    /// Somebody else wrote in between: plan again. With the API server's words.
    Conflict(String),
    /// Deleted, or deleted and created anew: forget this one.
    Gone,
    /// The API server is busy: come again after this time.
    Pushback(Duration),
    /// It is refused: this namespace, by this patch.
    Refused(Failure),
    /// There was no answer, or one that says that the API server is not well. Others would fare no better.
    Unavailable(Failure),
}

/// Why a write failed.
#[derive(Debug)]
pub struct Failure {
    /// A bounded word.
    pub reason: &'static str,
    pub message: String,
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
        let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(&write.patch);
        let answer = tokio::time::timeout(TIMEOUT, self.api.patch_metadata(&write.name, &params, &patch)).await;
        let written = match answer {
            Err(_) => unavailable("Timeout", format!("no answer within {} s", TIMEOUT.as_secs())),
            Ok(Ok(_)) if dry_run => Written::Dry,
            Ok(Ok(answer)) => Written::Done(Box::new(answer.metadata)),
            Ok(Err(error)) => judge(error),
        };
        (written, clock::now().duration_since(began))
    }

    /// The namespace as it is now; `None` if it is gone.
    pub async fn read(&self, name: &str) -> Result<Option<ObjectMeta>, Error> {
        Ok(clock::within(TIMEOUT, self.api.get_metadata_opt(name)).await?.map(|found| found.metadata))
    }
}

/// What became of a write that was answered by an error.
pub fn judge(error: Error) -> Written {
    let status = match error {
        Error::Api(status) => status,
        other => return unavailable("Unreachable", other.to_string()),
    };
    match status.code {
        // A webhook may answer 404 as well; the API server names what is missing.
        404 if status.details.as_ref().is_some_and(|details| !details.name.is_empty()) => Written::Gone,
        409 => Written::Conflict(status.message.clone()),
        // Only a namespace that was created anew has another uid.
        422 if status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.field == "metadata.uid") => Written::Gone,
        429 | 503 => Written::Pushback(retry_after(status.details.as_ref().map_or(0, |details| details.retry_after_seconds.into()))),
        403 => Written::Refused(Failure { reason: "Forbidden", message: status.message.clone() }),
        500.. => unavailable("ServerError", status.message.clone()),
        _ => Written::Refused(Failure { reason: "Refused", message: status.message.clone() }),
    }
}

fn retry_after(seconds: i64) -> Duration {
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map_or(RETRY_AFTER, Duration::from_secs)
}

/// A write that was not answered, or by an API server that is not well.
pub fn unavailable(reason: &'static str, message: String) -> Written {
    Written::Unavailable(Failure { reason, message })
}
