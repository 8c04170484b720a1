//! Guarded: whether the guard's policies are in the API server, and since when. They carry the label `landlord.dev/guard`.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ListParams};
use kube::{Client, Error, Resource};

use crate::guard::{PART_LABEL, Part};

/// Whether Pods are guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guarded {
    No,
    Since(Timestamp),
    Unknown(String),
}

/// The guard's objects, by part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Since when each policy is there.
    pub(crate) policies: BTreeMap<String, Timestamp>,
    /// Since when each is in force.
    pub(crate) bindings: BTreeMap<String, Timestamp>,
}

impl Parts {
    /// Reads them from the cluster.
    pub(crate) async fn read(client: &Client) -> Result<Self, Error> {
        let mut policies = list::<ValidatingAdmissionPolicy>(client).await?;
        policies.extend(newer(list::<MutatingAdmissionPolicy>(client).await)?);
        let mut bindings = list::<ValidatingAdmissionPolicyBinding>(client).await?;
        bindings.extend(newer(list::<MutatingAdmissionPolicyBinding>(client).await)?);
        Ok(Self { policies, bindings })
    }

    /// Whether Pods are guarded: the part that refuses them is in force.
    pub(crate) fn guarded(&self) -> Guarded {
        match (self.policies.get(Part::Deny.word()), self.bindings.get(Part::Deny.word())) {
            (Some(policy), Some(binding)) => Guarded::Since(*policy.max(binding)),
            _ => Guarded::No,
        }
    }
}

/// Before Kubernetes 1.36 the kinds are missing, and nothing is of them.
fn newer(found: Result<BTreeMap<String, Timestamp>, Error>) -> Result<BTreeMap<String, Timestamp>, Error> {
    match found {
        Err(Error::Api(status)) if status.code == 404 => Ok(BTreeMap::new()),
        other => other,
    }
}

async fn list<K>(client: &Client) -> Result<BTreeMap<String, Timestamp>, Error>
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
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
