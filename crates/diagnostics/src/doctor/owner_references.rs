//! Owner references of namespaces to tenants: Kubernetes' garbage collector deletes a namespace
//! whose owners are gone, no matter which tool wrote the references.

use serde_json::Value;
use tenancy::namespace::OwnerReference;
use tenancy::settings::{Rule, TenantSource};

use super::{Check, Finding, some};
use assessment::inventory::{Inventory, Listed};

/// Kinds of tenants that are known beside the source's, by API group.
const KINDS: [(&str, &str); 2] = [("landlord.dev", "Tenant"), ("capsule.clastix.io", "Tenant")];

pub(super) fn check(inventory: &Inventory) -> Finding {
    let source = source(inventory);
    let (mut foreign, mut absent) = (Vec::new(), Vec::new());
    for listed in &inventory.namespaces {
        for (reference, uid) in references(inventory, listed) {
            let name = listed.namespace.name_or_stem();
            let place =
                format!("{name} ({}.{} {:?})", reference.kind, reference.group, reference.name);
            if source.as_ref() != Some(&(reference.group.as_str(), reference.kind.as_str())) {
                foreign.push(place);
            } else if !inventory.has_tenant_of_uid(uid) {
                absent.push(place);
            }
        }
    }
    let foreign = (!foreign.is_empty()).then(|| {
        format!("owned by tenants that are not those of the settings, and deleted with them or with their definition: {}", some(foreign))
    });
    let absent = (!absent.is_empty()).then(|| {
        format!(
            "owned by a tenant that is not there any more, or is another one of the same name: {}",
            some(absent)
        )
    });
    let what: Vec<String> = [foreign, absent].into_iter().flatten().collect();
    if what.is_empty() {
        Check::OwnerReferences
            .good("no namespace has an owner reference to a tenant that is not there, or not read")
    } else {
        Check::OwnerReferences.wrong(
            format!("namespaces {}", what.join("; namespaces ")),
            "`landlord detach capsule` (or the kind with its group) takes the references away; only then delete those tenants",
        )
    }
}

/// Group and kind of the tenants that are read.
fn source(inventory: &Inventory) -> Option<(&str, &str)> {
    let source: &TenantSource = &inventory.settings.source;
    let (api_version, kind) = source.kind()?;
    Some((api_version.split_once('/').map_or("", |(group, _)| group), kind))
}

/// Owner references to anything that is a tenant, with the owner's uid.
fn references<'a>(
    inventory: &'a Inventory,
    listed: &'a Listed,
) -> impl Iterator<Item = (&'a OwnerReference, &'a str)> {
    let is_tenant = |reference: &OwnerReference| {
        let kind = (reference.group.as_str(), reference.kind.as_str());
        let by_rule = |rule: &Rule| matches!(rule, Rule::OwnerReference { group, kind } if *group == reference.group && *kind == reference.kind);
        KINDS.contains(&kind)
            || source(inventory) == Some(kind)
            || inventory.settings.identify.iter().any(by_rule)
    };
    listed
        .namespace
        .owner_references
        .iter()
        .filter(move |one| is_tenant(one))
        .map(|one| (one, uid(&listed.object, one)))
}

/// The uid in the owner reference that was read as this one.
fn uid<'a>(object: &'a Value, reference: &OwnerReference) -> &'a str {
    let all = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let text =
        |one: &'a Value, field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default();
    all.into_iter()
        .flatten()
        .find(|one| {
            let group = text(one, "apiVersion").split_once('/').map_or("", |(group, _)| group);
            (group, text(one, "kind"), text(one, "name"))
                == (reference.group.as_str(), reference.kind.as_str(), reference.name.as_str())
        })
        .map_or("", |one| text(one, "uid"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use assessment::document::{Document, Place};
    use rstest::rstest;
    use serde_json::json;
    use tenancy::settings::Settings;

    fn inventory(source: &str, references: Value) -> Inventory {
        let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar", "uid": "1"}, "spec": {}});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "ownerReferences": references}});
        let documents =
            [tenant, namespace].map(|object| Document { place: Place::cluster(), object }).to_vec();
        let settings = Settings::from_value(&json!({"tenantSource": source})).expect("settings");
        Inventory::from_documents(settings, documents).expect("an inventory")
    }

    fn reference(group: &str, name: &str, uid: &str) -> Value {
        json!({"apiVersion": format!("{group}/v1"), "kind": "Tenant", "name": name, "uid": uid})
    }

    #[rstest]
    #[case::none("landlord", json!([]), State::Good, "")]
    #[case::its_tenant("landlord", json!([reference("landlord.dev", "solar", "1")]), State::Good, "")]
    #[case::made_anew("landlord", json!([reference("landlord.dev", "solar", "0")]), State::Wrong, "not there any more")]
    #[case::gone("landlord", json!([reference("landlord.dev", "lunar", "0")]), State::Wrong, "web (Tenant.landlord.dev \"lunar\")")]
    #[case::capsules("landlord", json!([reference("capsule.clastix.io", "solar", "7")]), State::Wrong, "not those of the settings")]
    #[case::landlords("capsule", json!([reference("landlord.dev", "solar", "1")]), State::Wrong, "not those of the settings")]
    #[case::another_kind("landlord", json!([{"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "2"}]), State::Good, "")]
    fn whose_namespaces_go(
        #[case] source: &str,
        #[case] references: Value,
        #[case] state: State,
        #[case] words: &str,
    ) {
        let finding = check(&inventory(source, references));
        assert!(finding.state == state && finding.what.contains(words), "{finding:?}");
    }
}
