//! Manifest: YAML as users apply it, brought to the API server by server-side apply.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, ResourceExt};
use serde_json::Value;

/// The field manager of all that this crate applies.
pub const FIELD_MANAGER: &str = "local-cluster";

/// A document that is no object, or that the API server refuses.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("not YAML: {0}")]
    Yaml(String),
    #[error("document {index} is no Kubernetes object: {message}")]
    Object { index: usize, message: String },
    #[error("{kind} {name:?}: {}", describe_error(error))]
    Refused { kind: String, name: String, error: Box<kube::Error> },
}

/// What the API server says, without the envelope it came in.
pub(crate) fn describe_error(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Reads the documents of a YAML text; empty ones are passed over.
pub fn read(yaml: &str) -> Result<Vec<DynamicObject>, ManifestError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)
        .map_err(|error| ManifestError::Yaml(error.to_string()))?;
    let objects = documents.into_iter().filter(|document| !document.is_null()).enumerate();
    objects.map(|(index, document)| object(index, document)).collect()
}

fn object(index: usize, document: Value) -> Result<DynamicObject, ManifestError> {
    let object: DynamicObject = serde_json::from_value(document)
        .map_err(|error| ManifestError::Object { index, message: error.to_string() })?;
    match (&object.types, &object.metadata.name) {
        (Some(_), Some(_)) => Ok(object),
        _ => Err(ManifestError::Object {
            index,
            message: "apiVersion, kind and metadata.name are needed".to_owned(),
        }),
    }
}

/// Applies every document of a YAML text, in order, and returns what the API server made of them.
pub async fn apply(client: &Client, yaml: &str) -> Result<Vec<DynamicObject>, ManifestError> {
    let mut applied = Vec::new();
    for object in read(yaml)? {
        applied.push(apply_object(client, &object).await?);
    }
    Ok(applied)
}

/// Applies one object.
pub async fn apply_object(
    client: &Client,
    object: &DynamicObject,
) -> Result<DynamicObject, ManifestError> {
    let refused = |source| ManifestError::Refused {
        kind: kind(object),
        name: object.name_any(),
        error: Box::new(source),
    };
    let api = api_of(client, object).await.map_err(refused)?;
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&object.name_any(), &params, &Patch::Apply(object)).await.map_err(refused)
}

/// The API for this object's kind, in its namespace (`default` where it has none).
pub async fn api_of(
    client: &Client,
    object: &DynamicObject,
) -> Result<Api<DynamicObject>, kube::Error> {
    let (resource, scope) = resource_of(client, object).await?;
    Ok(match scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(
            client.clone(),
            object.metadata.namespace.as_deref().unwrap_or("default"),
            &resource,
        ),
    })
}

async fn resource_of(
    client: &Client,
    object: &DynamicObject,
) -> Result<(ApiResource, Scope), kube::Error> {
    let types = object.types.clone().unwrap_or_default();
    let (group, version) =
        types.api_version.split_once('/').unwrap_or(("", types.api_version.as_str()));
    let (resource, capabilities) =
        pinned_kind(client, &GroupVersionKind::gvk(group, version, &types.kind)).await?;
    Ok((resource, capabilities.scope))
}

fn kind(object: &DynamicObject) -> String {
    object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default()
}
