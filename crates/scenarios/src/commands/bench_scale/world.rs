//! World: the server in memory and the controller, each a process.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::Request;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use local_cluster::Process;
use local_cluster::process::Program;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::pages::{Metrics, address, client};
use crate::commands::serve_in_memory::{EDITED, FIRST, namespace, tenant};

const PATIENCE: Duration = Duration::from_secs(900);
/// How often a namespace is looked at.
const LOOK: Duration = Duration::from_millis(1);

pub(super) struct World {
    pub(super) controller: Process,
    pub(super) began: Instant,
    // Ends with it.
    _server: Process,
    _folder: TempDir,
    /// Of the API server.
    client: Client,
    /// Of the controller, and its dashboard.
    metrics: Metrics,
    dashboard: Client,
}

impl World {
    /// `size` are the flags of `serve-in-memory`.
    pub(super) async fn start(size: [String; 3], landlord: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = Program::new("server", std::env::current_exe()?, folder.path().join("server"))
            .arg("serve-in-memory")
            .args(size)
            .start()?;
        let url = address(&server, "listening on ").await?;
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "memory", "clusters": [{"name": "memory", "cluster": {"server": url}}],
            "users": [{"name": "memory", "user": {}}], "contexts": [{"name": "memory", "context": {"cluster": "memory", "user": "memory"}}]});
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string())?;
        fs::write(folder.path().join("settings.yaml"), "{}")?;
        let began = Instant::now();
        let controller = Program::new("controller", landlord, folder.path().join("controller"))
            .args([
                "controller",
                "--listen=127.0.0.1:0",
                "--no-leader-election",
                "--web=127.0.0.1:0",
            ])
            .env("KUBECONFIG", folder.path().join("kubeconfig"))
            .env("LANDLORD_SETTINGS", folder.path().join("settings.yaml"))
            .env("LANDLORD_LOG", "warn")
            .start()?;
        let metrics = Metrics::of(&controller).await?;
        let dashboard = client(&address(&controller, "dashboard on ").await?)?;
        Ok(Self {
            controller,
            began,
            _server: server,
            _folder: folder,
            client: client(&url)?,
            metrics,
            dashboard,
        })
    }

    /// A metric's value, by its line's beginning.
    pub(super) async fn metric(&self, name: &str) -> Result<f64> {
        self.metrics.value(name).await
    }

    /// Searches namespaces in the dashboard.
    pub(super) async fn search(&self, query: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces?{query}");
        self.dashboard.request_text(Request::get(path).body(Vec::new())?).await?;
        Ok(())
    }

    /// Waits until a metric has come to this value.
    pub(super) async fn reach(&self, name: &str, wanted: f64, look: Duration) -> Result<()> {
        while self.metric(name).await? < wanted {
            anyhow::ensure!(
                self.began.elapsed() < PATIENCE,
                "{name} does not come to {wanted}:\n{}",
                self.controller.last_words()
            );
            tokio::time::sleep(look).await;
        }
        Ok(())
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// How long it takes from a namespace's creation to its ledger.
    pub(super) async fn create(&self, name: &str) -> Result<Duration> {
        let object: Namespace = serde_json::from_value(namespace(name, FIRST))?;
        self.namespaces()
            .create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("namespace {name}"))?;
        let began = Instant::now();
        self.until(name, |meta| meta["annotations"]["landlord.dev/ledger"].is_string()).await?;
        Ok(began.elapsed())
    }

    /// How long it takes until a managed label that a user changes is back.
    pub(super) async fn tamper(&self, name: &str) -> Result<Duration> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"billing": "another"}}}));
        self.namespaces()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("namespace {name}"))?;
        let began = Instant::now();
        self.until(name, |meta| meta["labels"]["billing"] == FIRST).await?;
        Ok(began.elapsed())
    }

    /// Edits the tenant, and waits until each of these has the new value.
    pub(super) async fn edit(&self, names: impl Iterator<Item = String>) -> Result<Duration> {
        let kind = GroupVersionKind::gvk("landlord.dev", "v1alpha1", "Tenant");
        let api: Api<DynamicObject> = Api::all_with(
            self.client.clone(),
            &ApiResource::from_gvk_with_plural(&kind, "tenants"),
        );
        let patch = Patch::Merge(json!({"spec": tenant(EDITED, "0815")["spec"]}));
        let began = Instant::now();
        api.patch(EDITED, &PatchParams::default(), &patch).await.context("the tenant")?;
        for name in names {
            self.until(&name, |meta| meta["labels"]["cost-center"] == "0815").await?;
        }
        Ok(began.elapsed())
    }

    async fn until(&self, name: &str, reached: impl Fn(&Value) -> bool) -> Result<()> {
        let began = Instant::now();
        loop {
            let meta = self.namespaces().get_metadata(name).await?.metadata;
            if reached(&serde_json::to_value(meta)?) {
                return Ok(());
            }
            anyhow::ensure!(
                began.elapsed() < PATIENCE,
                "namespace {name} does not get there:\n{}",
                self.controller.last_words()
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}
