//! Rights: the API server goes by a role and its binding a moment after it has stored them.

use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, DynamicObject, PostParams};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};

use super::StartError;
use crate::manifest::api_of;

const POLL: Duration = Duration::from_millis(20);

/// Waits until all subjects of these bindings may do what the last rule of their role says: a role
/// comes into force as a whole.
pub(super) async fn wait_until_in_force(
    client: &Client,
    applied: &[DynamicObject],
    patience: Duration,
) -> Result<(), StartError> {
    let deadline = Instant::now() + patience;
    for binding in applied.iter().filter(|object| {
        object.types.as_ref().is_some_and(|types| types.kind.ends_with("RoleBinding"))
    }) {
        let Some(rule) = last_rule(client, binding).await? else { continue };
        for subject in binding.data["subjects"].as_array().into_iter().flatten() {
            let question = question(subject, &rule, binding.namespace());
            while !is_allowed(client, &question).await? {
                if Instant::now() > deadline {
                    return Err(StartError::NotInForce {
                        binding: binding.name_any(),
                        question: question.to_string(),
                    });
                }
                tokio::time::sleep(POLL).await;
            }
        }
    }
    Ok(())
}

/// `None` where there is no role, or none that gives anything.
async fn last_rule(client: &Client, binding: &DynamicObject) -> Result<Option<Value>, Error> {
    let reference = &binding.data["roleRef"];
    let name = reference["name"].as_str().unwrap_or_default();
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": reference["kind"], "metadata": {"name": name, "namespace": binding.namespace()}});
    let role = serde_json::from_value(role).map_err(Error::SerdeError)?;
    let role = api_of(client, &role).await?.get_opt(name).await?;
    Ok(role.and_then(|role| role.data["rules"].as_array()?.last().cloned()))
}

/// The spec of a review: what the rule names first.
fn question(subject: &Value, rule: &Value, namespace: Option<String>) -> Value {
    let first = |field: &str| rule[field][0].as_str().unwrap_or_default();
    let name = subject["name"].as_str().unwrap_or_default();
    let mut question = match subject["kind"].as_str() {
        Some("Group") => json!({"user": "anybody", "groups": [name]}),
        Some("ServiceAccount") => {
            json!({"user": format!("system:serviceaccount:{}:{name}", subject["namespace"].as_str().unwrap_or_default())})
        }
        _ => json!({"user": name}),
    };
    if rule["nonResourceURLs"].is_array() {
        question["nonResourceAttributes"] =
            json!({"path": first("nonResourceURLs"), "verb": first("verbs")});
        return question;
    }
    let (resource, subresource) =
        first("resources").split_once('/').unwrap_or((first("resources"), ""));
    question["resourceAttributes"] = json!({
        "verb": first("verbs"), "group": first("apiGroups"), "resource": resource, "subresource": subresource,
        "name": first("resourceNames"), "namespace": namespace,
    });
    question
}

async fn is_allowed(client: &Client, question: &Value) -> Result<bool, Error> {
    let review = serde_json::from_value(json!({"spec": question})).map_err(Error::SerdeError)?;
    let answer: SubjectAccessReview =
        Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
