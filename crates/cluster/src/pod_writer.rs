//! Pod writer: sends the patch that releases a gated Pod, and says what became of it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use tenancy::keys::FIELD_MANAGER;

use crate::clock::{self, ANSWER_TIMEOUT};
use crate::writer::{Written, is_denial, judge, late};

/// See the module.
#[derive(Clone)]
pub struct PodWriter(pub Client);

impl PodWriter {
    /// Sends the JSON patch, which takes this scheduling gate away. Also says how long the answer
    /// took.
    pub async fn write(
        &self,
        namespace: &str,
        name: &str,
        patch: json_patch::Patch,
        gate: &str,
    ) -> (Written, Duration) {
        let began = clock::now();
        let api: Api<Pod> = Api::namespaced(self.0.clone(), namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let written = match tokio::time::timeout(
            ANSWER_TIMEOUT,
            api.patch(name, &params, &Patch::<()>::Json(patch)),
        )
        .await
        {
            Err(_) => late(),
            Ok(Ok(answer)) if has_gate(&answer, gate) => {
                Written::Reverted(Box::new(answer.metadata), Vec::new())
            }
            Ok(Ok(answer)) => Written::Done(Box::new(answer.metadata)),
            Ok(Err(error)) if is_stale(&error) => Written::Conflict(error.to_string()),
            Ok(Err(error)) => judge(error),
        };
        (written, clock::now().duration_since(began))
    }
}

fn has_gate(pod: &Pod, gate: &str) -> bool {
    pod.spec
        .iter()
        .flat_map(|spec| spec.scheduling_gates.iter().flatten())
        .any(|one| one.name == gate)
}

/// A JSON patch whose `test` fails is answered by a bare 422; where the object itself is not valid,
/// causes are given.
fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 422
        && !is_denial(&status.message)
        && status.details.as_ref().is_none_or(|details| details.causes.is_empty()))
}
