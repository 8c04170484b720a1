//! Pool: where the Pods of one namespace belong.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use tenancy::keys::NODE_SELECTOR;
use tenancy::metadata::{Key, Map};
use tenancy::plan::read_ledger;
use tenancy::selector::NodeSelector;

use crate::managed_fields::{labels_of, owns};
use assessment::{Assessment, Reason, State};

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

/// When keys of a namespace were written that say since when it carries its selector, by its
/// `managedFields`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Whether there are `managedFields` at all.
    recorded: bool,
    created: Option<Timestamp>,
    selector: Option<Timestamp>,
    /// Each label that an entry has, and when it was written last.
    labels: Vec<(Box<str>, Timestamp)>,
}

impl Written {
    /// From an object's metadata.
    pub fn read(meta: &ObjectMeta) -> Self {
        let mut written = Self {
            recorded: meta.managed_fields.is_some(),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
            ..Self::default()
        };
        for entry in meta.managed_fields.iter().flatten() {
            let Some(time) = entry.time.as_ref().map(|time| time.0) else { continue };
            if owns(entry, &Key::annotation(NODE_SELECTOR)) {
                written.selector = written.selector.max(Some(time));
            }
            labels_of(entry).for_each(|label| written.label(label, time));
        }
        written
    }

    fn label(&mut self, name: &str, time: Timestamp) {
        match self.labels.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, at)) => *at = time.max(*at),
            None => self.labels.push((name.into(), time)),
        }
    }

    /// Since when it carries the selector that it has. What admission writes has no owner there; it
    /// came with the claim, so anyone who labelled the namespace later brought it.
    fn carried(&self, label: &str) -> Carried {
        if !self.recorded {
            return Carried::Yes;
        }
        let labelled = self.labels.iter().find(|(name, _)| **name == *label).map(|(_, at)| *at);
        let claimed = labelled.filter(|at| Some(*at) > self.created);
        self.selector.or(claimed).map_or(Carried::FromTheStart, Carried::Since)
    }
}

impl Pool {
    /// Where the Pods of this namespace belong; `None` where they may run anywhere, an error where
    /// it cannot be said. `label` is the one by which people claim tenants.
    pub fn read(
        assessment: &Assessment,
        written: &Written,
        label: &str,
    ) -> Result<Option<Self>, String> {
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
        let is_carried = found.as_ref() == Some(&selector);
        let carried = if is_carried { written.carried(label) } else { Carried::No };
        Ok((!selector.is_empty()).then_some(Self { tenant, selector, carried }))
    }

    /// Whether a node of these labels is one of it.
    pub fn matches(&self, labels: &Map) -> bool {
        self.selector.iter().all(|(key, value)| labels.get(key).is_some_and(|found| found == value))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

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
        let meta = serde_json::from_value(meta).expect("metadata");
        assert_eq!(Written::read(&meta).carried("tenant"), expected);
    }
}
