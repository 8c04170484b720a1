//! Cached namespace: of a Namespace, what landlord reads: its metadata and which version of it that
//! was.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ObjectMeta, OwnerReference as KubeOwner, Time,
};
use serde_json::{Map, Value, json};
use tenancy::metadata::Metadata;
use tenancy::namespace::{Namespace, OwnerReference};

/// A namespace as it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedNamespace {
    pub uid: String,
    pub version: String,
    pub created: Option<Time>,
    pub namespace: Namespace,
    /// Metadata that few namespaces have and rules may read by path: owner references in full,
    /// finalizers, the time of deletion.
    more: Option<Box<Map<String, Value>>>,
}

impl CachedNamespace {
    /// From an object's metadata; nothing else of a Namespace is ever read.
    pub fn from_meta(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            version: meta.resource_version.clone().unwrap_or_default(),
            created: meta.creation_timestamp.clone(),
            namespace: Namespace {
                name: meta.name.clone(),
                generate_name: meta.generate_name.clone(),
                metadata: Metadata {
                    labels: meta.labels.clone().unwrap_or_default(),
                    annotations: meta.annotations.clone().unwrap_or_default(),
                },
                owner_references: meta.owner_references.iter().flatten().map(owner).collect(),
                terminating: meta.deletion_timestamp.is_some(),
            },
            more: more(meta),
        }
    }

    /// The object for rules that read paths: its metadata as the API server has them, but
    /// managedFields.
    pub fn document(&self) -> Value {
        let Namespace { name, generate_name, metadata, .. } = &self.namespace;
        let mut document = self.more.as_deref().cloned().unwrap_or_default();
        let fields = [
            ("name", json!(name)),
            ("generateName", json!(generate_name)),
            ("uid", json!(self.uid)),
            ("resourceVersion", json!(self.version)),
            ("creationTimestamp", json!(self.created)),
            ("labels", json!(metadata.labels)),
            ("annotations", json!(metadata.annotations)),
        ];
        let present = fields.into_iter().filter(|(_, value)| !value.is_null());
        document.extend(present.map(|(field, value)| (field.to_owned(), value)));
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": document})
    }

    /// Whether this is the very state that `other` is.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.uid == other.uid && !self.version.is_empty() && self.version == other.version
    }

    /// Whether this is an earlier state than `other`, of this namespace or of one that had its
    /// name. Versions of one resource are numbers that grow, whatever the object.
    pub fn is_older_than(&self, other: &Self) -> bool {
        matches!((self.number(), other.number()), (Some(this), Some(that)) if this < that)
    }

    /// The version as a number, which it is for every resource of an API server on etcd.
    pub fn number(&self) -> Option<u64> {
        self.version.parse().ok()
    }
}

fn more(meta: &ObjectMeta) -> Option<Box<Map<String, Value>>> {
    let rare = ObjectMeta {
        owner_references: meta
            .owner_references
            .as_ref()
            .map(|all| all.iter().map(cut_owner).collect()),
        finalizers: meta.finalizers.clone(),
        deletion_timestamp: meta.deletion_timestamp.clone(),
        deletion_grace_period_seconds: meta.deletion_grace_period_seconds,
        ..ObjectMeta::default()
    };
    match serde_json::to_value(rare) {
        Ok(Value::Object(map)) if !map.is_empty() => Some(Box::new(map)),
        _ => None,
    }
}

/// Characters that the name of an object has at most.
const NAME_LENGTH: usize = 253;

/// An owner's name that no object can have is kept so long that none matches: Kubernetes does not
/// limit it, and a megabyte of it would be in memory, log and status.
fn cut_owner(reference: &KubeOwner) -> KubeOwner {
    let name = reference.name.chars().take(NAME_LENGTH + 1).collect();
    KubeOwner { name, ..reference.clone() }
}

fn owner(reference: &KubeOwner) -> OwnerReference {
    let (group, _) = reference.api_version.split_once('/').unwrap_or_default();
    let KubeOwner { kind, name, .. } = cut_owner(reference);
    OwnerReference { group: group.to_owned(), kind, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_cannot_exist_is_cut_and_still_cannot_exist() {
        let owners = ["solar".to_owned(), "x".repeat(NAME_LENGTH), "x".repeat(1_000_000)];
        let references = owners.iter().map(|name| KubeOwner {
            api_version: "landlord.dev/v1alpha1".to_owned(),
            kind: "Tenant".to_owned(),
            name: name.clone(),
            ..KubeOwner::default()
        });
        let meta =
            ObjectMeta { owner_references: Some(references.collect()), ..ObjectMeta::default() };
        let lengths: Vec<usize> = CachedNamespace::from_meta(&meta)
            .namespace
            .owner_references
            .iter()
            .map(|owner| owner.name.len())
            .collect();
        assert_eq!(lengths, [5, NAME_LENGTH, NAME_LENGTH + 1]);
    }

    /// The policy's rules read the object that the API server sends; the controller's must not read
    /// another one.
    #[test]
    fn rules_read_the_metadata_that_the_policy_reads() {
        let metadata = json!({
            "name": "web", "uid": "u-1", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["example.com/wait"],
            "ownerReferences": [{"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": "solar", "uid": "u-2", "controller": true, "blockOwnerDeletion": true}]
        });
        let meta: ObjectMeta = serde_json::from_value(metadata.clone()).expect("metadata");
        let cached = CachedNamespace::from_meta(&meta);
        assert_eq!(cached.document()["metadata"], metadata);
        let group = cached.namespace.owner_references.first().map(|owner| owner.group.as_str());
        assert_eq!(group, Some("capsule.clastix.io"));
    }
}
