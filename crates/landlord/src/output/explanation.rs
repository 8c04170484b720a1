//! One namespace in words: whose it is, and where each key comes from.

use std::collections::BTreeMap;

use tenancy::hook::Failure;
use tenancy::keys::OWN_PREFIX;
use tenancy::metadata::{Field, Key};
use tenancy::plan::Clash;
use tenancy::requester::Owner;
use tenancy::tenant::Tenant;
use terminal::{Ink, Screen, visible};

use assessment::Assessment;

/// The explanation, a fact a line.
pub(crate) fn render(assessment: &Assessment, screen: Screen) -> String {
    let mut text =
        screen.paint(Ink::Strong, &format!("namespace {}", visible(&assessment.name))) + "\n";
    text += &whose(assessment);
    if let Some(error) = assessment.error() {
        return format!("{text}error: {}\n", visible(error));
    }
    if let Some(fault) = &assessment.record.fault {
        text += &format!("ledger: {fault}\n");
    }
    text += &keys(assessment, screen);
    let clash = |word: &str, Clash { key, found, wanted, why }: &Clash| {
        format!(
            "{word} {key}: {} stays, the tenant wants {wanted:?} ({why})\n",
            found.as_ref().map_or("nothing".to_owned(), |found| format!("{found:?}"))
        )
    };
    text.extend(assessment.plan.kept.iter().map(|kept| clash("kept", kept)));
    text.extend(assessment.plan.refused.iter().map(|refused| clash("refused", refused)));
    let failure = |failure: &Failure| {
        format!("{} by {failure}\n", if failure.warning { "warned" } else { "rejected" })
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

fn whose(assessment: &Assessment) -> String {
    let (Some(tenant), Some(rule)) = (&assessment.tenant, &assessment.rule) else {
        return "tenant: none, no rule claims it\n".to_owned();
    };
    format!(
        "tenant: {}, by rule {rule}\n{}",
        visible(tenant),
        assessment.known.as_deref().map(owners).unwrap_or_default()
    )
}

fn owners(tenant: &Tenant) -> String {
    let owner = |Owner { kind, name }: &Owner| format!("{kind:?} {name}");
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
            lines.insert(key.clone(), format!("  {key}: {value:?} ({whose})\n"));
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
            screen.paint(Ink::Good, &format!("+ {key}: {before}{:?} ({})", want.value, want.why))
                + "\n",
        );
    }
    for (key, why) in &assessment.plan.remove {
        lines.insert(key.clone(), screen.paint(Ink::Bad, &format!("- {key} ({why})")) + "\n");
    }
    lines.into_values().collect()
}
