//! Form: which form of the guard an API server can have, and has.

use anyhow::Result;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Client, Error, ResourceExt};

use crate::commands::served::Served;

const GROUP: &str = "admissionregistration.k8s.io";
/// The part that each form has as a policy of another kind.
const PART: &str = "landlord-guard-seal";

/// A form of the guard without a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Mutating,
    Validating,
}

impl Form {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Mutating => "mutating",
            Self::Validating => "validating",
        }
    }

    /// What this API server can have.
    pub(super) async fn expected(client: &Client) -> Result<Self> {
        let served = Served::read(client).await?;
        Ok(if served.can_hold() { Self::Mutating } else { Self::Validating })
    }

    /// What is there, whole and alone; `None` while one gives way to the other.
    pub(super) async fn installed(client: &Client) -> Result<Option<Self>> {
        let mutating = has(client, "MutatingAdmissionPolicyBinding").await?;
        let validating = has(client, "ValidatingAdmissionPolicyBinding").await?;
        Ok(match (mutating, validating) {
            (true, false) => Some(Self::Mutating),
            (false, true) => Some(Self::Validating),
            _ => None,
        })
    }
}

/// Whether the part is there as a binding of this kind; `false` where the kind is not served.
async fn has(client: &Client, kind: &str) -> Result<bool> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind));
    match Api::<DynamicObject>::all_with(client.clone(), &resource)
        .list(&ListParams::default())
        .await
    {
        Ok(list) => Ok(list.items.iter().any(|one| one.name_any() == PART)),
        Err(Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error.into()),
    }
}
