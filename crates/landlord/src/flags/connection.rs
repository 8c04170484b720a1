//! Connection: kubectl's flags for the way to a cluster.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use cluster::connection::{Connection as Way, ConnectionError};
use kube::Client;

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
}

impl Connection {
    /// A client; a context that is not there comes with the one that was probably meant.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.way().client().await.map_err(suggest_context)
    }

    fn way(&self) -> Way {
        Way { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
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
