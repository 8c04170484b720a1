//! Owners: a claim by label is judged as the namespace is created. Only where no stamp can be
//! written that the controller would judge by.

use tenancy::settings::TenantSource;

use super::expression::{SERVICE_ACCOUNT, quote};
use super::policy::{Effect, Policy, Validation};
use super::{Guard, Part};

/// Whether owner `o` is the requester.
const IS_REQUESTER: &str = r#"o.kind == "User" && o.name == request.userInfo.username
    || o.kind == "Group" && has(request.userInfo.groups) && o.name in request.userInfo.groups"#;

/// The policy, for tenants whose owners CEL can read.
pub(super) fn policy(guard: &Guard<'_>) -> Option<Policy> {
    let source = &guard.settings.source;
    let (api_version, kind) = source.kind()?;
    let label = quote(guard.settings.tenant_label());
    let claims = format!("has(object.metadata.labels) && {label} in object.metadata.labels");
    let conditions = [
        guard.not_excluded("object.metadata.name"),
        Some(("claims-a-tenant", claims)),
        Some(("not-the-controller", format!("!({})", guard.is_controller()))),
        Some(("not-an-admin", format!("!({})", guard.is_admin()))),
    ];
    let tenant = format!("object.metadata.labels[{label}]");
    Some(Policy {
        part: Part::Owners,
        rule: (&["namespaces"], &["CREATE"]),
        label: None,
        // While the definition of tenants is missing, the API server refuses whatever this matches
        // before it looks at conditions: nothing but claims, which then are of no tenant.
        object_label: Some(guard.settings.tenant_label()),
        tenants: Some((api_version.to_owned(), kind.to_owned())),
        conditions: conditions.into_iter().flatten().collect(),
        variables: vec![("owners", owners(source)?.to_owned())],
        effect: Effect::Validate(vec![validation(&tenant)]),
    })
}

/// A list; nobody is asked for where there is none.
fn owners(source: &TenantSource) -> Option<&'static str> {
    match source {
        TenantSource::Landlord => Some("has(params.spec.owners) ? params.spec.owners : null"),
        TenantSource::Capsule { .. } => Some(
            "has(params.status) && has(params.status.owners) && size(params.status.owners) > 0 ? params.status.owners\n\
             : has(params.spec.owners) ? params.spec.owners : []",
        ),
        TenantSource::Custom(_) | TenantSource::Inline(_) => None,
    }
}

fn validation(tenant: &str) -> Validation {
    let account = quote(&format!("{SERVICE_ACCOUNT}:"));
    let service_account = format!(
        r#"o.kind == "ServiceAccount" && request.userInfo.username == (o.name.startsWith({account}) ? "" : {account}) + o.name"#
    );
    Validation {
        expression: format!(
            "params.metadata.name != {tenant} || variables.owners == null || variables.owners.exists(o, {IS_REQUESTER}\n    || {service_account})"
        ),
        message: format!(
            r#""namespace " + object.metadata.name + " claims tenant " + {tenant} + ", which " + request.userInfo.username
+ " does not own: ask one of its owners or an admin, or claim a tenant of your own""#
        ),
    }
}
