//! Connection: a client for the cluster that kubeconfig, context and environment choose.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt;
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use thiserror::Error;
use tower::{BoxError, ServiceBuilder};

use crate::request::Requests;

/// Where the cluster is, as kubectl's flags say it; what is absent is taken from the environment.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// A kubeconfig, or several as `KUBECONFIG` separates them.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it; absent is the current one.
    pub context: Option<String>,
    /// The user that requests are made as, by impersonation.
    pub impersonate: Option<String>,
    /// The groups of that user.
    pub groups: Vec<String>,
    /// How long a request waits until its answer begins; absent is for as long as it takes.
    pub request_timeout: Option<Duration>,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The kubeconfig that was named cannot be used.
    #[error("kubeconfig {}", path.display())]
    Kubeconfig {
        /// As it was given.
        path: PathBuf,
        #[source]
        source: Box<ConnectionError>,
    },
    /// Neither a kubeconfig nor a Pod's service account was found.
    #[error("no cluster")]
    NoCluster(#[source] Box<InferConfigError>),
    /// The kubeconfig of the environment cannot be read.
    #[error("no cluster")]
    NoKubeconfig(#[source] KubeconfigError),
    /// The kubeconfig has no such context.
    #[error("there is no context {wanted:?}")]
    NoContext {
        /// As it was asked for.
        wanted: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The kubeconfig says something that cannot be used.
    #[error(transparent)]
    Invalid(#[from] KubeconfigError),
    /// No client can be made of it, for example because of its certificates.
    #[error(transparent)]
    Client(#[from] kube::Error),
}

impl Connection {
    /// Contexts of the kubeconfig, whichever of them is chosen; none where it cannot be read.
    pub fn contexts(&self) -> Vec<String> {
        let found = self.kubeconfig.as_deref().map_or_else(Kubeconfig::read, read_kubeconfig);
        found
            .map(|found| found.contexts.into_iter().map(|context| context.name).collect())
            .unwrap_or_default()
    }

    /// A client without retries of its own: what is tried again, and when, is landlord's to decide.
    pub async fn client(&self) -> Result<Client, ConnectionError> {
        let mut config = match &self.kubeconfig {
            Some(path) => self.read_file(path).await.map_err(|error| {
                ConnectionError::Kubeconfig { path: path.clone(), source: Box::new(error) }
            })?,
            None if self.context.is_none() => Config::infer()
                .await
                .map_err(|error| ConnectionError::NoCluster(Box::new(error)))?,
            None => self.choose(Kubeconfig::read().map_err(ConnectionError::NoKubeconfig)?).await?,
        };
        config.default_retry = false;
        if self.impersonate.is_some() {
            config.auth_info.impersonate = self.impersonate.clone();
            config.auth_info.impersonate_groups = Some(self.groups.clone());
        }
        Ok(connect(config, self.request_timeout)?)
    }

    async fn read_file(&self, path: &Path) -> Result<Config, ConnectionError> {
        self.choose(read_kubeconfig(path)?).await
    }

    /// The context that is asked for, or the current one.
    async fn choose(&self, kubeconfig: Kubeconfig) -> Result<Config, ConnectionError> {
        let known: Vec<String> =
            kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
        if let Some(wanted) = self.context.clone().filter(|wanted| !known.contains(wanted)) {
            return Err(ConnectionError::NoContext { wanted, known });
        }
        let options =
            KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        Ok(Config::from_custom_kubeconfig(kubeconfig, &options).await?)
    }
}

/// A file, or as kubectl takes it from the environment several of them, of which those that are not
/// there are passed over.
fn read_kubeconfig(paths: &Path) -> Result<Kubeconfig, KubeconfigError> {
    // A name that holds what separates names elsewhere.
    if paths.is_file() {
        return Kubeconfig::read_from(paths);
    }
    let paths: Vec<PathBuf> =
        std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect();
    match paths.as_slice() {
        [path] => Kubeconfig::read_from(path),
        paths => {
            let read = paths.iter().filter(|path| path.exists()).map(Kubeconfig::read_from);
            read.reduce(|merged, next| merged?.merge(next?))
                .unwrap_or(Err(KubeconfigError::FindPath))
        }
    }
}

/// kube's own client, but with sockets that send at once. The body of a PATCH follows its head in a
/// packet of its own, and on a connection that was idle Linux would hold it back for 40 ms, until
/// the head is acknowledged.
fn connect(mut config: Config, timeout: Option<Duration>) -> Result<Client, kube::Error> {
    if config.proxy_url.is_some() {
        config.read_timeout = timeout.or(config.read_timeout);
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let http = HttpClient::builder(TokioExecutor::new())
        .build(config.rustls_https_connector_with_connector(connector)?);
    let layers =
        ServiceBuilder::new().layer(config.base_uri_layer()).option_layer(config.auth_layer()?);
    let layers = layers.layer(config.extra_headers_layer()?).map_err(BoxError::from);
    Ok(Client::new(Requests::new(layers.service(http), timeout), config.default_namespace))
}
