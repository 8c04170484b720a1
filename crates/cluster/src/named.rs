//! Named: single namespaces and the tenants that their claims name, each read by one GET. Nothing
//! is listed, whatever the size of the cluster: every rule names its tenant, and of `namePrefix`
//! the engine tries a few names only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result};
use assessment::Assessment;
use assessment::document::{Document, Place};
use assessment::inventory::Inventory;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, TypeMeta};
use serde_json::{Value, json};
use tenancy::namespace::Namespace;
use tenancy::settings::Settings;

use crate::lists::{PAGE, tenant_resource};

/// Reads these namespaces, and the tenants that decide about them. With `new_tenant`, also what
/// decides once they are labelled for it. What does not exist is left out.
pub async fn inventory(
    client: &Client,
    settings: Settings,
    names: &[String],
    new_tenant: Option<&str>,
) -> Result<Inventory> {
    let mut tenants =
        Tenants { client, settings: &settings, resource: None, read: BTreeMap::new() };
    let mut documents = Vec::new();
    for name in names.iter().collect::<BTreeSet<_>>() {
        let Some(object) = namespace(client, name).await? else { continue };
        tenants.read_claimed(&object).await?;
        if let Some(tenant) = new_tenant.map(|name| settings.source.canonical(name.to_owned())) {
            tenants.read(&tenant).await?;
            tenants.read_claimed(&labelled(&object, settings.tenant_label(), &tenant)).await?;
        }
        documents.push(Document { place: Place::cluster(), object });
    }
    documents.extend(tenants.documents());
    Ok(Inventory::from_documents(settings, documents)?)
}

async fn namespace(client: &Client, name: &str) -> Result<Option<Value>> {
    let api: Api<KubeNamespace> = Api::all(client.clone());
    let found = api.get_metadata_opt(name).await;
    let found = found.with_context(|| format!("namespace {name:?} cannot be read"))?;
    Ok(found.map(|found| {
        let metadata = ObjectMeta { managed_fields: None, ..found.metadata };
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    }))
}

fn labelled(object: &Value, label: &str, tenant: &str) -> Value {
    let mut object = object.clone();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let labels = metadata.map(|metadata| metadata.entry("labels").or_insert_with(|| json!({})));
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.insert(label.to_owned(), json!(tenant));
    }
    object
}

/// Tenants, each asked for once.
struct Tenants<'a> {
    client: &'a Client,
    settings: &'a Settings,
    /// How the kind is spelled in paths.
    resource: Option<ApiResource>,
    /// `None` where there is none of that name.
    read: BTreeMap<String, Option<Value>>,
}

impl Tenants<'_> {
    /// Reads those that the engine asks for when it is asked about this namespace, one after the
    /// other.
    async fn read_claimed(&mut self, object: &Value) -> Result<()> {
        // One that the engine cannot read is reported by the inventory.
        let Ok(namespace) = Namespace::from_value(object) else { return Ok(()) };
        while let Some(name) = self.missing(&namespace, object) {
            self.read(&name).await?;
        }
        Ok(())
    }

    /// The first tenant that the engine asks for and that has not been read.
    fn missing(&self, namespace: &Namespace, object: &Value) -> Option<String> {
        let mut missing = None;
        let lookup = |name: &str| {
            if let Some(inline) = self.settings.source.inline(name) {
                return Ok(Some(Arc::new(inline.clone())));
            }
            let Some(read) = self.read.get(name) else {
                missing = Some(name.to_owned());
                return Err("it has not been read".to_owned());
            };
            let tenant = read.as_ref().map(|object| self.settings.tenant(object)).transpose();
            tenant.map(|tenant| tenant.map(Arc::new)).map_err(|error| error.source.to_string())
        };
        Assessment::judge(self.settings, namespace, || object.clone(), lookup);
        missing
    }

    async fn read(&mut self, name: &str) -> Result<()> {
        if !self.read.contains_key(name) {
            let object = self.get(name).await?;
            self.read.insert(name.to_owned(), object);
        }
        Ok(())
    }

    async fn get(&mut self, name: &str) -> Result<Option<Value>> {
        // An inline tenant is at hand, and some names no object can have.
        let Some(reference) = self.settings.source.reference(name) else { return Ok(None) };
        let resource = match &self.resource {
            Some(resource) => resource.clone(),
            None => self
                .resource
                .insert(
                    tenant_resource(self.client, &reference.api_version, &reference.kind).await?,
                )
                .clone(),
        };
        let client = self.client.clone();
        let api: Api<DynamicObject> = match &reference.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let found = api.get_opt(&reference.name).await;
        let found = found.with_context(|| format!("tenant {name:?} cannot be read"))?;
        let object = found.map(|mut found| {
            found.metadata.managed_fields = None;
            found.types.get_or_insert_with(|| TypeMeta {
                api_version: reference.api_version.clone(),
                kind: reference.kind.clone(),
            });
            serde_json::to_value(&found)
        });
        Ok(object.transpose()?)
    }

    fn documents(self) -> impl Iterator<Item = Document> {
        let objects = self.read.into_values().flatten();
        objects.map(|object| Document { place: Place::cluster(), object })
    }
}

/// Names of namespaces that a user may have meant: one page of them, or none where they may not be
/// listed. For the moment after a name that is not there.
pub async fn some_namespaces(client: &Client) -> Vec<String> {
    let api: Api<KubeNamespace> = Api::all(client.clone());
    let page = api.list_metadata(&ListParams::default().limit(PAGE)).await;
    page.map(|page| page.items.into_iter().filter_map(|one| one.metadata.name).collect())
        .unwrap_or_default()
}

/// The same of tenants.
pub async fn some_tenants(client: &Client, settings: &Settings) -> Vec<String> {
    if settings.source.kind().is_none() {
        return Inventory::from_documents(settings.clone(), Vec::new())
            .map(|inventory| inventory.tenant_names())
            .unwrap_or_default();
    }
    page_of_tenants(client, settings).await.unwrap_or_default()
}

async fn page_of_tenants(client: &Client, settings: &Settings) -> Result<Vec<String>> {
    let (api_version, kind) = settings.source.kind().context("there is no kind")?;
    let resource = tenant_resource(client, api_version, kind).await?;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let page = api.list(&ListParams::default().limit(PAGE)).await?;
    let object = |one: &DynamicObject| serde_json::to_value(one).ok();
    let objects = page.items.iter().filter_map(object);
    Ok(objects.filter_map(|object| Some(settings.tenant(&object).ok()?.name)).collect())
}
