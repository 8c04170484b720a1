//! Host calls: what a policy asks of Kubewarden while it runs; three ways to answer without a
//! cluster, and one with. Answers and errors are worded as Kubewarden words them, because policies
//! read the words.

use serde::{Deserialize, Serialize};

mod cluster;
mod objects;
mod session;

pub use cluster::{ClusterAccess, ClusterObjects};
pub use objects::{Objects, ObjectsError};
pub use session::{Session, SessionError};

/// Answers a guest's host calls.
pub trait HostCalls: Send + Sync {
    /// `payload` and the answer are JSON; an error is what the guest gets to read.
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String>;
}

/// Nothing is granted: how Kubewarden runs a policy without context-aware resources.
#[derive(Clone, Copy, Debug, Default)]
pub struct Denied;

impl HostCalls for Denied {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let call = HostCall::read(binding, namespace, operation, payload)?;
        call.kind()
            .map_or(Ok(Vec::new()), |(api_version, kind)| Err(not_granted(api_version, kind)))
    }
}

/// What the policy wants.
enum HostCall {
    /// A line for the policy server's log.
    Log,
    GetResource(GetResource),
    List(List),
    CanI(CanI),
}

/// Anyone who asks who may do what needs this kind among the policy's `contextAwareResources`.
const ACCESS_REVIEW: (&str, &str) = ("authorization.k8s.io/v1", "SubjectAccessReview");

/// `kubewarden/kubernetes/get_resource`: one object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetResource {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether Kubewarden's cache of 5 s must not answer.
    #[serde(default)]
    pub disable_cache: bool,
    /// Paths of the fields wanted; all of them where absent.
    #[serde(default)]
    pub field_masks: Option<Vec<String>>,
}

/// `kubewarden/kubernetes/list_resources_by_namespace` and `list_resources_all`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub api_version: String,
    pub kind: String,
    /// Absent: in all namespaces.
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub label_selector: Option<String>,
    #[serde(default)]
    pub field_selector: Option<String>,
    #[serde(default)]
    pub field_masks: Option<Vec<String>>,
}

/// `kubewarden/kubernetes/can_i`: whether a user may do something.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanI {
    pub subject_access_review: AccessQuestion,
    /// Whether Kubewarden's cache of 5 s must not answer.
    #[serde(default)]
    pub disable_cache: bool,
}

/// Who, and what: fields as in `authorization.k8s.io/v1`, written as the SDK writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessQuestion {
    pub user: String,
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// group, name, namespace, resource, subresource, verb, version.
    pub resource_attributes: std::collections::BTreeMap<String, Option<String>>,
}

impl HostCall {
    /// The API version and kind that have to be granted.
    fn kind(&self) -> Option<(&str, &str)> {
        match self {
            Self::Log => None,
            Self::GetResource(request) => Some((&request.api_version, &request.kind)),
            Self::List(request) => Some((&request.api_version, &request.kind)),
            Self::CanI(_) => Some(ACCESS_REVIEW),
        }
    }

    fn read(
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Self, String> {
        match (binding, namespace, operation) {
            ("kubewarden", "tracing", "log") => Ok(Self::Log),
            ("kubewarden", "kubernetes", "get_resource") => parse(payload).map(Self::GetResource),
            ("kubewarden", "kubernetes", "list_resources_by_namespace" | "list_resources_all") => {
                parse(payload).map(Self::List)
            }
            ("kubewarden", "kubernetes", "can_i") => parse(payload).map(Self::CanI),
            ("kubewarden", "kubernetes" | "tracing", _) => {
                Err(format!("unknown operation: {operation}"))
            }
            ("kubewarden", _, _) => Err(format!("unknown namespace: {namespace}")),
            _ => Err(format!("unknown binding: {binding}")),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

fn not_found(GetResource { api_version, kind, name, namespace, .. }: &GetResource) -> String {
    format!("Cannot find {api_version}/{kind} named '{name}' inside of namespace '{namespace:?}'")
}

fn not_granted(api_version: &str, kind: &str) -> String {
    format!(
        "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
    )
}
