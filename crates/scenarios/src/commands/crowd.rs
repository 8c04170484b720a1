//! Crowd: many namespaces of one tenant.

use std::ops::Range;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams, PostParams};
use local_cluster::Cluster;
use local_cluster::user::CONTROLLER;
use serde_json::json;

const CREATIONS_AT_A_TIME: usize = 16;

pub(crate) struct Crowd {
    tenant: &'static str,
    prefix: String,
    numbers: Range<usize>,
}

impl Crowd {
    pub(crate) fn new(tenant: &'static str, count: usize) -> Self {
        Self { tenant, prefix: tenant.to_owned(), numbers: 0..count }
    }

    /// The same under another prefix.
    pub(crate) fn called(self, prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..self }
    }

    /// Part `index` of `parts` equal ones.
    pub(crate) fn part(&self, index: usize, parts: usize) -> Self {
        let size = self.len() / parts;
        Self {
            tenant: self.tenant,
            prefix: self.prefix.clone(),
            numbers: index * size..(index + 1) * size,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    pub(crate) async fn create(&self, cluster: &Cluster) -> Result<()> {
        let api: Api<Namespace> = Api::all(cluster.admin()?);
        let create = |number: usize| {
            let (api, name, labels) =
                (api.clone(), self.name(number), json!({"landlord.dev/tenant": self.tenant}));
            async move {
                let body =
                    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
                api.create(&PostParams::default(), &body).await?;
                anyhow::Ok(())
            }
        };
        stream::iter(self.numbers.clone().map(create))
            .buffer_unordered(CREATIONS_AT_A_TIME)
            .try_collect()
            .await
    }

    /// Patches each once as the controller's account (an admin needs no RBAC, which would be
    /// faster), with a label and annotations of the size that landlord's have.
    pub(crate) async fn patch(
        &self,
        cluster: &Cluster,
        at_a_time: usize,
        value: &str,
    ) -> Result<()> {
        let api: Api<Namespace> = Api::all(cluster.client(CONTROLLER)?);
        let metadata = json!({"labels": {"bare": value}, "annotations": {"bare": "x".repeat(120), "value": value}});
        let patch = Patch::Merge(json!({"metadata": metadata}));
        let write = |number: usize| {
            let (api, name, patch) = (api.clone(), self.name(number), &patch);
            async move {
                api.patch_metadata(&name, &PatchParams::default(), patch).await?;
                anyhow::Ok(())
            }
        };
        stream::iter(self.numbers.clone().map(write))
            .buffer_unordered(at_a_time)
            .try_collect()
            .await
    }
}
