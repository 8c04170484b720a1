//! Pool: where the Pods of one namespace belong.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use tenancy::keys::NODE_SELECTOR;
use tenancy::metadata::Key;
use tenancy::plan::read_ledger;
use tenancy::selector::NodeSelector;

use super::Unjudged;
use assessment::inventory::Inventory;
use assessment::{Assessment, Reason, State};
use cluster::managed_fields::owns;

/// The nodes of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub tenant: String,
    /// What the tenant wants there now; never empty.
    pub selector: NodeSelector,
    pub carried: Carried,
}

/// Whether the namespace carries the selector, so that new Pods get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    No,
    /// Nothing says since when.
    Yes,
    /// Admission wrote it into the creation, so every Pod there came later.
    FromTheStart,
    /// Since then, or earlier.
    Since(Timestamp),
}

/// The pools of namespaces whose tenant has a node selector, by name; and what cannot be judged.
pub(super) fn pools(
    inventory: &Inventory,
    assessments: &[Assessment],
) -> (BTreeMap<String, Pool>, Vec<Unjudged>) {
    let objects: BTreeMap<&str, &Value> = inventory
        .namespaces
        .iter()
        .map(|listed| (listed.namespace.name_or_stem(), &listed.object))
        .collect();
    let (mut pools, mut unjudged) = (BTreeMap::new(), Vec::new());
    for assessment in assessments {
        let meta = objects.get(assessment.name.as_str()).and_then(|object| object.get("metadata"));
        match pool(assessment, meta, inventory.settings.tenant_label()) {
            Ok(Some(pool)) => drop(pools.insert(assessment.name.clone(), pool)),
            Ok(None) => {}
            Err(error) => {
                unjudged.push(Unjudged { namespace: assessment.name.clone(), pod: None, error })
            }
        }
    }
    (pools, unjudged)
}

fn pool(
    assessment: &Assessment,
    meta: Option<&Value>,
    label: &str,
) -> Result<Option<Pool>, String> {
    if assessment.state() == State::Error && assessment.reason() != Some(Reason::Unclaimed) {
        return Err(assessment.error().unwrap_or_default().to_owned());
    }
    let (Some(tenant), Some(text)) = (assessment.tenant.clone(), wanted(assessment)) else {
        return Ok(None);
    };
    let selector: NodeSelector = text.parse().map_err(|error| format!("{error}"))?;
    let found = assessment
        .before
        .annotations
        .get(NODE_SELECTOR)
        .and_then(|text| text.parse::<NodeSelector>().ok());
    let carried =
        if found.as_ref() == Some(&selector) { carried(meta, label) } else { Carried::No };
    Ok((!selector.is_empty()).then_some(Pool { tenant, selector, carried }))
}

/// The node selector that the tenant wants on the namespace, whether it can be written or not.
fn wanted(assessment: &Assessment) -> Option<String> {
    let key = Key::annotation(NODE_SELECTOR);
    if let Some(clash) = assessment.plan.refused.iter().find(|clash| clash.key == key) {
        return Some(clash.wanted.clone());
    }
    let after = assessment.after();
    let (ledger, _) = read_ledger(&after);
    ledger.manages(&key).then(|| after.annotations.get(NODE_SELECTOR).cloned()).flatten()
}

/// Since when, by `managedFields`. What admission writes has no owner there; it came with the
/// claim, so anyone who labelled the namespace later brought it.
fn carried(meta: Option<&Value>, label: &str) -> Carried {
    let meta: ObjectMeta =
        meta.cloned().and_then(|meta| serde_json::from_value(meta).ok()).unwrap_or_default();
    let Some(entries) = &meta.managed_fields else { return Carried::Yes };
    let written = |key: Key| {
        entries
            .iter()
            .filter(|entry| owns(entry, &key))
            .filter_map(|entry| entry.time.as_ref().map(|time| time.0))
            .max()
    };
    let created = meta.creation_timestamp.as_ref().map(|time| time.0);
    let claimed = || written(Key::label(label)).filter(|at| Some(*at) > created);
    written(Key::annotation(NODE_SELECTOR))
        .or_else(claimed)
        .map_or(Carried::FromTheStart, Carried::Since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn entry(day: u8, field: &str, key: &str) -> Value {
        json!({"time": format!("2026-01-0{day}T00:00:00Z"), "fieldsV1": {"f:metadata": {field: {format!("f:{key}"): {}}}}})
    }

    fn since(day: u8) -> Carried {
        Carried::Since(format!("2026-01-0{day}T00:00:00Z").parse().expect("a time"))
    }

    #[rstest]
    #[case::written_later(json!([entry(2, "f:annotations", NODE_SELECTOR), entry(3, "f:labels", "tenant")]), since(2))]
    #[case::with_a_later_claim(json!([entry(1, "f:labels", "own"), entry(3, "f:labels", "tenant")]), since(3))]
    #[case::with_the_creation(json!([entry(1, "f:labels", "tenant"), entry(3, "f:labels", "own")]), Carried::FromTheStart)]
    #[case::claimed_by_its_name(json!([]), Carried::FromTheStart)]
    #[case::not_recorded(Value::Null, Carried::Yes)]
    fn since_when(#[case] managed_fields: Value, #[case] expected: Carried) {
        let meta =
            json!({"creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": managed_fields});
        assert_eq!(carried(Some(&meta), "tenant"), expected);
    }
}
