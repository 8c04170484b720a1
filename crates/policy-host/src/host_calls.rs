//! Host calls: what a policy asks of Kubewarden while it runs, and three ways to answer without a cluster. Answers and errors
//! are worded as Kubewarden words them, because policies read the words.

use serde::{Deserialize, Serialize};

mod objects;
mod session;

pub use objects::{Objects, ObjectsError};
pub use session::{Session, SessionError};

/// Answers a guest's host calls.
pub trait HostCalls: Send + Sync {
    /// `payload` and the answer are JSON; an error is what the guest gets to read.
    fn call(&self, binding: &str, namespace: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String>;
}

/// Nothing is granted: how Kubewarden runs a policy without context-aware resources.
#[derive(Clone, Copy, Debug, Default)]
pub struct Denied;

impl HostCalls for Denied {
    fn call(&self, binding: &str, namespace: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
        let request = match HostCall::read(binding, namespace, operation, payload)? {
            HostCall::Log => return Ok(Vec::new()),
            HostCall::GetResource(request) => request,
        };
        Err(not_granted(&request))
    }
}

/// What the policy wants.
enum HostCall {
    /// A line for the policy server's log.
    Log,
    GetResource(GetResource),
}

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

impl HostCall {
    fn read(binding: &str, namespace: &str, operation: &str, payload: &[u8]) -> Result<Self, String> {
        match (binding, namespace, operation) {
            ("kubewarden", "tracing", "log") => Ok(Self::Log),
            ("kubewarden", "kubernetes", "get_resource") => {
                serde_json::from_slice(payload).map(Self::GetResource).map_err(|error| error.to_string())
            }
            ("kubewarden", "kubernetes" | "tracing", _) => Err(format!("unknown operation: {operation}")),
            ("kubewarden", _, _) => Err(format!("unknown namespace: {namespace}")),
            _ => Err(format!("unknown binding: {binding}")),
        }
    }
}

fn not_granted(GetResource { api_version, kind, .. }: &GetResource) -> String {
    format!("Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported.")
}
