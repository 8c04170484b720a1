//! References: owner references to tenants are changed by admins, by the controller and by
//! Kubernetes' garbage collector. Any other change is refused, and never undone in silence: the
//! client would take a reference for gone that is still there, and the garbage collector, which
//! then lets the tenant go, deletes a namespace whose only owner is absent.

use tenancy::requester::GARBAGE_COLLECTORS;
use tenancy::settings::Rule;

use super::expression::{field_or, list, quote};
use super::policy::{Effect, Named, Policy, Validation};
use super::{Guard, Part};

/// The policy; `None` if no rule reads owner references.
pub(super) fn policy(guard: &Guard<'_>) -> Option<Policy> {
    let is_tenant = is_tenant(guard)?;
    Some(Policy {
        part: Part::References,
        rule: (&["namespaces", "namespaces/status", "namespaces/finalize"], &["UPDATE"]),
        label: None,
        object_label: None,
        tenants: None,
        conditions: conditions(guard),
        variables: variables(&is_tenant),
        effect: Effect::Validate(vec![validation()]),
    })
}

fn conditions(guard: &Guard<'_>) -> Vec<Named> {
    let collectors = list(GARBAGE_COLLECTORS);
    let [new, old] = ["object", "oldObject"]
        .map(|object| field_or(&format!("{object}.metadata.ownerReferences"), "[]"));
    let conditions = [
        guard.not_excluded("object.metadata.name"),
        Some(("not-the-controller", format!("!({})", guard.is_controller()))),
        Some(("not-an-admin", format!("!({})", guard.is_admin()))),
        Some((
            "not-the-garbage-collector",
            format!("!(request.userInfo.username in {collectors})"),
        )),
        Some(("owner-references-change", format!("({new}) != ({old})"))),
    ];
    conditions.into_iter().flatten().collect()
}

/// Whether owner reference `o` is to a tenant.
pub(super) fn is_tenant(guard: &Guard<'_>) -> Option<String> {
    let rules = guard.settings.identify.iter().filter_map(|rule| match rule {
        Rule::OwnerReference { group, kind } => Some(is_of_kind(group, kind)),
        _ => None,
    });
    let rules: Vec<String> = rules.collect();
    (!rules.is_empty()).then(|| format!("({})", rules.join(" || ")))
}

fn is_of_kind(group: &str, kind: &str) -> String {
    let kind = quote(kind);
    match group {
        "" => format!("o.kind == {kind} && !o.apiVersion.contains(\"/\")"),
        group => {
            format!("o.kind == {kind} && o.apiVersion.startsWith({})", quote(&format!("{group}/")))
        }
    }
}

fn variables(is_tenant: &str) -> Vec<Named> {
    vec![
        ("owners", field_or("object.metadata.ownerReferences", "[]")),
        ("oldOwners", field_or("oldObject.metadata.ownerReferences", "[]")),
        ("tenants", format!("variables.owners.filter(o, {is_tenant})")),
        ("oldTenants", format!("variables.oldOwners.filter(o, {is_tenant})")),
    ]
}

fn validation() -> Validation {
    Validation {
        expression: "variables.tenants == variables.oldTenants".to_owned(),
        message: r#""owner references to tenants are sealed: leave them as they are, or ask an admin to move the namespace""#
            .to_owned(),
    }
}
