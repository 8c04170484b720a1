//! The controller's Deployment, which is scaled to zero while landlord leaves the cluster.

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::json;

/// As the chart and `deploy/` name it.
const NAME: &str = "landlord-controller";

/// A Deployment that was scaled to zero, and how many replicas it had.
pub(super) struct StoppedController {
    api: Api<Deployment>,
    replicas: i32,
}

impl StoppedController {
    /// Scales it to zero; `None` where there is no such Deployment, or where it has no replicas.
    pub(super) async fn stop(client: &Client, namespace: &str) -> Result<Option<Self>> {
        let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
        let scale = match api.get_scale(NAME).await {
            Err(Error::Api(status)) if status.code == 404 => return Ok(None),
            scale => scale.with_context(|| format!("the scale of {NAME} cannot be read"))?,
        };
        let replicas = scale.spec.and_then(|spec| spec.replicas).unwrap_or_default();
        if replicas == 0 {
            return Ok(None);
        }
        let stopped = Self { api, replicas };
        stopped.scale(0).await?;
        eprintln!("Deployment {namespace}/{NAME} is scaled from {replicas} to 0 replicas");
        Ok(Some(stopped))
    }

    /// Gives it its replicas back.
    pub(super) async fn start_again(self) -> Result<()> {
        self.scale(self.replicas).await?;
        eprintln!("Deployment {NAME} has its {} replicas again", self.replicas);
        Ok(())
    }

    async fn scale(&self, replicas: i32) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.api
            .patch_scale(NAME, &PatchParams::default(), &patch)
            .await
            .map(drop)
            .with_context(|| format!("Deployment {NAME} cannot be scaled to {replicas}"))
    }
}
