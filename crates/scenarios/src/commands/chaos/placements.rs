//! Placements: where each Pod is bound, as soon as that is seen.

use anyhow::Result;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use local_cluster::Cluster;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::people::People;

/// A watch of all Pods, and what it has seen.
pub(super) struct Placements {
    seen: mpsc::UnboundedReceiver<(String, Option<String>)>,
    watching: JoinHandle<()>,
}

impl Drop for Placements {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Placements {
    pub(super) fn watch(cluster: &Cluster) -> Result<Self> {
        let (sender, seen) = mpsc::unbounded_channel();
        let api: Api<Pod> = Api::all(cluster.admin()?);
        let watching = tokio::spawn(async move {
            let mut pods =
                watcher(api, Config::default()).default_backoff().applied_objects().boxed();
            loop {
                // A watch that breaks off starts again by itself.
                if let Ok(Some(pod)) = pods.try_next().await {
                    let key = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
                    // Nobody listens any more at the end.
                    drop(sender.send((key, pod.spec.and_then(|spec| spec.node_name))));
                }
            }
        });
        Ok(Self { seen, watching })
    }

    /// Tells the laws what was seen since this was done last. A node's name begins with its pool's.
    pub(super) fn judge(&mut self, people: &mut People) {
        while let Ok((key, node)) = self.seen.try_recv() {
            people.meet(&key);
            if let Some(pool) = node.as_deref().and_then(|node| node.split('-').next()) {
                people.laws.place(&key, pool);
            }
        }
    }
}
