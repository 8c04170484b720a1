//! Served: what an API server has of the kinds that the guard is made of.

use anyhow::Result;
use kube::{Client, Error};
use serde::{Deserialize, Serialize};

/// Versions of `admissionregistration.k8s.io`, the newest first.
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];
/// Versions of MutatingAdmissionPolicy that the guard can be installed in.
const HOLDING: [&str; 2] = ["v1", "v1beta1"];

/// An API server, by what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    /// `v1.33.13`.
    pub(crate) version: String,
    /// Versions of MutatingAdmissionPolicy.
    pub(crate) mutating: Vec<String>,
    /// Versions of ValidatingAdmissionPolicy.
    pub(crate) validating: Vec<String>,
}

impl Served {
    /// Asks it.
    pub(crate) async fn read(client: &Client) -> Result<Self> {
        let version = client.apiserver_version().await?.git_version;
        let mut served = Self { version, ..Self::default() };
        for version in VERSIONS {
            let path = format!("admissionregistration.k8s.io/{version}");
            let resources = match client.list_api_group_resources(&path).await {
                Ok(list) => list.resources,
                Err(Error::Api(status)) if status.code == 404 => continue,
                Err(error) => return Err(error.into()),
            };
            let has = |plural: &str| resources.iter().any(|one| one.name == plural);
            served.mutating.extend(has("mutatingadmissionpolicies").then(|| version.to_owned()));
            served
                .validating
                .extend(has("validatingadmissionpolicies").then(|| version.to_owned()));
        }
        Ok(served)
    }

    /// Whether Pods can be held, and what users write be corrected. Without that the guard can only
    /// refuse.
    pub(crate) fn can_hold(&self) -> bool {
        self.mutating.iter().any(|version| HOLDING.contains(&version.as_str()))
    }

    /// Why there is no guard that holds, for a user.
    pub(crate) fn lacks(&self) -> String {
        let served = match self.mutating.as_slice() {
            [] => "none".to_owned(),
            some => format!("{} only", some.join(" and ")),
        };
        format!(
            "needs MutatingAdmissionPolicy {}; Kubernetes {} serves {served}",
            HOLDING.join(" or "),
            self.version
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&["v1", "v1beta1"], true, "")]
    #[case(&["v1beta1"], true, "")]
    #[case(&["v1alpha1"], false, "needs MutatingAdmissionPolicy v1 or v1beta1; Kubernetes v1.33.13 serves v1alpha1 only")]
    #[case(&[], false, "needs MutatingAdmissionPolicy v1 or v1beta1; Kubernetes v1.33.13 serves none")]
    fn what_is_served_decides(#[case] mutating: &[&str], #[case] can: bool, #[case] lacks: &str) {
        let served = Served {
            version: "v1.33.13".to_owned(),
            mutating: mutating.iter().map(|one| (*one).to_owned()).collect(),
            validating: vec!["v1".to_owned()],
        };
        assert_eq!(served.can_hold(), can);
        assert!(can || served.lacks() == lacks, "{}", served.lacks());
    }
}
