//! One namespace in words: whose it is, and where each key comes from.

use std::collections::BTreeMap;

use tenancy::hook::Failure;
use tenancy::keys::OWN_PREFIX;
use tenancy::metadata::{Field, Key};
use tenancy::namespace::OwnerReference;
use tenancy::plan::Clash;
use tenancy::requester::Owner;
use tenancy::tenant::Tenant;
use terminal::{Ink, Screen, visible};

use assessment::{Assessment, Reason};

/// The explanation, a fact a line.
pub(crate) fn render(assessment: &Assessment, owners: &[OwnerReference], screen: Screen) -> String {
    let mut text =
        screen.paint(Ink::Strong, &format!("namespace {}", visible(&assessment.name))) + "\n";
    text += &whose(assessment);
    text += &deletion(owners);
    if let Some(error) = assessment.error() {
        return format!("{text}error: {}\n", visible(error));
    }
    if let Some(fault) = &assessment.record.fault {
        text += &format!("ledger: {}\n", visible(fault));
    }
    text += &keys(assessment, screen);
    let clash = |word: &str, Clash { key, found, wanted, why }: &Clash| {
        let found = found.as_ref().map_or("nothing".to_owned(), |found| format!("{found:?}"));
        visible(&format!("{word} {key}: {found} stays, the tenant wants {wanted:?} ({why})")) + "\n"
    };
    text.extend(assessment.plan.kept.iter().map(|kept| clash("kept", kept)));
    text.extend(assessment.plan.refused.iter().map(|refused| clash("refused", refused)));
    let failure = |failure: &Failure| {
        let word = if failure.warning { "warned" } else { "rejected" };
        visible(&format!("{word} by {failure}")) + "\n"
    };
    text.extend(assessment.plan.failures.iter().map(failure));
    text.extend(
        assessment
            .plan
            .waiting
            .iter()
            .map(|key| format!("waiting for the namespace's name: {key:?}\n")),
    );
    text
}

/// What the garbage collector makes of the namespace's owner references.
fn deletion(owners: &[OwnerReference]) -> String {
    let owner = |OwnerReference { group, kind, name }: &OwnerReference| {
        let kind = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
        if kind.starts_with("Tenant") {
            format!("tenant {} ({})", visible(name), visible(&kind))
        } else {
            format!("{} {}", visible(&kind), visible(name))
        }
    };
    match owners {
        [] => String::new(),
        [one] => format!("deleted with {}, which its owner reference names\n", owner(one)),
        all => format!(
            "deleted with the last of {}, which its owner references name\n",
            all.iter().map(owner).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn whose(assessment: &Assessment) -> String {
    let (tenant, rule) = match (&assessment.tenant, &assessment.rule) {
        (Some(tenant), Some(rule)) => (tenant, rule),
        (Some(tenant), None) => {
            return format!("tenant: {}, which cannot be used\n", visible(tenant));
        }
        (None, _) if assessment.reason() == Some(Reason::AmbiguousClaim) => {
            return "tenant: none, the claim is ambiguous\n".to_owned();
        }
        (None, _) => return "tenant: none, no rule claims it\n".to_owned(),
    };
    format!(
        "tenant: {}, by rule {}\n{}",
        visible(tenant),
        visible(rule),
        assessment.known.as_deref().map(owners).unwrap_or_default()
    )
}

fn owners(tenant: &Tenant) -> String {
    let owner = |Owner { kind, name }: &Owner| format!("{kind:?} {}", visible(name));
    match tenant.owners.as_deref() {
        None => "owners: anybody may claim it\n".to_owned(),
        Some([]) => "owners: admins only\n".to_owned(),
        Some(owners) => {
            format!("owners: {}\n", owners.iter().map(owner).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Every key that is there before or after, with what happens to it.
fn keys(assessment: &Assessment, screen: Screen) -> String {
    let mut lines = BTreeMap::new();
    let ledger = &assessment.record.ledger;
    for (field, entries) in [
        (Field::Label, &assessment.before.labels),
        (Field::Annotation, &assessment.before.annotations),
    ] {
        for (name, value) in entries {
            let key = Key { field, name: name.clone() };
            let whose = match assessment.origins.get(&key) {
                Some(why) => format!("landlord's, compliant: {why}"),
                None if ledger.manages(&key) || name.starts_with(OWN_PREFIX) => {
                    "landlord's, compliant".to_owned()
                }
                None => "foreign, not touched".to_owned(),
            };
            lines.insert(key.clone(), visible(&format!("  {key}: {value:?} ({whose})")) + "\n");
        }
    }
    for (key, want) in &assessment.plan.set {
        let before = assessment
            .before
            .field(key.field)
            .get(&key.name)
            .map_or(String::new(), |value| format!("{value:?} → "));
        lines.insert(
            key.clone(),
            screen.paint(
                Ink::Good,
                &visible(&format!("+ {key}: {before}{:?} ({})", want.value, want.why)),
            ) + "\n",
        );
    }
    for (key, why) in &assessment.plan.remove {
        lines.insert(
            key.clone(),
            screen.paint(Ink::Bad, &visible(&format!("- {key} ({why})"))) + "\n",
        );
    }
    lines.into_values().collect()
}
