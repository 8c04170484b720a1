//! `serve`: policies behind a webhook, with a live cluster to read from.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use policy_host::ClusterAccess;
use policy_host::serve::{ServeOptions, ServedPolicy, Server, read_policies};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::input;
use super::limits::LimitFlags;
use super::registry::RegistryFlags;

/// Serve policies to an API server by HTTPS (AdmissionReview v1), with a fresh instance for every
/// request
///
/// Webhooks call https://ADDRESS/validate/NAME; /readiness and /metrics are beside it. SIGTERM and
/// Ctrl-C end the server in order.
#[derive(Args, Debug)]
#[command(
    after_help = "Example of the policies' file:\n\n  clusterwide-landlord:\n    module: annotated-policy.wasm\n    allowedToMutate: true\n    \
                        contextAwareResources: [{apiVersion: landlord.dev/v1alpha1, kind: Tenant}]\n    settings: {tenantSource: landlord}"
)]
pub(crate) struct Serve {
    /// File of the policies: a map of names, as in Kubewarden's policies.yml
    #[arg(long, env = "POLICY_HOST_POLICIES", value_name = "FILE")]
    policies: PathBuf,
    /// Where to listen; port 0 takes any free one and prints it
    #[arg(
        long,
        env = "POLICY_HOST_ADDRESS",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:8443"
    )]
    address: SocketAddr,
    /// File of the server's certificate chain (PEM)
    #[arg(long, env = "POLICY_HOST_CERT_FILE", value_name = "FILE")]
    cert_file: PathBuf,
    /// File of the certificate's key (PEM)
    #[arg(long, env = "POLICY_HOST_KEY_FILE", value_name = "FILE")]
    key_file: PathBuf,
    /// Kubeconfig to read the cluster with; its rights are all that policies can see (default: as
    /// kubectl, or in-cluster)
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How many requests are evaluated at a time (default: one a core)
    #[arg(long, env = "POLICY_HOST_WORKERS", value_name = "N")]
    workers: Option<usize>,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

impl Serve {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colour).init();
        let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
        runtime.block_on(self.serve())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> Result<()> {
        let entries = read_policies(&input::read_file(&self.policies)?)
            .with_context(|| self.policies.display().to_string())?;
        let registry = self.registry.registry()?;
        let access = ClusterAccess::new(self.client().await?, Handle::current());
        let mut policies = BTreeMap::new();
        for (name, entry) in entries {
            let policy =
                ServedPolicy::load(&name, entry, &access, &registry, self.limits.limits()).await?;
            tracing::info!(policy = name, "loaded");
            policies.insert(name, policy);
        }
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let options = ServeOptions {
            address: self.address,
            certificate: file(&self.cert_file)?,
            key: file(&self.key_file)?,
            workers: self.workers.unwrap_or_else(cores).max(1),
        };
        let server = Server::listen(policies, options).await?;
        println!("listening on https://{}", server.address());
        let mut terminate = signal(SignalKind::terminate())?;
        server
            .run(async {
                tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
            })
            .await?;
        Ok(())
    }

    async fn client(&self) -> Result<Client> {
        let config = match &self.kubeconfig {
            None => Config::infer().await.context("no cluster: give --kubeconfig")?,
            Some(path) => {
                let kubeconfig = Kubeconfig::read_from(path)
                    .with_context(|| format!("kubeconfig {}", path.display()))?;
                Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?
            }
        };
        Ok(Client::try_from(config)?)
    }
}

fn file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}
