//! Guard: whether Pods are kept out of namespaces that are not ready, found out by a Pod that the
//! API server judges and does not store. One namespace is kept unready for it; it has no Pods, and
//! landlord does not look after it.

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tenancy::keys::FIELD_MANAGER;
use tenancy::settings::{GuardScope, Rule, Settings, Unclaimed};
use thiserror::Error as ThisError;

use crate::admission_policies::stored::Stored;
use crate::error::message;
use guard::GATE;
use serde::{Deserialize, Serialize};

/// The namespace that never becomes ready; the chart and `deploy/rbac.yaml` bring it along.
pub use assessment::inventory::PROBE_NAMESPACE as NAMESPACE;
/// Annotations with which a namespace can be ready.
const READY_KEYS: [&str; 2] = [tenancy::ledger::ANNOTATION, tenancy::keys::UNCLAIMED];
/// How the API server names the part of the guard that refuses Pods.
pub const REFUSAL: &str = "ValidatingAdmissionPolicy 'landlord-guard-deny'";

/// Why it cannot be found out.
#[derive(Debug, ThisError)]
pub enum GuardError {
    #[error("namespace {NAMESPACE} is not there: apply deploy/rbac.yaml")]
    NoNamespace,
    #[error(
        "namespace {NAMESPACE} is excluded by the settings, so the guard lets its Pods in: narrow excludedNamespaces"
    )]
    Excluded,
    #[error(
        "namespace {NAMESPACE} does not claim the tenant of its own name, or is ready, so that nothing can be tried in it: apply deploy/rbac.yaml"
    )]
    Ready,
    #[error("the Pod in namespace {NAMESPACE} was refused, but not by the guard: {0}")]
    Refused(String),
    #[error("no answer: {0}")]
    Unanswered(String),
}

/// Whether Pods are kept out of namespaces that are not ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Enforcement {
    #[serde(alias = "bites")]
    Enforced,
    Missing {
        why: String,
    },
    Unknown {
        why: String,
    },
    /// It does not matter: `--without-guard`.
    Waived,
}

impl Enforcement {
    /// Why no namespace may be left to the controller.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::Enforced | Self::Waived => None,
            Self::Missing { why } => Some(format!("the guard is not enforced: {why}")),
            Self::Unknown { why } => {
                Some(format!("it is not known whether the guard is enforced: {why}"))
            }
        }
    }
}

/// Whether the guard refuses or holds a Pod in a namespace that is not compliant.
pub async fn is_enforced(client: &Client) -> Result<bool, GuardError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    match pods.create(&params, &harmless_pod(NAMESPACE)).await {
        Ok(pod) => Ok(pod
            .spec
            .and_then(|spec| spec.scheduling_gates)
            .into_iter()
            .flatten()
            .any(|gate| gate.name == GATE)),
        Err(Error::Api(status)) if status.message.contains(REFUSAL) => Ok(true),
        Err(Error::Api(status)) if status.code == 404 => Err(GuardError::NoNamespace),
        Err(Error::Api(status)) if status.code < 500 && status.code != 429 => {
            Err(GuardError::Refused(status.message.clone()))
        }
        Err(error) => Err(GuardError::Unanswered(message(&error))),
    }
}

/// The same for readers, which write nothing: an error also where the namespace is not kept unready.
pub async fn observe(client: &Client, settings: &Settings) -> Result<bool, GuardError> {
    if !is_unready(&read_namespace(client, settings).await?, settings) {
        return Err(GuardError::Ready);
    }
    is_enforced(client).await
}

/// The same for the whole guard: a Pod shows that *deny* or *hold* is at work, and the objects that
/// the guard is the one for these settings.
pub async fn check(client: &Client, settings: &Settings) -> Enforcement {
    if let Some(why) = uncovered(settings) {
        return Enforcement::Missing { why: why.to_owned() };
    }
    let answer = async {
        make_unready(client, settings).await?;
        is_enforced(client).await
    };
    match answer.await {
        Ok(true) => compare(client, settings).await,
        Ok(false) => Enforcement::Missing {
            why: format!("it let a Pod into namespace {NAMESPACE}, which is not ready: install it"),
        },
        Err(error) => Enforcement::Unknown { why: error.to_string() },
    }
}

/// Whether the guard that is enforced is the one that the settings call for.
async fn compare(client: &Client, settings: &Settings) -> Enforcement {
    match Stored::read(client).await.map(|stored| stored.shortfall_alone(settings)) {
        Ok(None) => Enforcement::Enforced,
        Ok(Some(why)) => Enforcement::Missing { why },
        Err(error) => Enforcement::Unknown {
            why: format!("admission policies cannot be listed: {}", message(&error)),
        },
    }
}

/// Namespaces that only the webhook keeps from being a way out, and claims that only it can read.
fn uncovered(settings: &Settings) -> Option<&'static str> {
    if settings.unclaimed == Unclaimed::Reject && settings.guard.scope == GuardScope::Labelled {
        return Some(
            "it watches labelled namespaces only, and `unclaimed: reject` is the webhook's work: set `guard: {scope: all}`",
        );
    }
    if !settings.unsealed_rules().is_empty() {
        return Some(
            "a jsonPath rule of `identify` reads what it cannot seal, so the webhook judges moves: name one label or annotation in the path",
        );
    }
    let reads_request = settings.identify.iter().any(Rule::reads_request);
    reads_request.then_some("a rule of `identify` reads `$.request`, which only the webhook sees: identify by what the namespace says")
}

/// Claims the namespace for a tenant that is none of its own, once, and takes away what would make
/// it look ready.
async fn make_unready(client: &Client, settings: &Settings) -> Result<(), GuardError> {
    if is_unready(&read_namespace(client, settings).await?, settings) {
        return Ok(());
    }
    let (label, [ledger, unclaimed]) = (settings.tenant_label(), READY_KEYS);
    let patch = json!({"metadata": {"labels": {label: NAMESPACE}, "annotations": {ledger: null, unclaimed: null}}});
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.patch(NAMESPACE, &params, &Patch::Merge(patch)).await.map(drop).map_err(unanswered)
}

async fn read_namespace(client: &Client, settings: &Settings) -> Result<ObjectMeta, GuardError> {
    if settings.excludes(NAMESPACE) {
        return Err(GuardError::Excluded);
    }
    let found = Api::<Namespace>::all(client.clone()).get_opt(NAMESPACE).await;
    found.map_err(unanswered)?.map(|found| found.metadata).ok_or(GuardError::NoNamespace)
}

fn is_unready(found: &ObjectMeta, settings: &Settings) -> bool {
    let tenant = found.labels.as_ref().and_then(|labels| labels.get(settings.tenant_label()));
    let has = |key: &str| found.annotations.as_ref().is_some_and(|all| all.contains_key(key));
    tenant.is_some_and(|tenant| tenant == NAMESPACE) && !READY_KEYS.into_iter().any(has)
}

fn unanswered(error: Error) -> GuardError {
    GuardError::Unanswered(message(&error))
}

/// A Pod that is only tried. It is as harmless as Pod Security's strictest level asks for, and has
/// the resources that a quota asks for, so that nothing but the guard refuses it.
pub fn harmless_pod(name: &str) -> Pod {
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let least = json!({"cpu": "1m", "memory": "1Mi"});
    let resources = json!({"requests": least, "limits": least});
    let container = json!({"name": "none", "image": "registry.k8s.io/pause:3.10", "securityContext": context, "resources": resources});
    let security = json!({"runAsNonRoot": true, "runAsUser": 65535, "seccompProfile": {"type": "RuntimeDefault"}});
    let spec = json!({"containers": [container], "securityContext": security, "automountServiceAccountToken": false});
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(json!({"unclaimed": "reject"}), true)]
    #[case(json!({"unclaimed": "reject", "guard": {"scope": "all"}}), false)]
    #[case(json!({"unclaimed": "allow"}), false)]
    #[case(json!({"identify": [{"jsonPath": {"path": "$.request.userInfo.groups[*]", "prefix": "tenant:"}}]}), true)]
    #[case(json!({"identify": [{"jsonPath": {"path": "$.namespace..team"}}]}), true)]
    #[case(json!({"identify": [{"jsonPath": {"path": "$.namespace.metadata.labels[*]", "prefix": "tenant-"}}]}), true)]
    #[case(json!({"identify": [{"jsonPath": {"path": "$.namespace.metadata.labels.team"}}, {"namePrefix": {}}]}), false)]
    fn what_only_the_webhook_refuses(#[case] settings: serde_json::Value, #[case] expected: bool) {
        let settings = Settings::from_value(&settings).expect("settings");
        assert_eq!(uncovered(&settings).is_some(), expected);
    }

    #[rstest]
    #[case::as_shipped(json!({"labels": {"landlord.dev/tenant": NAMESPACE}}), true)]
    #[case::unlabelled(json!({}), false)]
    #[case::of_a_tenant(json!({"labels": {"landlord.dev/tenant": "solar"}}), false)]
    #[case::ready(json!({"labels": {"landlord.dev/tenant": NAMESPACE}, "annotations": {"landlord.dev/ledger": "{}"}}), false)]
    fn where_something_can_be_tried(#[case] metadata: serde_json::Value, #[case] expected: bool) {
        let found: ObjectMeta = serde_json::from_value(metadata).expect("metadata");
        let settings = Settings::from_value(&json!({})).expect("settings");
        assert_eq!(is_unready(&found, &settings), expected);
    }

    #[test]
    fn the_namespace_is_the_one_that_the_seal_knows() {
        assert_eq!(NAMESPACE, guard::PROBE_NAMESPACE);
    }

    #[test]
    fn the_pod_is_one() {
        assert_eq!(harmless_pod(NAMESPACE).metadata.name.as_deref(), Some(NAMESPACE));
    }
}
