//! The controller's rights: whether its service account may do all that `deploy/rbac.yaml` gives it.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use serde_json::Value;

use super::{Check, Finding, Patient, some};

const MANIFEST: &str = include_str!("../../../../deploy/rbac.yaml");
/// The service account that the manifest gives rights to.
const SHIPPED: (&str, &str) = ("landlord", "controller");
/// Questions at a time.
const AT_A_TIME: usize = 8;

/// Something that the controller does.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    /// `None`: in all, or without one.
    namespace: Option<String>,
    group: String,
    resource: String,
    subresource: Option<String>,
    name: Option<String>,
    verb: String,
}

pub(super) async fn examine(patient: &Patient) -> Finding {
    let account = &patient.inventory.settings.controller;
    let rights = rights();
    match missing(&patient.client, account, &rights).await {
        Ok(missing) if missing.is_empty() => Check::Rights.good(format!("service account {account} has all {} rights that the controller uses", rights.len())),
        Ok(missing) => Check::Rights.wrong(
            format!("service account {account} may not {}", some(missing.iter().map(Right::words))),
            "`kubectl apply -f deploy/rbac.yaml`; if the account has another name, bind the same roles to it, and name it in the settings (`controller`)",
        ),
        Err(error) => Check::Rights.unknown(format!("the API server does not say what {account} may: {error}"), "let yourself create subjectaccessreviews"),
    }
}

async fn missing(client: &Client, account: &str, rights: &BTreeSet<Right>) -> Result<Vec<Right>, Error> {
    let asked = stream::iter(rights.clone()).map(async |right| Ok((may(client, account, &right).await?, right))).buffered(AT_A_TIME);
    asked.try_filter_map(async |(may, right)| Ok((!may).then_some(right))).try_collect().await
}

async fn may(client: &Client, account: &str, right: &Right) -> Result<bool, Error> {
    let namespace = account.split_once(':').map_or("", |(namespace, _)| namespace);
    let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}"), "system:authenticated".to_owned()];
    let spec = SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{account}")),
        groups: Some(groups.into()),
        resource_attributes: Some(right.attributes()),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let answer = Api::<SubjectAccessReview>::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

impl Right {
    fn attributes(&self) -> ResourceAttributes {
        ResourceAttributes {
            namespace: self.namespace.clone(),
            group: Some(self.group.clone()),
            resource: Some(self.resource.clone()),
            subresource: self.subresource.clone(),
            name: self.name.clone(),
            verb: Some(self.verb.clone()),
            ..ResourceAttributes::default()
        }
    }

    /// `patch tenants/status.landlord.dev`, as kubectl names resources.
    fn words(&self) -> String {
        let sub = self.subresource.as_ref().map_or(String::new(), |sub| format!("/{sub}"));
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let within = self.namespace.as_ref().map_or(String::new(), |namespace| format!(" in namespace {namespace}"));
        format!("{} {}{sub}{group}{within}", self.verb, self.resource)
    }
}

/// Those that the manifest gives the controller.
fn rights() -> BTreeSet<Right> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(MANIFEST).unwrap_or_default();
    let bindings = documents.iter().filter(|one| text(one, "/kind").ends_with("Binding") && binds_controller(one));
    bindings.flat_map(|binding| of_role(&documents, binding)).collect()
}

fn binds_controller(binding: &Value) -> bool {
    let (namespace, name) = SHIPPED;
    list(binding, "subjects").any(|subject| text(subject, "/namespace") == namespace && text(subject, "/name") == name)
}

fn of_role(documents: &[Value], binding: &Value) -> Vec<Right> {
    let namespace = text(binding, "/metadata/namespace");
    let named = |one: &&Value| {
        let same = text(one, "/kind") == text(binding, "/roleRef/kind") && text(one, "/metadata/name") == text(binding, "/roleRef/name");
        same && (text(one, "/kind") == "ClusterRole" || text(one, "/metadata/namespace") == namespace)
    };
    let within = (!namespace.is_empty()).then(|| namespace.to_owned());
    let rules = documents.iter().filter(named).flat_map(|role| list(role, "rules"));
    rules.flat_map(|rule| of_rule(rule, within.as_ref())).collect()
}

/// Every combination.
fn of_rule(rule: &Value, namespace: Option<&String>) -> Vec<Right> {
    let words = |field: &str| list(rule, field).filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    let names: Vec<Option<String>> = words("resourceNames").into_iter().map(Some).collect();
    let names = if names.is_empty() { vec![None] } else { names };
    let mut rights = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            let (resource, subresource) =
                resource.split_once('/').map_or((resource.as_str(), None), |(one, sub)| (one, Some(sub.to_owned())));
            let right = Right {
                namespace: namespace.cloned(),
                group: group.clone(),
                resource: resource.to_owned(),
                subresource,
                ..Right::default()
            };
            for verb in words("verbs") {
                rights.extend(names.iter().map(|name| Right { verb: verb.clone(), name: name.clone(), ..right.clone() }));
            }
        }
    }
    rights
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object.get(field).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_taken_apart() {
        let words: BTreeSet<String> = rights().iter().map(Right::words).collect();
        for expected in [
            "patch namespaces",
            "patch tenants/status.landlord.dev",
            "update leases.coordination.k8s.io in namespace landlord",
            "create events.events.k8s.io in namespace default",
        ] {
            assert!(words.contains(expected), "no {expected:?} in {words:?}");
        }
    }
}
