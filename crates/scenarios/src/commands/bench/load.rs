//! Load: namespaces created past the policy and through it, in turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::{join_all, try_join_all};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, PostParams};
use local_cluster::Cluster;
use local_cluster::manifest::api_of;
use serde::Serialize;
use serde_json::json;

use super::PATIENCE;
use crate::commands::stage::TENANTS;

/// How many tenants are created side by side.
const SIDE_BY_SIDE: usize = 16;

/// How namespaces are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// So many clients, each waiting for its answer before the next request.
    Clients(usize),
    /// So many a second, whatever the answers.
    Rate(u32),
}

/// Times of many requests, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// A namespace's CREATE: past the policy or not, and how long it took.
type Sample = (bool, Duration);

impl Load {
    /// Creates `count` namespaces of each kind, and returns the times past the policy and through
    /// it.
    pub(super) async fn run(
        self,
        cluster: &Cluster,
        label: &str,
        count: usize,
    ) -> Result<(Times, Times)> {
        let samples = match self {
            Self::Clients(clients) => {
                let share = (2 * count).div_ceil(clients);
                try_join_all(
                    (0..clients)
                        .map(|client| one_client(cluster, format!("{label}-{client}"), share)),
                )
                .await?
                .concat()
            }
            Self::Rate(rate) => at_a_rate(cluster, label, 2 * count, rate).await?,
        };
        let times = |plain: bool| {
            Times::from_samples(
                samples.iter().filter(|(one, _)| *one == plain).map(|(_, took)| *took).collect(),
            )
        };
        Ok((times(true), times(false)))
    }
}

async fn one_client(cluster: &Cluster, label: String, count: usize) -> Result<Vec<Sample>> {
    let api = Api::all(cluster.client(&owner(0))?);
    let mut samples = Vec::with_capacity(count);
    for number in 0..count {
        samples.push(create(&api, &label, number).await?);
    }
    Ok(samples)
}

async fn at_a_rate(cluster: &Cluster, label: &str, count: usize, rate: u32) -> Result<Vec<Sample>> {
    let api: Api<Namespace> = Api::all(cluster.client(&owner(0))?);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut requests = Vec::with_capacity(count);
    for number in 0..count {
        ticks.tick().await;
        let (api, label) = (api.clone(), label.to_owned());
        requests.push(tokio::spawn(async move { create(&api, &label, number).await }));
    }
    join_all(requests).await.into_iter().map(|answer| answer?).collect()
}

/// Every other namespace is called `plain-…`, which the policy's conditions let pass by.
async fn create(api: &Api<Namespace>, label: &str, number: usize) -> Result<Sample> {
    let plain = number.is_multiple_of(2);
    let name = format!("{}-{label}-{number}", if plain { "plain" } else { "app" });
    let labels = json!({"landlord.dev/tenant": TENANTS[0]});
    let body = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
    let began = Instant::now();
    let params = PostParams::default();
    let answer = tokio::time::timeout(PATIENCE, api.create(&params, &body))
        .await
        .with_context(|| format!("{name} took too long"))?;
    let annotated = answer.with_context(|| name.clone())?.metadata.annotations.is_some();
    anyhow::ensure!(
        annotated != plain,
        "{name}: the policy was {} asked",
        if plain { "" } else { "not" }
    );
    Ok((plain, began.elapsed()))
}

fn owner(tenant: usize) -> String {
    format!("{}-owner", TENANTS[tenant])
}

/// Creates tenants that anybody may claim.
pub(super) async fn create_tenants(cluster: &Cluster, names: Vec<String>) -> Result<()> {
    let object = |name: &str| -> Result<DynamicObject> {
        let spec = json!({"nodeSelector": {"pool": name}, "labels": {"cost-center": "4711"}});
        Ok(serde_json::from_value(
            json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec}),
        )?)
    };
    let Some(first) = names.first() else { return Ok(()) };
    let api = api_of(&cluster.admin()?, &object(first)?).await?;
    let create = |name: String| {
        let api = api.clone();
        async move {
            api.create(&PostParams::default(), &object(&name)?).await?;
            anyhow::Ok(())
        }
    };
    stream::iter(names).map(create).buffer_unordered(SIDE_BY_SIDE).try_collect().await
}

impl Times {
    fn from_samples(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: f64| {
            // The smallest time that this share of all did not exceed.
            let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
            times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
        };
        Self { p50: at(0.5), p99: at(0.99) }
    }
}
