//! Lists: tenants and namespaces as they are now, page by page.

use std::sync::Arc;

use anyhow::{Context, Result};
use assessment::document::{Document, Place};
use assessment::inventory::Inventory;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::pinned_kind;
use serde_json::{Value, json};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;

/// Objects of one page of a list, as kubectl asks for them.
pub const PAGE: u32 = 500;

/// Reads tenants and namespaces as they are now.
pub async fn inventory(client: &Client, settings: Settings) -> Result<Inventory> {
    read(client, settings, Managers::Dropped).await
}

/// The same with `managedFields` of namespaces.
pub async fn inventory_with_managers(client: &Client, settings: Settings) -> Result<Inventory> {
    read(client, settings, Managers::Kept).await
}

/// Whether namespaces come with their `managedFields`, which are longer than the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Managers {
    Dropped,
    Kept,
}

async fn read(client: &Client, settings: Settings, managers: Managers) -> Result<Inventory> {
    let mut documents = tenants(client, &settings, Managers::Dropped).await?;
    documents.extend(namespaces(client, managers).await?);
    Ok(Inventory::from_documents(settings, documents)?)
}

/// How the kind of the tenants is spelled in paths.
pub(crate) async fn tenant_resource(
    client: &Client,
    api_version: &str,
    kind: &str,
) -> Result<ApiResource> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let found = pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await;
    let (resource, _) = found.with_context(|| {
        format!("the kind {api_version} {kind} is not installed: apply its definition first")
    })?;
    Ok(resource)
}

async fn tenants(
    client: &Client,
    settings: &Settings,
    managers: Managers,
) -> Result<Vec<Document>> {
    match settings.source.kind() {
        Some((api_version, kind)) => objects(client, api_version, kind, managers).await,
        None => Ok(Vec::new()),
    }
}

/// All objects of a kind, without `managedFields`; an error if the kind is not installed.
pub async fn objects_of(client: &Client, api_version: &str, kind: &str) -> Result<Vec<Document>> {
    objects(client, api_version, kind, Managers::Dropped).await
}

async fn objects(
    client: &Client,
    api_version: &str,
    kind: &str,
    managers: Managers,
) -> Result<Vec<Document>> {
    let resource = tenant_resource(client, api_version, kind).await?;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut documents = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list =
            api.list(&page).await.with_context(|| format!("{kind} objects cannot be listed"))?;
        for mut object in list.items {
            object.metadata.managed_fields =
                object.metadata.managed_fields.filter(|_| managers == Managers::Kept);
            object.types.get_or_insert_with(|| kube::core::TypeMeta {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            });
            documents
                .push(Document { place: Place::cluster(), object: serde_json::to_value(&object)? });
        }
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(documents),
        }
    }
}

/// Tenants as they are in the cluster, `managedFields` and all, by name; those that cannot be used
/// are left out.
pub async fn tenant_objects(client: &Client, settings: &Settings) -> Result<Vec<(String, Value)>> {
    let objects = tenants(client, settings, Managers::Kept)
        .await?
        .into_iter()
        .map(|document| document.object);
    Ok(objects.filter_map(|object| Some((settings.tenant(&object).ok()?.name, object))).collect())
}

/// Every namespace as an object, without `managedFields`.
pub async fn namespace_objects(client: &Client) -> Result<Vec<Document>> {
    namespaces(client, Managers::Dropped).await
}

async fn namespaces(client: &Client, managers: Managers) -> Result<Vec<Document>> {
    let document = |mut metadata: ObjectMeta| {
        metadata.managed_fields = metadata.managed_fields.filter(|_| managers == Managers::Kept);
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        Document { place: Place::cluster(), object }
    };
    Ok(namespace_metadata(client).await?.into_iter().map(document).collect())
}

/// Tenants that can be used, by name, those of the settings included.
pub async fn known_tenants(
    client: &Client,
    settings: &Settings,
) -> Result<Vec<(String, Arc<Tenant>)>> {
    let objects = tenants(client, settings, Managers::Dropped).await?.into_iter();
    Ok(objects
        .filter_map(|document| settings.tenant(&document.object).ok())
        .map(|tenant| (tenant.name.clone(), Arc::new(tenant)))
        .collect())
}

/// Every namespace, those that the settings exclude included.
pub async fn namespace_metadata(client: &Client) -> Result<Vec<ObjectMeta>> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut found = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list_metadata(&page).await.context("namespaces cannot be listed")?;
        found.extend(list.items.into_iter().map(|item| item.metadata));
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}

/// Where the next page begins, if there is one.
pub fn next(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}
