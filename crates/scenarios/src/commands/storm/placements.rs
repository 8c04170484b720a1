//! Placements: on which node each Pod was bound, and when that was seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use local_cluster::Cluster;

/// The pool of the nodes that belong to no tenant.
pub(crate) const NOBODY: &str = "shared";

const LOOK: Duration = Duration::from_millis(20);

/// The node of each namespace's Pod, and when it was seen first.
type Seen = HashMap<String, (String, Instant)>;

pub(crate) struct Placements {
    seen: Arc<Mutex<Seen>>,
    watching: tokio::task::JoinHandle<()>,
}

/// All of them, once nothing more is to be expected.
pub(crate) struct Placed(Seen);

impl Placements {
    pub(crate) async fn watch(cluster: &Cluster) -> Result<Self> {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let (mine, api): (_, Api<Pod>) = (Arc::clone(&seen), Api::all(cluster.admin()?));
        let watching = tokio::spawn(async move {
            let mut pods =
                watcher(api, Config::default()).default_backoff().applied_objects().boxed();
            loop {
                // A watch that breaks off starts again by itself.
                if let Ok(Some(pod)) = pods.try_next().await
                    && let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone())
                {
                    let mut seen = mine.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.entry(pod.namespace().unwrap_or_default())
                        .or_insert_with(|| (node, Instant::now()));
                }
            }
        });
        Ok(Self { seen, watching })
    }

    /// Waits until so many Pods are placed.
    pub(crate) async fn settle(self, count: usize, patience: Duration) -> Placed {
        let began = Instant::now();
        let placed = || self.seen.lock().unwrap_or_else(PoisonError::into_inner).len();
        while placed() < count && began.elapsed() < patience {
            tokio::time::sleep(LOOK).await;
        }
        self.watching.abort();
        Placed(std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Placed {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Pods on nodes that are not their tenant's.
    pub(crate) fn foreign(&self) -> usize {
        self.0.iter().filter(|(namespace, (node, _))| pool(namespace) != pool(node)).count()
    }

    /// Of the Pods on nodes of tenants, the share that is their own tenant's, in percent; NaN where
    /// there are none.
    pub(super) fn own(&self) -> f64 {
        let on_pools: Vec<_> =
            self.0.iter().filter(|(_, (node, _))| pool(node) != NOBODY).collect();
        let own =
            on_pools.iter().filter(|(namespace, (node, _))| pool(namespace) == pool(node)).count();
        own as f64 / on_pools.len() as f64 * 100.0
    }

    /// Pods on nodes that belong to no tenant.
    pub(super) fn shared(&self) -> usize {
        self.0.values().filter(|(node, _)| pool(node) == NOBODY).count()
    }

    /// From the first request to the node, in milliseconds: half of them, and all but one in a
    /// hundred.
    pub(super) fn delays(&self, asked: &HashMap<String, Instant>) -> [f64; 2] {
        let delay = |(namespace, (_, seen)): (&String, &(String, Instant))| {
            Some(seen.duration_since(*asked.get(namespace)?).as_secs_f64() * 1000.0)
        };
        let mut delays: Vec<f64> = self.0.iter().filter_map(delay).collect();
        delays.sort_by(f64::total_cmp);
        [0.5, 0.99].map(|share| {
            delays
                .get(((delays.len() as f64 * share).ceil() as usize).saturating_sub(1))
                .copied()
                .unwrap_or(f64::NAN)
        })
    }
}

/// Names of namespaces and of nodes begin with it.
fn pool(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}
