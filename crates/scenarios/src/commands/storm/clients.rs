//! Clients: each creates a namespace as its tenant's owner, and a Pod in it at once.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use local_cluster::{Cluster, waiting};
use serde::Serialize;
use serde::de::DeserializeOwned;
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
    // A webhook that is down refuses it.
    let claim = create(&Api::<Namespace>::all(first.clone()), &body).await?;
    let refused = claim.refusals;
    ensure!(claim.made, "namespace {namespace} was refused {refused} times: {}", claim.refusal);
    let pod: Pod = serde_json::from_value(
        json!({"metadata": {"name": "job"}, "spec": {"containers": [{"name": "job", "image": "job"}]}}),
    )?;
    let asked = Instant::now();
    // Refused, or the second API server does not know the namespace yet.
    let job = create(&Api::namespaced(second.clone(), &namespace), &pod).await?;
    Ok(Made { namespace, asked, retries: refused + job.refusals, failed: !job.made })
}

/// What came of asking for one object.
#[derive(Default)]
struct Asked {
    made: bool,
    refusals: usize,
    /// The last refusal's message.
    refusal: String,
}

/// Creates an object, and tries again for as long as it is refused and there is patience.
async fn create<K>(api: &Api<K>, object: &K) -> Result<Asked>
where
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    let began = Instant::now();
    let mut asked = Asked::default();
    while !asked.made && began.elapsed() < PATIENCE {
        match api.create(&PostParams::default(), object).await {
            Ok(_) => asked.made = true,
            // It was made, and the answer was another.
            Err(Error::Api(status)) if status.code == 409 && asked.refusals > 0 => {
                asked.made = true;
            }
            Err(Error::Api(status)) => {
                asked.refusals += 1;
                asked.refusal = status.message;
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(asked)
}
