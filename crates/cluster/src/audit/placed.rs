//! Placed: a Pod that has a node and is not finished.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use tenancy::metadata::Map;

use super::bound::{BoundPod, BoundSpec, BoundStatus};

/// What the kubelet writes on Pods of files on its node.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What an audit reads of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub node: String,
    pub created: Option<Timestamp>,
    /// Since when it is on its node.
    pub since: Option<Timestamp>,
    /// Its own node selector, as the API server has it.
    pub selector: Map,
    pub owner: Option<Owner>,
    /// Whether it came with its node, past the scheduler.
    pub named_its_node: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// The controller that would make it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
}

impl Placed {
    /// `None` where the Pod has no node, or is finished.
    pub fn from_pod(mut pod: Pod) -> Option<Self> {
        let spec = BoundSpec::place_of(&mut pod)?;
        let status = BoundStatus::of(&mut pod);
        Self::read(pod.metadata, spec, status)
    }

    /// The same of a Pod as it is watched.
    pub fn from_bound(pod: BoundPod) -> Option<Self> {
        Self::read(pod.metadata, pod.spec, pod.status.unwrap_or_default())
    }

    fn read(meta: ObjectMeta, spec: BoundSpec, status: BoundStatus) -> Option<Self> {
        let node = spec.node_name.filter(|node| !node.is_empty())?;
        if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            return None;
        }
        let bound = status
            .conditions
            .iter()
            .find(|one| one.type_ == "PodScheduled" && one.status == "True");
        let created = meta.creation_timestamp.as_ref().map(|time| time.0);
        let started = status.start_time.map(|time| time.0);
        Some(Self {
            named_its_node: named_its_node(&meta, bound),
            owner: owner(&meta),
            terminating: meta.deletion_timestamp.is_some(),
            since: bound
                .and_then(|one| one.last_transition_time.as_ref())
                .map(|time| time.0)
                .or(started)
                .or(created),
            created,
            namespace: meta.namespace.unwrap_or_default(),
            name: meta.name.unwrap_or_default(),
            uid: meta.uid.unwrap_or_default(),
            node,
            selector: spec.node_selector,
        })
    }
}

/// The scheduler binds a Pod past `managedFields`, and says so in a condition; anyone who writes
/// `spec.nodeName` is on record.
fn named_its_node(meta: &ObjectMeta, bound: Option<&PodCondition>) -> bool {
    let mirrored =
        meta.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(MIRROR));
    let written = |entry: &ManagedFieldsEntry| {
        entry
            .fields_v1
            .as_ref()
            .is_some_and(|fields| fields.0.pointer("/f:spec/f:nodeName").is_some())
    };
    mirrored || bound.is_none() || meta.managed_fields.iter().flatten().any(written)
}

/// The controller that an object names as its owner.
pub fn owner(meta: &ObjectMeta) -> Option<Owner> {
    let controller =
        meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    Some(Owner {
        api_version: controller.api_version.clone(),
        kind: controller.kind.clone(),
        name: controller.name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn placed(pod: Value) -> Option<Placed> {
        Placed::from_pod(serde_json::from_value(pod).expect("a Pod"))
    }

    fn bound() -> Value {
        json!([{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-02T00:00:00Z"}])
    }

    #[rstest]
    #[case::no_node(json!({"spec": {"containers": []}}))]
    #[case::succeeded(json!({"spec": {"containers": [], "nodeName": "n"}, "status": {"phase": "Succeeded"}}))]
    #[case::failed(json!({"spec": {"containers": [], "nodeName": "n"}, "status": {"phase": "Failed"}}))]
    #[case::nothing(json!({}))]
    fn not_placed(#[case] pod: Value) {
        assert_eq!(placed(pod), None);
    }

    #[rstest]
    #[case::by_the_scheduler(json!({}), bound(), false)]
    #[case::without_it(json!({}), json!([]), true)]
    #[case::on_record(json!({"managedFields": [{"fieldsV1": {"f:spec": {"f:nodeName": {}}}}]}), bound(), true)]
    #[case::from_a_file(json!({"annotations": {MIRROR: "x"}}), bound(), true)]
    fn who_named_the_node(#[case] metadata: Value, #[case] conditions: Value, #[case] named: bool) {
        let pod = placed(
            json!({"metadata": metadata, "spec": {"containers": [], "nodeName": "n"}, "status": {"conditions": conditions}}),
        );
        assert_eq!(pod.map(|pod| pod.named_its_node), Some(named));
    }

    #[test]
    fn what_is_read() {
        let pod = placed(json!({
            "metadata": {"namespace": "web", "name": "a", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-03T00:00:00Z",
                         "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1"},
                                             {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "2", "controller": true}]},
            "spec": {"containers": [], "nodeName": "n", "nodeSelector": {"pool": "solar"}},
            "status": {"phase": "Running", "conditions": bound()},
        }));
        let time = |day: &str| Some(format!("2026-01-0{day}T00:00:00Z").parse().expect("a time"));
        let expected = Placed {
            namespace: "web".to_owned(),
            name: "a".to_owned(),
            uid: "u".to_owned(),
            node: "n".to_owned(),
            created: time("1"),
            since: time("2"),
            selector: [("pool".to_owned(), "solar".to_owned())].into(),
            owner: Some(Owner {
                api_version: "apps/v1".to_owned(),
                kind: "ReplicaSet".to_owned(),
                name: "r".to_owned(),
            }),
            named_its_node: false,
            terminating: true,
        };
        assert_eq!(pod, Some(expected));
    }
}
