//! The controller's rights: whether its service account may do what `deploy/rbac.yaml` gives it. A
//! role for a feature may be left out as a whole.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use serde_json::Value;
use tenancy::settings::TenantSource;

use super::{Check, CheckContext, Finding, some};
use cluster::error::message;

const MANIFEST: &str = include_str!("../../../../deploy/rbac.yaml");
/// The service account that the manifest gives rights to.
const SHIPPED: (&str, &str) = ("landlord", "controller");
const FIX: &str = "the roles are in the Helm chart and in deploy/rbac.yaml: if the account has another name there, bind the same roles to it, and name it in the \
                   settings (`controller`)";
/// Questions at a time.
const MAX_REVIEWS_IN_FLIGHT: usize = 8;

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

/// The rights of each role.
type Roles = BTreeMap<String, BTreeSet<Right>>;

pub(super) async fn check(context: &CheckContext) -> Finding {
    let settings = &context.inventory.settings;
    let (account, roles) = (&settings.controller, roles(&settings.controller));
    match missing(&context.client, account, &roles.values().flatten().cloned().collect()).await {
        Ok(missing) => {
            judge(account, &roles, &required(&settings.source), &missing.into_iter().collect())
        }
        Err(error) => Check::Rights.unknown(
            format!("the API server does not say what {account} may: {}", message(&error)),
            "let yourself create subjectaccessreviews",
        ),
    }
}

/// Roles that every controller needs; the others come with features, of which nobody has to use
/// any.
fn required(source: &TenantSource) -> Vec<&'static str> {
    let tenants = match source {
        TenantSource::Landlord => Some("landlord:tenants"),
        TenantSource::Capsule { .. } => Some("landlord:tenants-capsule"),
        TenantSource::Custom(_) | TenantSource::Inline(_) => None,
    };
    ["landlord:controller", "landlord:leases", "landlord:events"]
        .into_iter()
        .chain(tenants)
        .collect()
}

fn judge(account: &str, roles: &Roles, required: &[&str], missing: &BTreeSet<Right>) -> Finding {
    let (used, unused): (Vec<_>, Vec<_>) = roles
        .keys()
        .partition(|role| required.contains(&role.as_str()) || is_given(role, roles, missing));
    let needed: BTreeSet<&Right> =
        used.iter().filter_map(|role| roles.get(*role)).flatten().collect();
    let lacking: Vec<&&Right> = needed.iter().filter(|right| missing.contains(**right)).collect();
    if !lacking.is_empty() {
        return Check::Rights.wrong(
            format!(
                "service account {account} may not {}",
                some(lacking.iter().map(|right| right.describe()))
            ),
            FIX,
        );
    }
    let beside = if unused.is_empty() {
        String::new()
    } else {
        format!("; it has nothing of {}", some(unused))
    };
    Check::Rights.good(format!(
        "service account {account} has all {} rights that it uses{beside}",
        needed.len()
    ))
}

/// Whether a user gave a role, be it in part: one of its rights is there, and no other role that is
/// given explains it.
fn is_given(role: &str, roles: &Roles, missing: &BTreeSet<Right>) -> bool {
    let explains = |(name, rights): (&String, &BTreeSet<Right>), right: &Right| {
        name != role && rights.contains(right) && has_own(name, roles, missing)
    };
    let present = roles.get(role).into_iter().flatten().filter(|right| !missing.contains(*right));
    has_own(role, roles, missing)
        || present.into_iter().any(|right| !roles.iter().any(|other| explains(other, right)))
}

/// Whether one of the rights that no other role has is there.
fn has_own(role: &str, roles: &Roles, missing: &BTreeSet<Right>) -> bool {
    let own =
        |right: &&Right| roles.iter().all(|(name, rights)| name == role || !rights.contains(right));
    roles.get(role).into_iter().flatten().filter(own).any(|right| !missing.contains(right))
}

async fn missing(
    client: &Client,
    account: &str,
    rights: &BTreeSet<Right>,
) -> Result<Vec<Right>, Error> {
    let asked = stream::iter(rights.clone())
        .map(async |right| Ok((may(client, account, &right).await?, right)))
        .buffered(MAX_REVIEWS_IN_FLIGHT);
    asked.try_filter_map(async |(may, right)| Ok((!may).then_some(right))).try_collect().await
}

async fn may(client: &Client, account: &str, right: &Right) -> Result<bool, Error> {
    let namespace = account.split_once(':').map_or("", |(namespace, _)| namespace);
    let groups = [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ];
    let spec = SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{account}")),
        groups: Some(groups.into()),
        resource_attributes: Some(right.attributes()),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let answer = Api::<SubjectAccessReview>::all(client.clone())
        .create(&PostParams::default(), &review)
        .await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

impl Right {
    /// The same where the controller runs in this namespace.
    fn beside(self, controller: &str) -> Self {
        let namespace =
            self.namespace.map(|name| if name == SHIPPED.0 { controller.to_owned() } else { name });
        Self { namespace, ..self }
    }

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
    fn describe(&self) -> String {
        let sub = self.subresource.as_ref().map_or(String::new(), |sub| format!("/{sub}"));
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let within = self
            .namespace
            .as_ref()
            .map_or(String::new(), |namespace| format!(" in namespace {namespace}"));
        format!("{} {}{sub}{group}{within}", self.verb, self.resource)
    }
}

/// Those that the manifest gives the controller, for a service account that may be in another
/// namespace.
fn roles(account: &str) -> Roles {
    let documents: Vec<Value> = serde_saphyr::from_multiple(MANIFEST).unwrap_or_default();
    let namespace = account.split_once(':').map_or("", |(namespace, _)| namespace);
    let mut roles = Roles::new();
    for binding in documents
        .iter()
        .filter(|one| read_text(one, "/kind").ends_with("Binding") && binds_controller(one))
    {
        let rights = of_role(&documents, binding).into_iter().map(|right| right.beside(namespace));
        roles.entry(read_text(binding, "/roleRef/name").to_owned()).or_default().extend(rights);
    }
    roles
}

fn binds_controller(binding: &Value) -> bool {
    let (namespace, name) = SHIPPED;
    list(binding, "subjects").any(|subject| {
        read_text(subject, "/namespace") == namespace && read_text(subject, "/name") == name
    })
}

fn of_role(documents: &[Value], binding: &Value) -> Vec<Right> {
    let namespace = read_text(binding, "/metadata/namespace");
    let named = |one: &&Value| {
        let same = read_text(one, "/kind") == read_text(binding, "/roleRef/kind")
            && read_text(one, "/metadata/name") == read_text(binding, "/roleRef/name");
        same && (read_text(one, "/kind") == "ClusterRole"
            || read_text(one, "/metadata/namespace") == namespace)
    };
    let within = (!namespace.is_empty()).then(|| namespace.to_owned());
    let rules = documents.iter().filter(named).flat_map(|role| list(role, "rules"));
    rules.flat_map(|rule| of_rule(rule, within.as_ref())).collect()
}

/// Every combination.
fn of_rule(rule: &Value, namespace: Option<&String>) -> Vec<Right> {
    let strings = |field: &str| {
        list(rule, field).filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let names: Vec<Option<String>> = strings("resourceNames").into_iter().map(Some).collect();
    let names = if names.is_empty() { vec![None] } else { names };
    let mut rights = Vec::new();
    for group in strings("apiGroups") {
        for resource in strings("resources") {
            let (resource, subresource) = resource
                .split_once('/')
                .map_or((resource.as_str(), None), |(one, sub)| (one, Some(sub.to_owned())));
            let right = Right {
                namespace: namespace.cloned(),
                group: group.clone(),
                resource: resource.to_owned(),
                subresource,
                ..Right::default()
            };
            for verb in strings("verbs") {
                rights.extend(names.iter().map(|name| Right {
                    verb: verb.clone(),
                    name: name.clone(),
                    ..right.clone()
                }));
            }
        }
    }
    rights
}

fn read_text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object.get(field).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(rights: &BTreeSet<Right>) -> BTreeSet<String> {
        rights.iter().map(Right::describe).collect()
    }

    #[test]
    fn the_manifest_is_taken_apart() {
        let roles = roles("tenancy:keeper");
        for (role, expected) in [
            ("landlord:controller", "patch namespaces"),
            ("landlord:tenants", "patch tenants/status.landlord.dev"),
            ("landlord:leases", "update leases.coordination.k8s.io in namespace tenancy"),
            ("landlord:events", "create events.events.k8s.io in namespace default"),
        ] {
            assert!(
                describe(&roles[role]).contains(expected),
                "no {expected:?} in {:?}",
                roles[role]
            );
        }
        required(&TenantSource::Landlord)
            .into_iter()
            .chain(required(&TenantSource::Capsule { validations: false }))
            .for_each(|role| assert!(roles.contains_key(role), "{role}"));
    }

    /// A feature's role is missed only where a part of it is there.
    #[test]
    fn features_may_be_left_out() {
        let all = roles("landlord:controller");
        let required = required(&TenantSource::Landlord);
        let without = |left_out: &dyn Fn(&str, &Right) -> bool| {
            let pairs =
                || all.iter().flat_map(|(role, rights)| rights.iter().map(move |one| (role, one)));
            let (left_out, given): (Vec<_>, Vec<_>) =
                pairs().partition(|(role, right)| left_out(role, right));
            // What another role gives as well is not missing.
            let is_given = |right: &Right| given.iter().any(|(_, other)| *other == right);
            let missing = left_out.into_iter().filter(|(_, right)| !is_given(right));
            judge(
                "landlord:controller",
                &all,
                &required,
                &missing.map(|(_, right)| right.clone()).collect(),
            )
        };
        assert!(without(&|_, _| false).fix.is_none());
        // The guard may list what the strategy may list, and the audit create a ConfigMap: that does
        // not make a strategy.
        let good = without(&|role, _| role == "landlord:strategy");
        assert!(
            good.fix.is_none() && good.what.ends_with("it has nothing of landlord:strategy"),
            "{}",
            good.what
        );
        let wrong = without(&|role, right| role == "landlord:strategy" && right.verb == "patch");
        let words = "service account landlord:controller may not patch ";
        assert!(wrong.what.starts_with(words), "{}", wrong.what);
        // Nothing but holds explains that Pods may be listed where nobody gave the audit's role.
        let wrong = without(&|role, right| {
            role == "landlord:violations" || role == "landlord:holds" && right.verb == "patch"
        });
        assert!(wrong.what.contains("patch pods"), "{}", wrong.what);
        let good = without(&|role, _| role == "landlord:violations");
        assert!(good.what.ends_with("it has nothing of landlord:violations"), "{}", good.what);
        let wrong = without(&|role, _| role == "landlord:tenants");
        assert!(
            wrong.fix.is_some() && wrong.what.contains("list tenants.landlord.dev"),
            "{}",
            wrong.what
        );
    }
}
