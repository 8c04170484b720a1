//! Nodes: their labels, to tell a tenant whether its selector matches any.

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event};

use super::Following;
use crate::context::Context;
use crate::supervisor::Pulse;

impl Context {
    /// Follows nodes. Nothing waits for them: without the right to list them, tenants say that it
    /// is not known. Does not return.
    pub async fn follow_nodes(self, pulse: Pulse) {
        let api: Api<PartialObjectMeta<Node>> = Api::all(self.client.clone());
        let mut events = Following::new(api, Config::default(), "nodes", &self.signals, pulse);
        loop {
            let Ok(event) = events.next().await else { continue };
            let mut nodes = self.reconciler.nodes();
            match event {
                Event::Init => nodes.clear(),
                Event::InitApply(node) | Event::Apply(node) => {
                    let labels = node.metadata.labels.clone().unwrap_or_default();
                    nodes.put(node.name_any(), labels);
                }
                Event::InitDone => nodes.complete(),
                Event::Delete(node) => nodes.remove(&node.name_any()),
            }
        }
    }
}
