//! Connection: kubectl's flags for the way to a cluster.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;
use cluster::connection::{Connection as Way, ConnectionError};
use kube::Client;

use super::duration::parse_duration;
use crate::completion;
use crate::suggest::suggestion;

/// See the module.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Connection {
    /// Kubeconfig to use [default: as kubectl, or the Pod's service account]
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, env = "LANDLORD_CONTEXT", value_name = "NAME", add = completion::contexts())]
    context: Option<String>,
    /// User to make the requests as, by impersonation
    #[arg(long = "as", env = "LANDLORD_AS", value_name = "USER")]
    impersonate: Option<String>,
    /// Group of that user; several by commas, or by the flag again
    #[arg(
        long = "as-group",
        env = "LANDLORD_AS_GROUP",
        value_name = "GROUP",
        value_delimiter = ',',
        requires = "impersonate"
    )]
    groups: Vec<String>,
    /// How long one request waits for its answer, as 30s or 1m30s; 0 is for ever
    #[arg(
        long,
        env = "LANDLORD_REQUEST_TIMEOUT",
        value_name = "TIME",
        value_parser = parse_duration,
        default_value = "0"
    )]
    request_timeout: Duration,
}

impl Connection {
    /// A client; a context that is not there comes with the one that was probably meant.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.way().client().await.map_err(suggest_context)
    }

    fn way(&self) -> Way {
        Way {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            impersonate: self.impersonate.clone(),
            groups: self.groups.clone(),
            request_timeout: Some(self.request_timeout).filter(|timeout| !timeout.is_zero()),
        }
    }
}

fn suggest_context(error: ConnectionError) -> anyhow::Error {
    match error {
        ConnectionError::NoContext { wanted, known } => {
            anyhow!(
                "there is no context {wanted:?}{}",
                suggestion(&wanted, known.iter().map(String::as_str))
            )
        }
        ConnectionError::Kubeconfig { path, source } => {
            suggest_context(*source).context(format!("kubeconfig {}", path.display()))
        }
        // As kube has them: the remedies go by these.
        ConnectionError::NoCluster(source) => anyhow::Error::new(*source).context("no cluster"),
        ConnectionError::NoKubeconfig(source) => anyhow::Error::new(source).context("no cluster"),
        ConnectionError::Invalid(source) => source.into(),
        ConnectionError::Client(source) => source.into(),
    }
}
