//! Nodes: their labels, to tell a tenant whether its selector matches any.

use std::fmt::Debug;

use cluster::audit::bound::{NodeStatus, SizedNode};
use cluster::audit::requests::Capacity;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ApiResource, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::Following;
use crate::context::Context;
use crate::supervisor::Pulse;

impl Context {
    /// Follows nodes. Nothing waits for them: without the right to list them, tenants say that it
    /// is not known. Only an audit asks what they have for Pods. Does not return.
    pub async fn follow_nodes(self, pulse: Pulse) {
        let client = self.client.clone();
        if self.reconciler.is_audited() {
            let api: Api<SizedNode> = Api::all_with(client, &ApiResource::erase::<Node>(&()));
            let capacity = |node: &SizedNode| node.status.as_ref().map(NodeStatus::capacity);
            self.follow_nodes_of(api, capacity, pulse).await;
        } else {
            let api: Api<PartialObjectMeta<Node>> = Api::all(client);
            self.follow_nodes_of(api, |_| None, pulse).await;
        }
    }

    async fn follow_nodes_of<K>(
        self,
        api: Api<K>,
        capacity: impl Fn(&K) -> Option<Capacity>,
        pulse: Pulse,
    ) where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let mut events = Following::new(api, Config::default(), "nodes", &self.signals, pulse);
        loop {
            let Ok(event) = events.next().await else { continue };
            let mut nodes = self.reconciler.nodes();
            match event {
                Event::Init => nodes.clear(),
                Event::InitApply(node) | Event::Apply(node) => {
                    nodes.put(node.name_any(), node.meta().labels.clone().unwrap_or_default());
                    if let Some(capacity) = capacity(&node) {
                        nodes.set_capacity(node.name_any(), capacity);
                    }
                }
                Event::InitDone => nodes.complete(),
                Event::Delete(node) => nodes.remove(&node.name_any()),
            }
        }
    }
}
