//! Cluster: where a command's API server is, and what it reads of it at once.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use assessment::document::{Document, Place};
use assessment::inventory::Inventory;
use clap::Args;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::client::ConfigExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::discovery::pinned_kind;
use kube::{Client, Config};
use serde_json::{Value, json};
use tenancy::settings::Settings;
use tower::{BoxError, ServiceBuilder};

use crate::inventory::settings_file;
use crate::live_settings::SettingsSource;

/// Objects of one page of a list, as kubectl asks for them.
pub(crate) const PAGE: u32 = 500;

/// kubectl's flags for the way to a cluster.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// Kubeconfig to use [default: as kubectl, or the Pod's service account]
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, env = "LANDLORD_CONTEXT", value_name = "NAME")]
    context: Option<String>,
}

/// Where the settings are.
#[derive(Args, Clone, Debug)]
pub(crate) struct SettingsFlags {
    /// The ClusterAdmissionPolicy whose settings count
    #[arg(long, env = "LANDLORD_POLICY", value_name = "NAME", default_value = "landlord")]
    policy: String,
    /// File of the settings; wins over a ClusterAdmissionPolicy
    #[arg(long, env = "LANDLORD_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl SettingsFlags {
    pub(crate) fn source(&self) -> SettingsSource {
        self.settings.clone().map_or_else(|| SettingsSource::Policy(self.policy.clone()), SettingsSource::File)
    }

    /// The ClusterAdmissionPolicy's name.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// The file, if one was given.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.settings.as_deref()
    }

    /// The settings in force now.
    pub(crate) async fn read(&self, client: &Client) -> Result<Settings> {
        if let Some(path) = &self.settings {
            return settings_file(path);
        }
        let kind = GroupVersionKind::gvk("policies.kubewarden.io", "v1", "ClusterAdmissionPolicy");
        let resource = ApiResource::from_gvk_with_plural(&kind, "clusteradmissionpolicies");
        let policy = Api::<DynamicObject>::all_with(client.clone(), &resource).get_opt(&self.policy).await;
        let policy = policy.with_context(|| format!("ClusterAdmissionPolicy {:?} cannot be read", self.policy))?;
        let Some(policy) = policy else {
            bail!("there is no ClusterAdmissionPolicy {:?}: name yours with --policy, or give --settings FILE", self.policy);
        };
        let settings = policy.data.pointer("/spec/settings").unwrap_or(&Value::Null);
        Settings::from_value(settings).with_context(|| format!("settings of ClusterAdmissionPolicy {:?}", self.policy))
    }
}

impl Connection {
    /// A client without retries of its own: what is tried again, and when, is landlord's to decide.
    pub(crate) async fn client(&self) -> Result<Client> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let kubeconfig = Kubeconfig::read_from(path).with_context(|| format!("kubeconfig {}", path.display()))?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await?
            }
            None if self.context.is_some() => Config::from_kubeconfig(&options).await?,
            None => Config::infer().await.context("no cluster: give --kubeconfig, or files with -f")?,
        };
        config.default_retry = false;
        connect(config)
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
    let mut documents = tenants(client, &settings).await?;
    documents.extend(namespaces(client, managers).await?);
    Ok(Inventory::of(settings, documents)?)
}

async fn tenants(client: &Client, settings: &Settings) -> Result<Vec<Document>> {
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
            object.metadata.managed_fields = None;
            object.types.get_or_insert_with(|| kube::core::TypeMeta { api_version: api_version.to_owned(), kind: kind.to_owned() });
            documents.push(Document { place: Place::cluster(), object: serde_json::to_value(&object)? });
        }
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(documents),
        }
    }
}

/// Tenants as they are in the cluster, by name; those that cannot be used are left out.
pub(crate) async fn tenant_objects(client: &Client, settings: &Settings) -> Result<Vec<(String, Value)>> {
    let objects = tenants(client, settings).await?.into_iter().map(|document| document.object);
    Ok(objects.filter_map(|object| Some((settings.tenant(&object).ok()?.name, object))).collect())
}

async fn namespaces(client: &Client, managers: Managers) -> Result<Vec<Document>> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut documents = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list_metadata(&page).await.context("namespaces cannot be listed")?;
        for mut found in list.items {
            found.metadata.managed_fields = found.metadata.managed_fields.filter(|_| managers == Managers::Kept);
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": found.metadata});
            documents.push(Document { place: Place::cluster(), object });
        }
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(documents),
        }
    }
}

/// Where the next page begins, if there is one.
pub(crate) fn next(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}
