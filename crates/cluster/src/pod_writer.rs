//! Pod writer: sends the patch that releases a Pod, and says what became of it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::Value;
use tenancy::keys::FIELD_MANAGER;

use crate::writer::{Failure, TIMEOUT, Written, judge, unavailable};

/// See the module.
#[derive(Clone)]
pub struct PodWriter(pub Client);

impl PodWriter {
    /// Sends the JSON patch. Also says how long the answer took.
    pub async fn write(&self, namespace: &str, name: &str, patch: Value) -> (Written, Duration) {
        let began = crate::clock::now();
        let written = match serde_json::from_value(patch) {
            Ok(patch) => self.send(namespace, name, Patch::<()>::Json(patch)).await,
            Err(error) => Written::Refused(Failure { reason: "Refused", message: format!("not a JSON patch: {error}") }),
        };
        (written, crate::clock::now().duration_since(began))
    }

    async fn send(&self, namespace: &str, name: &str, patch: Patch<()>) -> Written {
        let api: Api<Pod> = Api::namespaced(self.0.clone(), namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match tokio::time::timeout(TIMEOUT, api.patch_metadata(name, &params, &patch)).await {
            Err(_) => unavailable("Timeout", format!("no answer within {} s", TIMEOUT.as_secs())),
            Ok(Ok(answer)) => Written::Done(Box::new(answer.metadata)),
            Ok(Err(error)) if is_stale(&error) => Written::Conflict(error.to_string()),
            Ok(Err(error)) => judge(error),
        }
    }
}

/// A JSON patch whose `test` fails is answered by a bare 422; where the object itself is not valid, causes are given.
fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 422 && status.details.as_ref().is_none_or(|details| details.causes.is_empty()))
}
