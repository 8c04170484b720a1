//! Kinds: what the guard consists of, and where the API server has it.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, Error};

use guard::form::{MutatingVersion, Served};

const GROUP: &str = "admissionregistration.k8s.io";

/// Kinds and their plurals.
pub const KINDS: [(&str, &str); 4] = [
    ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
    ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
    ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
];

/// Which of them this API server has, by its own discovery.
pub async fn read_served(client: &Client) -> Result<Served, Error> {
    let stable = served_in(client, MutatingVersion::V1).await?;
    let has = |kinds: &[String], prefix: &str| {
        let wanted = KINDS.iter().filter(|(kind, _)| kind.starts_with(prefix));
        wanted.into_iter().all(|(kind, _)| kinds.iter().any(|served| served == kind))
    };
    let mutating = if has(&stable, "Mutating") {
        Some(MutatingVersion::V1)
    } else {
        let beta = served_in(client, MutatingVersion::V1beta1).await?;
        has(&beta, "Mutating").then_some(MutatingVersion::V1beta1)
    };
    Ok(Served { mutating, validating: has(&stable, "Validating") })
}

/// The kinds of the group's version; none where it is not served.
async fn served_in(client: &Client, version: MutatingVersion) -> Result<Vec<String>, Error> {
    match client.list_api_group_resources(&format!("{GROUP}/{}", version.word())).await {
        Ok(list) => Ok(list.resources.into_iter().map(|resource| resource.kind).collect()),
        Err(Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The kinds that can be asked for.
pub fn served_kinds(served: Served) -> Vec<&'static str> {
    let can_be_asked = |kind: &&str| {
        if kind.starts_with("Mutating") { served.mutating.is_some() } else { served.validating }
    };
    KINDS.into_iter().map(|(kind, _)| kind).filter(can_be_asked).collect()
}

/// One kind, where an API server that serves these has it.
pub fn api(client: &Client, served: Served, kind: &str) -> Api<DynamicObject> {
    let plural = KINDS.iter().find(|(name, _)| *name == kind).map_or("", |(_, plural)| plural);
    let mutates = kind.starts_with("Mutating");
    let version = served.mutating.filter(|_| mutates).unwrap_or(MutatingVersion::V1);
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(GROUP, version.word(), kind),
        plural,
    );
    Api::all_with(client.clone(), &resource)
}
