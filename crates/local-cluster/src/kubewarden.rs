//! Kubewarden: plays its controller. It watches ClusterAdmissionPolicy objects and keeps a policy
//! server (`policy-host serve`) and MutatingWebhookConfigurations in step with them, so that the
//! very YAML that users apply is what is tested.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Config, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cluster::{Cluster, StartError};
use crate::manifest::{self, FIELD_MANAGER};
use crate::ports::Port;
use crate::process::Program;
use crate::{user, waiting};

mod server;
mod webhook;

use self::server::PolicyServer;

/// The minimal definition of the kind ClusterAdmissionPolicy, unknown fields preserved.
pub const DEFINITION: &str = include_str!("kubewarden/definition.yaml");
/// How long a policy may take to become active.
const ACTIVE_WITHIN: Duration = waiting::PATIENCE;
const POLL: Duration = Duration::from_millis(20);
/// A namespace that is never created.
const TRIAL: &str = "landlord-webhook-trial";

/// Kubewarden's controller and policy server. Both end with this handle.
pub struct Kubewarden {
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
    server: Arc<PolicyServer>,
}

/// What a version of Kubewarden calls a cluster-wide policy: on the policy server, and in the name
/// of its webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// `clusterwide-NAME`, before 1.37.2.
    Clusterwide,
    /// `kw.cap.NAME`, since.
    #[default]
    KwCap,
}

impl Naming {
    /// The name of this ClusterAdmissionPolicy.
    pub fn unique_name(self, policy: &str) -> String {
        match self {
            Self::Clusterwide => format!("clusterwide-{policy}"),
            Self::KwCap => format!("kw.cap.{policy}"),
        }
    }
}

/// Where things are that Kubewarden would pull.
#[derive(Clone, Debug)]
pub struct Options {
    /// The binary `policy-host`.
    pub policy_host: PathBuf,
    /// Files of modules by the URL that policies name them with. Others in a registry are pulled
    /// from there.
    pub modules: BTreeMap<String, PathBuf>,
    /// How registries are spoken to: the policy server's `--sources-path`.
    pub sources: Option<PathBuf>,
}

impl Kubewarden {
    /// Installs the kind and starts to watch, as the newest Kubewarden does.
    pub async fn start(cluster: &Cluster, options: Options) -> Result<Self, StartError> {
        Self::start_named(cluster, options, Naming::default()).await
    }

    /// The same as a version of Kubewarden that names webhooks this way.
    pub async fn start_named(
        cluster: &Cluster,
        options: Options,
        naming: Naming,
    ) -> Result<Self, StartError> {
        cluster.apply(DEFINITION).await?;
        let port = Port::reserve()?;
        let identity = cluster.authority().server()?;
        std::fs::write(cluster.file("policy-server.crt"), identity.certificate)?;
        std::fs::write(cluster.file("policy-server.key"), identity.key)?;
        let program = Program::new("policy-host", &options.policy_host, cluster.log("policy-host"))
            .args([
                "serve".to_owned(),
                format!("--policies={}", cluster.file("policies.yml").display()),
                format!("--address=127.0.0.1:{}", port.number()),
                format!("--cert-file={}", cluster.file("policy-server.crt").display()),
                format!("--key-file={}", cluster.file("policy-server.key").display()),
                format!("--kubeconfig={}", cluster.kubeconfig_of(user::POLICY_SERVER).display()),
            ]);
        let program = program.args(
            options.sources.iter().map(|sources| format!("--sources-path={}", sources.display())),
        );
        let server = Arc::new(PolicyServer::new(
            program,
            cluster.file("policies.yml"),
            port,
            cluster.authority(),
            options,
            naming,
        ));
        let (stop, stopped) = watch::channel(false);
        let config = cluster.config(user::ADMIN)?;
        let seen = Arc::clone(&server);
        let thread = thread::Builder::new()
            .name("kubewarden".to_owned())
            .spawn(move || run(config, &seen, stopped))?;
        Ok(Self { stop, thread: Some(thread), server })
    }

    /// URL of the policy server.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Takes the policy server down as a crash would, and leaves the webhooks as they are.
    pub fn kill_policy_server(&self) {
        self.server.kill();
    }

    /// Starts the policy server again after [`Self::kill_policy_server`], and waits until it
    /// answers.
    pub async fn revive_policy_server(&self) -> io::Result<()> {
        self.server.revive().await
    }

    /// Waits until the API server asks this policy about namespaces: it takes up a webhook a moment
    /// after that was written. Nothing is stored.
    pub async fn wait_until_asked(&self, client: &Client, policy: &str) -> Result<(), StartError> {
        let trial = serde_json::from_value(json!({"metadata": {"name": TRIAL}}))
            .map_err(kube::Error::SerdeError)?;
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let asked = format!(
            "kubewarden_policy_evaluations_total{{policy_name=\"{}\"",
            self.server.unique_name(policy)
        );
        let deadline = Instant::now() + ACTIVE_WITHIN;
        loop {
            // Whatever is answered.
            let _ = Api::<Namespace>::all(client.clone()).create(&params, &trial).await;
            if self.metrics().await.is_ok_and(|text| text.contains(&asked)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StartError::NotAsked { policy: policy.to_owned() });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends a signal to the policy server: SIGSTOP makes it slow.
    pub fn signal_policy_server(&self, signal: nix::sys::signal::Signal) -> io::Result<()> {
        self.server.signal(signal)
    }

    /// What the policy server says of itself in Prometheus' text form.
    pub async fn metrics(&self) -> Result<String, kube::Error> {
        self.server.get("/metrics").await
    }
}

impl Drop for Kubewarden {
    fn drop(&mut self) {
        // Nobody listens any more if the thread has ended.
        let _ = self.stop.send(true);
        drop(self.thread.take().map(thread::JoinHandle::join));
        self.server.kill();
    }
}

/// Applies a ClusterAdmissionPolicy (YAML) and waits until Kubewarden says that it is active.
pub async fn apply_policy(client: &Client, yaml: &str) -> anyhow::Result<()> {
    for object in manifest::apply(client, yaml).await? {
        wait_until_active(client, &object).await?;
    }
    Ok(())
}

async fn wait_until_active(client: &Client, object: &DynamicObject) -> anyhow::Result<()> {
    let (api, name, generation) = (policies(client), object.name_any(), object.metadata.generation);
    let deadline = Instant::now() + ACTIVE_WITHIN;
    loop {
        let status = api.get(&name).await?.data.get("status").cloned().unwrap_or_default();
        let current = status.get("observedGeneration").and_then(Value::as_i64) == generation;
        match status.get("policyStatus").and_then(Value::as_str) {
            Some("active") if current => return Ok(()),
            Some("failed") if current => anyhow::bail!(
                "policy {name:?} failed: {}",
                status.get("message").unwrap_or(&Value::Null)
            ),
            _ if Instant::now() > deadline => {
                anyhow::bail!("policy {name:?} is not active: {status}")
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

/// The API for ClusterAdmissionPolicies.
pub fn policies(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("policies.kubewarden.io", "v1", "ClusterAdmissionPolicy");
    Api::all_with(
        client.clone(),
        &ApiResource::from_gvk_with_plural(&kind, "clusteradmissionpolicies"),
    )
}

fn run(config: Config, server: &PolicyServer, mut stopped: watch::Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return eprintln!("kubewarden: no runtime") };
    runtime.block_on(async {
        tokio::select! {
            outcome = follow(config, server) => if let Err(error) = outcome { eprintln!("kubewarden: {error:#}") },
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
}

async fn follow(config: Config, server: &PolicyServer) -> anyhow::Result<()> {
    let client = Client::try_from(config)?;
    let mut known = BTreeMap::new();
    let mut events = watcher(policies(&client), watcher::Config::default()).boxed();
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(policy) | Event::InitApply(policy))) => {
                known.insert(policy.name_any(), policy.clone());
                reconcile(&client, server, &known, &policy).await?;
            }
            Ok(Some(Event::Delete(policy))) => {
                known.remove(&policy.name_any());
                webhook::delete(&client, &server.unique_name(&policy.name_any())).await?;
                server.serve(&known).await?;
            }
            Ok(Some(Event::Init | Event::InitDone)) => {}
            Ok(None) => return Ok(()),
            // The watcher starts anew by itself.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One policy's change: first the server, then the webhook, then the status.
async fn reconcile(
    client: &Client,
    server: &PolicyServer,
    known: &BTreeMap<String, DynamicObject>,
    policy: &DynamicObject,
) -> anyhow::Result<()> {
    let observed = policy.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
    if observed == policy.metadata.generation {
        return Ok(());
    }
    let (word, message) = match server.serve(known).await {
        Ok(()) => {
            manifest::apply_object(client, &webhook::configuration(policy, server)?).await?;
            ("active", String::new())
        }
        Err(error) => ("failed", error.to_string()),
    };
    let status = json!({"status": {"policyStatus": word, "message": message, "observedGeneration": policy.metadata.generation}});
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match policies(client).patch_status(&policy.name_any(), &params, &Patch::Merge(status)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => Ok(other.map(drop)?),
    }
}
