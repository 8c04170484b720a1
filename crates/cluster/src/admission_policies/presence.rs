//! Guarded: whether the guard's policies are in the API server, and since when. They carry the
//! label `landlord.dev/guard`.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ListParams};
use kube::{Client, Error, Resource};
use serde_json::Value;

use guard::{PART_LABEL, Part};

/// Whether Pods are guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarded {
    No,
    Since(Timestamp),
    Unknown(String),
}

/// The guard's objects, by part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Since when each policy is there.
    pub policies: BTreeMap<String, Timestamp>,
    /// Since when each is in force.
    pub bindings: BTreeMap<String, Timestamp>,
}

impl Parts {
    /// Reads them from the cluster.
    pub async fn read(client: &Client) -> Result<Self, Error> {
        let mut policies = list::<ValidatingAdmissionPolicy>(client).await?;
        policies.extend(newer(list::<MutatingAdmissionPolicy>(client).await)?);
        let mut bindings = list::<ValidatingAdmissionPolicyBinding>(client).await?;
        bindings.extend(newer(list::<MutatingAdmissionPolicyBinding>(client).await)?);
        Ok(Self { policies, bindings })
    }

    /// Takes an object in; false where it is none of the guard.
    pub fn add(&mut self, kind: &str, object: &Value) -> bool {
        let Some(part) = object
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get(PART_LABEL))
            .and_then(Value::as_str)
        else {
            return false;
        };
        let created = object
            .pointer("/metadata/creationTimestamp")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        let created = created.unwrap_or(Timestamp::UNIX_EPOCH);
        let objects =
            if kind.ends_with("Binding") { &mut self.bindings } else { &mut self.policies };
        objects.insert(part.to_owned(), created);
        true
    }

    /// Whether Pods are guarded: the part that refuses them is in force.
    pub fn guarded(&self) -> Guarded {
        match (self.policies.get(Part::Deny.word()), self.bindings.get(Part::Deny.word())) {
            (Some(policy), Some(binding)) => Guarded::Since(*policy.max(binding)),
            _ => Guarded::No,
        }
    }
}

/// Before Kubernetes 1.36 the kinds are missing, and nothing is of them.
fn newer(
    found: Result<BTreeMap<String, Timestamp>, Error>,
) -> Result<BTreeMap<String, Timestamp>, Error> {
    match found {
        Err(Error::Api(status)) if status.code == 404 => Ok(BTreeMap::new()),
        other => other,
    }
}

async fn list<K>(client: &Client) -> Result<BTreeMap<String, Timestamp>, Error>
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let labelled = ListParams::default().labels(PART_LABEL);
    let found = Api::<K>::all(client.clone()).list_metadata(&labelled).await?;
    Ok(found.items.into_iter().filter_map(|object| part(object.metadata)).collect())
}

/// The part that an object belongs to, and since when it is there.
fn part(meta: ObjectMeta) -> Option<(String, Timestamp)> {
    let part = meta.labels?.remove(PART_LABEL)?;
    Some((part, meta.creation_timestamp?.0))
}
