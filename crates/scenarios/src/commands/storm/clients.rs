//! Clients: each creates a namespace as its tenant's owner, and a Pod in it at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use local_cluster::{Cluster, waiting};
use serde_json::json;

use super::{name, tenant};
use crate::commands::stage::{TENANTS, owner};

/// How long a Pod that is refused is asked for again, as a CI system would.
const PATIENCE: Duration = waiting::PATIENCE;
const AGAIN: Duration = Duration::from_millis(50);

pub(super) struct Clients<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) count: usize,
    pub(super) side_by_side: usize,
    /// Namespaces that were asked for, with their Pod.
    pub(super) done: Arc<AtomicUsize>,
}

/// What the clients saw.
#[derive(Default)]
pub(super) struct Tally {
    /// When each Pod was asked for first, by namespace.
    pub(super) asked: HashMap<String, Instant>,
    pub(super) retries: usize,
    pub(super) failed: usize,
}

/// One namespace's Pod.
struct Made {
    namespace: String,
    asked: Instant,
    retries: usize,
    failed: bool,
}

impl Clients<'_> {
    pub(super) async fn run(&self) -> Result<Tally> {
        let mut clients = BTreeMap::new();
        for tenant in TENANTS {
            let owner = owner(tenant);
            clients.insert(
                tenant,
                (self.cluster.client(&owner)?, self.cluster.second_client(&owner)?),
            );
        }
        let make = |number: usize| {
            let (first, second) = clients.get(tenant(number)).cloned().unzip();
            async move {
                let (Some(first), Some(second)) = (first, second) else {
                    anyhow::bail!("no client for namespace {number}")
                };
                let made = make(&first, &second, number).await;
                self.done.fetch_add(1, Ordering::Relaxed);
                made
            }
        };
        let made: Vec<Made> = stream::iter((0..self.count).map(make))
            .buffer_unordered(self.side_by_side)
            .try_collect()
            .await?;
        let mut tally = Tally::default();
        for one in made {
            tally.retries += one.retries;
            tally.failed += usize::from(one.failed);
            tally.asked.insert(one.namespace, one.asked);
        }
        Ok(tally)
    }
}

/// Namespaces go to the first API server, Pods to the second.
async fn make(first: &Client, second: &Client, number: usize) -> Result<Made> {
    let namespace = name(number);
    let body = serde_json::from_value(
        json!({"metadata": {"name": namespace, "labels": {"landlord.dev/tenant": tenant(number)}}}),
    )?;
    Api::<Namespace>::all(first.clone()).create(&PostParams::default(), &body).await?;
    let pod = serde_json::from_value(
        json!({"metadata": {"name": "job"}, "spec": {"containers": [{"name": "job", "image": "job"}]}}),
    )?;
    let api: Api<Pod> = Api::namespaced(second.clone(), &namespace);
    let asked = Instant::now();
    let mut retries = 0;
    loop {
        match api.create(&PostParams::default(), &pod).await {
            Ok(_) => return Ok(Made { namespace, asked, retries, failed: false }),
            // It was made, and the answer was another.
            Err(Error::Api(status)) if status.code == 409 && retries > 0 => {
                return Ok(Made { namespace, asked, retries, failed: false });
            }
            // Refused, or the second API server does not know the namespace yet.
            Err(Error::Api(_)) if asked.elapsed() < PATIENCE => retries += 1,
            Err(Error::Api(_)) => return Ok(Made { namespace, asked, retries, failed: true }),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
