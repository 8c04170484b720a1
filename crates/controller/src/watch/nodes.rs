//! Nodes: their labels, to tell a tenant whether its selector matches any.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};

use super::Watch;

impl Watch {
    /// Follows nodes. Nothing waits for them: without the right to list them, tenants say that it is not known. Does not return.
    pub async fn nodes(self) {
        let api: Api<PartialObjectMeta<Node>> = Api::all(self.client.clone());
        let mut events = watcher(api, Config::default()).default_backoff().boxed();
        let mut complained = false;
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => self.reconciler.shared().store.nodes.clear(),
                Ok(Some(Event::InitApply(node) | Event::Apply(node))) => {
                    let labels = node.metadata.labels.clone().unwrap_or_default();
                    self.reconciler.shared().store.nodes.put(node.name_any(), labels);
                }
                Ok(Some(Event::InitDone)) => self.reconciler.shared().store.nodes.complete(),
                Ok(Some(Event::Delete(node))) => self.reconciler.shared().store.nodes.remove(&node.name_any()),
                Ok(None) => return,
                Err(error) if !complained => {
                    complained = true;
                    tracing::warn!(%error, "nodes cannot be watched; tenants do not say whether their selector matches any");
                }
                Err(error) => tracing::debug!(%error, "nodes cannot be watched"),
            }
        }
    }
}
