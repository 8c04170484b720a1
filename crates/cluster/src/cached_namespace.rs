//! Cached namespace: of a Namespace, what landlord reads: its metadata and which version of it that
//! was.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ObjectMeta, OwnerReference as KubeOwner, Time,
};
use serde_json::{Value, json};
use tenancy::metadata::Metadata;
use tenancy::namespace::{Namespace, OwnerReference};

/// A namespace as it was last seen.
#[derive(Clone, Debug)]
pub struct CachedNamespace {
    pub uid: String,
    pub version: String,
    pub created: Option<Time>,
    pub namespace: Namespace,
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
        }
    }

    /// The object for rules that read paths.
    pub fn document(&self) -> Value {
        let Namespace { name, generate_name, metadata, owner_references, .. } = &self.namespace;
        let owners: Vec<Value> = owner_references
            .iter()
            .map(|one| json!({"apiVersion": one.group, "kind": one.kind, "name": one.name}))
            .collect();
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "generateName": generate_name,
               "labels": metadata.labels, "annotations": metadata.annotations, "ownerReferences": owners}})
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

/// Characters that the name of an object has at most.
const NAME_LENGTH: usize = 253;

/// An owner's name that no object can have is kept so long that none matches: Kubernetes does not
/// limit it, and a megabyte of it would be in memory, log and status.
fn owner(reference: &KubeOwner) -> OwnerReference {
    let (group, _) = reference.api_version.split_once('/').unwrap_or_default();
    OwnerReference {
        group: group.to_owned(),
        kind: reference.kind.clone(),
        name: reference.name.chars().take(NAME_LENGTH + 1).collect(),
    }
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
        let lengths: Vec<usize> = CachedNamespace::of(&meta)
            .namespace
            .owner_references
            .iter()
            .map(|owner| owner.name.len())
            .collect();
        assert_eq!(lengths, [5, NAME_LENGTH, NAME_LENGTH + 1]);
    }
}
