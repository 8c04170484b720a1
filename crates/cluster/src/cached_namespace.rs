//! Cached namespace: of a Namespace, what landlord reads: its metadata and which version of it that
//! was.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ObjectMeta, OwnerReference as KubeOwner, Time,
};
use serde_json::{Map, Value, json};
use tenancy::metadata::Metadata;
use tenancy::namespace::{Namespace, OwnerReference};

/// A namespace as it was last seen.
#[derive(Clone, Debug)]
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
    pub fn of(meta: &ObjectMeta) -> Self {
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
        owner_references: meta.owner_references.clone(),
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

fn owner(reference: &KubeOwner) -> OwnerReference {
    let (group, _) = reference.api_version.split_once('/').unwrap_or_default();
    OwnerReference {
        group: group.to_owned(),
        kind: reference.kind.clone(),
        name: reference.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let cached = CachedNamespace::of(&meta);
        assert_eq!(cached.document()["metadata"], metadata);
        let group = cached.namespace.owner_references.first().map(|owner| owner.group.as_str());
        assert_eq!(group, Some("capsule.clastix.io"));
    }
}
