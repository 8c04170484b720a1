//! Waiting: a Pod that has no node yet. It keeps the node selector that it was created with, however
//! long it waits: at a scheduling gate, for a volume, for room.

use guard::GATE;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use tenancy::metadata::Map;
use tenancy::selector::NodeSelector;

use super::placed::{Owner, owner};
use super::pool::Pool;

/// What an audit reads of a Pod without a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub created: Option<Timestamp>,
    /// Its own node selector, as the API server has it.
    pub selector: Map,
    /// Names of its scheduling gates.
    pub gates: Vec<String>,
    pub owner: Option<Owner>,
}

/// A Pod that waits under a node selector that is not, or not any more, its namespace's.
#[derive(Clone, Debug)]
pub struct Outdated {
    pub pod: Waiting,
    pub pool: Pool,
}

impl Waiting {
    /// `None` where the Pod has a node, or is finished or being deleted.
    pub fn from_pod(pod: &Pod) -> Option<Self> {
        let (meta, spec) = (&pod.metadata, pod.spec.as_ref()?);
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let has_node = spec.node_name.as_ref().is_some_and(|node| !node.is_empty());
        if has_node
            || matches!(phase, Some("Succeeded" | "Failed"))
            || meta.deletion_timestamp.is_some()
        {
            return None;
        }
        Some(Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
            selector: spec.node_selector.clone().unwrap_or_default(),
            gates: spec.scheduling_gates.iter().flatten().map(|gate| gate.name.clone()).collect(),
            owner: owner(meta),
        })
    }

    /// Whether it would run where this selector does not hold. At landlord's own gate it gets what it
    /// lacks; what it has of another value stays.
    pub(super) fn is_outdated(&self, wanted: &NodeSelector) -> bool {
        let is_held = self.gates.iter().any(|gate| gate == GATE);
        wanted.iter().any(|(key, value)| match self.selector.get(key) {
            Some(own) => own != value,
            None => !is_held,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn waiting(spec: Value) -> Option<Waiting> {
        let mut pod =
            json!({"metadata": {"namespace": "web", "name": "a"}, "spec": {"containers": []}});
        let fields = spec.as_object().cloned().unwrap_or_default();
        fields.into_iter().for_each(|(field, value)| pod["spec"][field] = value);
        Waiting::from_pod(&serde_json::from_value(pod).expect("a Pod"))
    }

    #[rstest]
    #[case::of_its_pool(json!({"nodeSelector": {"pool": "solar", "zone": "b"}}), false)]
    #[case::of_another(json!({"nodeSelector": {"pool": "lunar"}}), true)]
    #[case::of_none(json!({}), true)]
    #[case::at_an_own_gate(json!({"schedulingGates": [{"name": "mine.io/later"}], "nodeSelector": {"pool": "lunar"}}), true)]
    #[case::held(json!({"schedulingGates": [{"name": GATE}]}), false)]
    #[case::held_for_another(json!({"schedulingGates": [{"name": GATE}], "nodeSelector": {"pool": "lunar"}}), true)]
    fn where_it_would_run(#[case] spec: Value, #[case] expected: bool) {
        let wanted: NodeSelector = "pool=solar".parse().expect("a selector");
        assert_eq!(waiting(spec).expect("it waits").is_outdated(&wanted), expected);
    }

    #[test]
    fn one_with_a_node_does_not_wait() {
        assert_eq!(waiting(json!({"nodeName": "n"})), None);
    }
}
