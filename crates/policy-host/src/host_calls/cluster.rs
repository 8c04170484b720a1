//! Cluster: host calls answered by a real API server, as Kubewarden's policy server does: only
//! kinds that were granted, and from a memory of 5 s unless the policy forbids it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, Error};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{AccessQuestion, CanI, GetResource, HostCall, HostCalls, List, not_found, not_granted};

/// How long an answer is remembered, as in Kubewarden.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How long the API server may take. The policy's own deadline does not run while it waits for an
/// answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// More answers than this are not remembered.
const MEMORY: usize = 10_000;

/// What all policies of a server share: the connection, what is known of kinds, and the memory.
pub struct ClusterAccess {
    client: Client,
    runtime: Handle,
    kinds: Mutex<BTreeMap<(String, String), (ApiResource, bool)>>,
    memory: Mutex<BTreeMap<String, (Instant, Answer)>>,
}

/// One policy's view of the cluster.
#[derive(Clone)]
pub struct ClusterObjects {
    access: Arc<ClusterAccess>,
    granted: BTreeSet<(String, String)>,
}

type Answer = Result<Vec<u8>, String>;

impl ClusterAccess {
    /// Reads with `client`, whose rights are what the policy can see at most. Calls must come from
    /// threads outside of `runtime`.
    pub fn new(client: Client, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { client, runtime, kinds: Mutex::default(), memory: Mutex::default() })
    }

    /// A policy that was granted these kinds (`(apiVersion, kind)`).
    pub fn granting(
        self: &Arc<Self>,
        granted: impl IntoIterator<Item = (String, String)>,
    ) -> ClusterObjects {
        ClusterObjects { access: Arc::clone(self), granted: granted.into_iter().collect() }
    }

    fn remembered(&self, key: &str) -> Option<Answer> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory
            .get(key)
            .filter(|(since, _)| since.elapsed() < REMEMBERED)
            .map(|(_, answer)| answer.clone())
    }

    fn remember(&self, key: String, answer: &Answer) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MEMORY {
            memory.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
        }
        if memory.len() < MEMORY {
            memory.insert(key, (Instant::now(), answer.clone()));
        }
    }

    async fn answer(&self, call: &HostCall) -> Answer {
        let work = async {
            match call {
                HostCall::Log => Ok(Vec::new()),
                HostCall::GetResource(request) => self.get(request).await,
                HostCall::List(request) => self.list(request).await,
                HostCall::CanI(request) => self.can_i(&request.subject_access_review).await,
            }
        };
        let late = || format!("the API server did not answer within {} s", PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, work).await.map_err(|_| late())?
    }

    async fn get(&self, request: &GetResource) -> Answer {
        let api =
            self.api(&request.api_version, &request.kind, request.namespace.as_deref()).await?;
        let object = api
            .get_opt(&request.name)
            .await
            .map_err(describe_error)?
            .ok_or_else(|| not_found(request))?;
        serde_json::to_vec(&object).map_err(|error| error.to_string())
    }

    async fn list(&self, request: &List) -> Answer {
        let api =
            self.api(&request.api_version, &request.kind, request.namespace.as_deref()).await?;
        let selectors = (request.label_selector.clone(), request.field_selector.clone());
        let params = ListParams {
            label_selector: selectors.0,
            field_selector: selectors.1,
            ..ListParams::default()
        };
        let list = api.list(&params).await.map_err(describe_error)?;
        serde_json::to_vec(&list).map_err(|error| error.to_string())
    }

    async fn can_i(&self, question: &AccessQuestion) -> Answer {
        let attribute = |name: &str| question.resource_attributes.get(name).cloned().flatten();
        let resource_attributes = ResourceAttributes {
            group: attribute("group"),
            name: attribute("name"),
            namespace: attribute("namespace"),
            resource: attribute("resource"),
            subresource: attribute("subresource"),
            verb: attribute("verb"),
            version: attribute("version"),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(question.user.clone()),
            groups: question.groups.clone(),
            resource_attributes: Some(resource_attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = Api::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await
            .map_err(describe_error)?;
        serde_json::to_vec(&answer.status.unwrap_or_default()).map_err(|error| error.to_string())
    }

    async fn api(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<Api<DynamicObject>, String> {
        let (resource, namespaced) = self.kind(api_version, kind).await?;
        Ok(match namespace.filter(|_| namespaced) {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        })
    }

    /// Asks the API server once how a kind is spelled in paths.
    async fn kind(&self, api_version: &str, kind: &str) -> Result<(ApiResource, bool), String> {
        let place = (api_version.to_owned(), kind.to_owned());
        if let Some(known) = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Ok(known.clone());
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let found = pinned_kind(&self.client, &GroupVersionKind::gvk(group, version, kind)).await;
        let (resource, capabilities) = found.map_err(|error| match error {
            Error::Discovery(_) => format!("Cannot find resource {api_version}/{kind}"),
            Error::Api(status) if status.code == 404 => {
                format!("Cannot find resource {api_version}/{kind}")
            }
            other => describe_error(other),
        })?;
        let known = (resource, capabilities.scope == Scope::Namespaced);
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).insert(place, known.clone());
        Ok(known)
    }
}

fn describe_error(error: Error) -> String {
    error.to_string()
}

impl HostCall {
    /// What an answer is remembered by; `None` where it must not be.
    fn memory_key(&self) -> Option<String> {
        match self {
            Self::GetResource(GetResource { disable_cache: true, .. })
            | Self::CanI(CanI { disable_cache: true, .. })
            | Self::Log => None,
            Self::GetResource(request) => Some(format!("{request:?}")),
            Self::List(request) => Some(format!("{request:?}")),
            Self::CanI(request) => Some(format!("{request:?}")),
        }
    }
}

impl HostCalls for ClusterObjects {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let call = HostCall::read(binding, namespace, operation, payload)?;
        let Some((api_version, kind)) = call.kind() else {
            tracing::info!(policy_says = log_line(payload));
            return Ok(Vec::new());
        };
        if !self.granted.contains(&(api_version.to_owned(), kind.to_owned())) {
            return Err(not_granted(api_version, kind));
        }
        let key = call.memory_key();
        if let Some(answer) = key.as_deref().and_then(|key| self.access.remembered(key)) {
            return answer;
        }
        let answer = self.access.runtime.block_on(self.access.answer(&call));
        if let (Some(key), Ok(_)) = (key, &answer) {
            self.access.remember(key, &answer);
        }
        answer
    }
}

/// The message of a policy's log event.
fn log_line(payload: &[u8]) -> String {
    let event: Value = serde_json::from_slice(payload).unwrap_or_default();
    event.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
}
