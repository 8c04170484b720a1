//! Pod writer: sends the patch that releases a gated Pod, and says what became of it.

use std::time::Duration;

use json_patch::{AddOperation, Patch as JsonPatch, PatchOperation};
use k8s_openapi::api::core::v1::{Pod, PodSpec, Toleration};
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
        patch: JsonPatch,
        gate: &str,
    ) -> (Written, Duration) {
        let began = clock::now();
        let api: Api<Pod> = Api::namespaced(self.0.clone(), namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let written = match tokio::time::timeout(
            ANSWER_TIMEOUT,
            api.patch(name, &params, &Patch::<()>::Json(patch.clone())),
        )
        .await
        {
            Err(_) => late(),
            Ok(Ok(answer)) => accept(&patch, gate, answer),
            Ok(Err(error)) if is_stale(&error) => Written::Conflict(error.to_string()),
            Ok(Err(error)) => judge(error),
        };
        (written, clock::now().duration_since(began))
    }
}

fn accept(patch: &JsonPatch, gate: &str, answer: Pod) -> Written {
    let missing = missing_in(&answer.spec.unwrap_or_default(), patch, gate);
    let meta = Box::new(answer.metadata);
    if missing.is_empty() { Written::Done(meta) } else { Written::Reverted(meta, missing) }
}

/// What an answer lacks of the patch: the gate's name where it is still there, and selector keys
/// and tolerations that were added in vain.
fn missing_in(spec: &PodSpec, patch: &JsonPatch, gate: &str) -> Vec<String> {
    let is_gated = spec.scheduling_gates.iter().flatten().any(|one| one.name == gate);
    let lost = patch.iter().filter_map(|operation| match operation {
        PatchOperation::Add(add) => lost(spec, add),
        _ => None,
    });
    is_gated.then(|| gate.to_owned()).into_iter().chain(lost).collect()
}

fn lost(spec: &PodSpec, AddOperation { path, value }: &AddOperation) -> Option<String> {
    let tokens: Vec<String> = path.tokens().map(|token| token.decoded().into_owned()).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    match tokens.as_slice() {
        ["spec", "nodeSelector", key] => {
            let found = spec.node_selector.as_ref().and_then(|selector| selector.get(*key));
            (found.map(String::as_str) != value.as_str()).then(|| format!("nodeSelector {key}"))
        }
        ["spec", "tolerations", "-"] => {
            let wanted: Toleration = serde_json::from_value(value.clone()).ok()?;
            let is_there = spec.tolerations.iter().flatten().any(|one| is_same(one, &wanted));
            (!is_there).then(|| format!("toleration {}", wanted.key.unwrap_or_default()))
        }
        _ => None,
    }
}

/// Whether they tolerate the same taint; the API server may spell the operator out.
fn is_same(one: &Toleration, other: &Toleration) -> bool {
    let taint = |one: &Toleration| (one.key.clone(), one.value.clone(), one.effect.clone());
    taint(one) == taint(other)
}

/// A JSON patch whose `test` fails is answered by a bare 422; where the object itself is not valid,
/// causes are given.
fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 422
        && !is_denial(&status.message)
        && status.details.as_ref().is_none_or(|details| details.causes.is_empty()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::operation::{add, remove};

    #[rstest]
    #[case::carried(json!({"nodeSelector": {"a.b/pool": "x"}, "tolerations": [{"key": "t", "operator": "Exists"}]}), &[])]
    #[case::gated(json!({"schedulingGates": [{"name": "other"}, {"name": "gate"}], "nodeSelector": {"a.b/pool": "x"}, "tolerations": [{"key": "t"}]}), &["gate"])]
    #[case::stripped(json!({}), &["nodeSelector a.b/pool", "toleration t"])]
    #[case::replaced(json!({"nodeSelector": {"a.b/pool": "y"}, "tolerations": [{"key": "u"}]}), &["nodeSelector a.b/pool", "toleration t"])]
    fn an_answer_has_to_carry_the_patch(#[case] spec: Value, #[case] missing: &[&str]) {
        let patch = JsonPatch(vec![
            add(["spec", "nodeSelector"], json!({})),
            add(["spec", "nodeSelector", "a.b/pool"], "x"),
            add(["spec", "tolerations", "-"], json!({"key": "t"})),
            remove(["spec", "schedulingGates", "0"]),
        ]);
        let mut spec = spec;
        spec["containers"] = json!([]);
        let spec: PodSpec = serde_json::from_value(spec).expect("a spec");
        assert_eq!(missing_in(&spec, &patch, "gate"), missing);
    }
}
