//! Bound Pod: of a Pod that has a node, what an audit reads. The rest of it is not even decoded.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::{NotUsed, Object};
use serde::Deserialize;
use tenancy::metadata::Map;

use super::requests::{Capacity, Container, Resources};

/// A Pod as it is watched.
pub type BoundPod = Object<BoundSpec, BoundStatus>;
/// A node as it is watched for what it has room for. One without a `spec` is a node as well.
pub type SizedNode = Object<Option<NotUsed>, NodeStatus>;

/// Which Pods the API server sends: those that have a node and are not finished.
pub const BOUND: &str = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";

/// Where it runs, and what it asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BoundSpec {
    pub node_name: Option<String>,
    pub node_selector: Map,
    pub containers: Vec<Container>,
    pub init_containers: Vec<Container>,
    pub overhead: Resources,
}

/// Since when.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BoundStatus {
    pub phase: Option<String>,
    pub start_time: Option<Time>,
    pub conditions: Vec<PodCondition>,
}

/// What a node has for Pods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    allocatable: Resources,
}

impl NodeStatus {
    /// What Pods may ask for on it.
    pub fn capacity(&self) -> Capacity {
        self.allocatable.capacity()
    }
}

impl BoundSpec {
    /// Of a Pod that was read whole: where it runs, not what it asks for.
    pub(super) fn place_of(pod: &mut Pod) -> Option<Self> {
        let spec = pod.spec.as_mut()?;
        Some(Self {
            node_name: spec.node_name.take(),
            node_selector: spec.node_selector.take().unwrap_or_default(),
            ..Self::default()
        })
    }

    /// What the scheduler counts for it on its node.
    pub fn requests(&self) -> Capacity {
        Capacity::of_pod(&self.containers, &self.init_containers, &self.overhead)
    }
}

impl BoundStatus {
    pub(super) fn of(pod: &mut Pod) -> Self {
        let status = pod.status.take().unwrap_or_default();
        Self {
            phase: status.phase,
            start_time: status.start_time,
            conditions: status.conditions.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_is_read_for_what_it_has() {
        let meta = json!({"name": "n", "labels": {"pool": "solar"}});
        let node: SizedNode = serde_json::from_value(json!({"apiVersion": "v1", "kind": "Node", "metadata": meta,
            "status": {"allocatable": {"cpu": "3920m", "memory": "1Ki", "pods": "110"}, "images": []}}))
        .expect("a node");
        let capacity = node.status.map(|status| status.capacity());
        assert_eq!(capacity, Some(Capacity { millicores: 3920, bytes: 1024 }));
        let bare: SizedNode =
            serde_json::from_value(json!({"apiVersion": "v1", "kind": "Node", "metadata": meta}))
                .expect("a node that says nothing");
        assert!(bare.status.is_none());
    }
}
