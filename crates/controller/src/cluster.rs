//! Cluster: where a command's API server is, and what it reads of it at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DynamicObject, GroupVersionKind, ListParams};
use kube::client::ConfigExt;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::discovery::pinned_kind;
use kube::{Client, Config};
use serde_json::{Value, json};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;
use tower::{BoxError, ServiceBuilder};

use crate::completion;
use crate::names::suggestion;
use assessment::document::{Document, Place};
use assessment::inventory::Inventory;

mod settings;

pub(crate) use self::settings::{Origin, SettingsFlags};

/// Objects of one page of a list, as kubectl asks for them.
pub(crate) const PAGE: u32 = 500;

/// kubectl's flags for the way to a cluster.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Connection {
    /// Kubeconfig to use [default: as kubectl, or the Pod's service account]
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, env = "LANDLORD_CONTEXT", value_name = "NAME", add = completion::contexts())]
    context: Option<String>,
}

impl Connection {
    /// What these flags and, where they are not given, the environment choose.
    pub(crate) fn new(kubeconfig: Option<PathBuf>, context: Option<String>) -> Self {
        Self { kubeconfig, context: context.or_else(|| std::env::var("LANDLORD_CONTEXT").ok()) }
    }

    /// Contexts of the kubeconfig, whichever of them is chosen; none where it cannot be read.
    pub(crate) fn contexts(&self) -> Vec<String> {
        let found = self.kubeconfig.as_deref().map_or_else(Kubeconfig::read, kubeconfig);
        found.map(|found| found.contexts.into_iter().map(|context| context.name).collect()).unwrap_or_default()
    }

    /// A client without retries of its own: what is tried again, and when, is landlord's to decide.
    pub(crate) async fn client(&self) -> Result<Client> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let place = || format!("kubeconfig {}", path.display());
                self.choose(kubeconfig(path).with_context(place)?, &options).await.with_context(place)?
            }
            None if self.context.is_none() => Config::infer().await.context("no cluster")?,
            None => self.choose(Kubeconfig::read().context("no cluster")?, &options).await?,
        };
        config.default_retry = false;
        connect(config)
    }

    /// The context that is asked for, or the current one.
    async fn choose(&self, kubeconfig: Kubeconfig, options: &KubeConfigOptions) -> Result<Config> {
        let names: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
        if let Some(wanted) = self.context.as_ref().filter(|wanted| !names.contains(wanted)) {
            bail!("there is no context {wanted:?}{}", suggestion(wanted, names.iter().map(String::as_str)));
        }
        Ok(Config::from_custom_kubeconfig(kubeconfig, options).await?)
    }
}

/// A file, or as kubectl takes it from the environment several of them, of which those that are not there are passed over.
fn kubeconfig(paths: &Path) -> Result<Kubeconfig, KubeconfigError> {
    // A name that holds what separates names elsewhere.
    if paths.is_file() {
        return Kubeconfig::read_from(paths);
    }
    let paths: Vec<PathBuf> = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect();
    match paths.as_slice() {
        [path] => Kubeconfig::read_from(path),
        paths => {
            let read = paths.iter().filter(|path| path.exists()).map(Kubeconfig::read_from);
            read.reduce(|merged, next| merged?.merge(next?)).unwrap_or(Err(KubeconfigError::FindPath))
        }
    }
}

/// kube's own client, but with sockets that send at once. The body of a PATCH follows its head in a packet of its own, and on a
/// connection that was idle Linux would hold it back for 40 ms, until the head is acknowledged.
fn connect(config: Config) -> Result<Client> {
    if config.proxy_url.is_some() {
        return Ok(Client::try_from(config)?);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let http = HttpClient::builder(TokioExecutor::new()).build(config.rustls_https_connector_with_connector(connector)?);
    let layers = ServiceBuilder::new().layer(config.base_uri_layer()).option_layer(config.auth_layer()?);
    let layers = layers.layer(config.extra_headers_layer()?).map_err(BoxError::from);
    Ok(Client::new(layers.service(http), config.default_namespace))
}

/// Reads tenants and namespaces as they are now.
pub(crate) async fn inventory(client: &Client, settings: Settings) -> Result<Inventory> {
    read(client, settings, Managers::Dropped).await
}

/// The same with `managedFields` of namespaces.
pub(crate) async fn inventory_with_managers(client: &Client, settings: Settings) -> Result<Inventory> {
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
    Ok(Inventory::of(settings, documents)?)
}

async fn tenants(client: &Client, settings: &Settings, managers: Managers) -> Result<Vec<Document>> {
    let Some((api_version, kind)) = settings.source.kind() else { return Ok(Vec::new()) };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let found = pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await;
    let (resource, _) = found.with_context(|| format!("the kind {api_version} {kind} is not installed: apply its definition first"))?;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut documents = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list(&page).await.with_context(|| format!("{kind} objects cannot be listed"))?;
        for mut object in list.items {
            object.metadata.managed_fields = object.metadata.managed_fields.filter(|_| managers == Managers::Kept);
            object.types.get_or_insert_with(|| kube::core::TypeMeta { api_version: api_version.to_owned(), kind: kind.to_owned() });
            documents.push(Document { place: Place::cluster(), object: serde_json::to_value(&object)? });
        }
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(documents),
        }
    }
}

/// Tenants as they are in the cluster, `managedFields` and all, by name; those that cannot be used are left out.
pub(crate) async fn tenant_objects(client: &Client, settings: &Settings) -> Result<Vec<(String, Value)>> {
    let objects = tenants(client, settings, Managers::Kept).await?.into_iter().map(|document| document.object);
    Ok(objects.filter_map(|object| Some((settings.tenant(&object).ok()?.name, object))).collect())
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
pub(crate) async fn known_tenants(client: &Client, settings: &Settings) -> Result<Vec<(String, Arc<Tenant>)>> {
    let objects = tenants(client, settings, Managers::Dropped).await?.into_iter();
    Ok(objects
        .filter_map(|document| settings.tenant(&document.object).ok())
        .map(|tenant| (tenant.name.clone(), Arc::new(tenant)))
        .collect())
}

/// Every namespace, those that the settings exclude included.
pub(crate) async fn namespace_metadata(client: &Client) -> Result<Vec<ObjectMeta>> {
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
pub(crate) fn next(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}
