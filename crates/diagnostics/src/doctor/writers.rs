//! Other writers of managed keys, by `managedFields`. What admission writes into a request has no
//! owner there, and a key that its creator brought along is nobody's quarrel; so those count that
//! apply the key, or wrote it later.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use tenancy::keys::FIELD_MANAGER;
use tenancy::metadata::Key;

use super::{Check, CheckContext, Finding, some};
use cluster::managed_fields::owns;

/// A manager's keys and namespaces.
type Claims = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

pub(super) fn check(context: &CheckContext) -> Vec<Finding> {
    let mut claims = Claims::new();
    for (listed, assessment) in context.inventory.namespaces.iter().zip(&context.assessments) {
        let meta = listed
            .object
            .get("metadata")
            .cloned()
            .and_then(|meta| serde_json::from_value(meta).ok())
            .unwrap_or_default();
        let keys: Vec<Key> = assessment.record.ledger.keys().collect();
        for (manager, key) in others(&meta, &keys) {
            let (known, namespaces) = claims.entry(manager).or_default();
            known.insert(key);
            namespaces.insert(listed.namespace.name_or_stem().to_owned());
        }
    }
    let wrong = |(manager, (keys, namespaces)): (String, (BTreeSet<String>, BTreeSet<String>))| {
        Check::Writers.wrong(
            format!("{manager} writes managed keys too: {} in namespaces {}", some(keys), some(namespaces)),
            "take these keys out of what it applies (Argo CD: ignoreDifferences, with RespectIgnoreDifferences; Flux: a drift rule that ignores them; Terraform: \
             lifecycle.ignore_changes; Pulumi: ignoreChanges), set conflicts: keep in the tenant, or take them out of it",
        )
    };
    if claims.is_empty() {
        vec![Check::Writers.good("nobody else writes managed keys")]
    } else {
        claims.into_iter().map(wrong).collect()
    }
}

/// Managers beside landlord, each with a key.
fn others(meta: &ObjectMeta, keys: &[Key]) -> Vec<(String, String)> {
    let created = meta.creation_timestamp.as_ref().map(|time| time.0);
    let insists = |entry: &&ManagedFieldsEntry| {
        let later = entry.time.as_ref().map(|time| time.0) > created;
        entry.manager.as_deref() != Some(FIELD_MANAGER)
            && (later || entry.operation.as_deref() == Some("Apply"))
    };
    let entries = meta.managed_fields.iter().flatten().filter(insists);
    let owned = |entry: &ManagedFieldsEntry| {
        let manager = entry.manager.clone().unwrap_or_default();
        keys.iter()
            .filter(|key| owns(entry, key))
            .map(|key| (manager.clone(), key.name.clone()))
            .collect::<Vec<_>>()
    };
    entries.flat_map(owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::landlord("landlord", "Update", 2, false)]
    #[case::its_creator("kubectl", "Update", 1, false)]
    #[case::later("kubectl", "Update", 2, true)]
    #[case::by_apply("argocd", "Apply", 1, true)]
    fn who_counts(
        #[case] manager: &str,
        #[case] operation: &str,
        #[case] day: u8,
        #[case] counts: bool,
    ) {
        let meta = json!({"creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"manager": manager, "operation": operation,
            "time": format!("2026-01-0{day}T00:00:00Z"), "fieldsV1": {"f:metadata": {"f:labels": {"f:cost-center": {}, "f:own": {}}}}}]});
        let found = others(
            &serde_json::from_value(meta).expect("metadata"),
            &[Key::label("cost-center"), Key::annotation("own")],
        );
        let expected = counts.then(|| (manager.to_owned(), "cost-center".to_owned()));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}
