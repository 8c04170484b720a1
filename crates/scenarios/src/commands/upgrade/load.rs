//! Load: tenants' owners who create a namespace and a Pod in it, again and again.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use local_cluster::Cluster;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::JoinSet;

use crate::commands::stage::{TENANTS, owner};

/// Between two namespaces of one tenant.
const PAUSE: Duration = Duration::from_millis(500);
const AGAIN: Duration = Duration::from_millis(100);

/// One task a tenant.
pub(super) struct Load {
    made: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Begins, and goes on until `stop` is true.
    pub(super) fn start(cluster: &Cluster, stop: &Arc<AtomicBool>) -> Result<Self> {
        let (made, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for tenant in TENANTS {
            let client = cluster.client(&owner(tenant))?;
            let (stop, made) = (Arc::clone(stop), Arc::clone(&made));
            tasks.spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    make(&client, tenant, number).await;
                    made.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Ok(Self { made, tasks })
    }

    /// Namespaces that have their Pod.
    pub(super) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Waits until every task has ended what it was at.
    pub(super) async fn end(mut self) -> usize {
        while self.tasks.join_next().await.is_some() {}
        self.made()
    }
}

/// One namespace and its Pod, whatever is answered meanwhile.
async fn make(client: &Client, tenant: &str, number: usize) {
    let name = format!("{tenant}-job-{number}");
    let namespace: Namespace =
        metadata(json!({"metadata": {"name": name, "labels": {"landlord.dev/tenant": tenant}}}));
    create(&Api::all(client.clone()), &namespace).await;
    let pod: Pod = metadata(
        json!({"metadata": {"name": "job"}, "spec": {"containers": [{"name": "job", "image": "job"}]}}),
    );
    create(&Api::namespaced(client.clone(), &name), &pod).await;
}

fn metadata<K: DeserializeOwned + Default>(value: serde_json::Value) -> K {
    serde_json::from_value(value).unwrap_or_default()
}

async fn create<K>(api: &Api<K>, object: &K)
where
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    loop {
        match api.create(&PostParams::default(), object).await {
            Ok(_) => return,
            Err(Error::Api(status)) if status.code == 409 => return,
            // Refused, or there is no API server for the moment.
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}
