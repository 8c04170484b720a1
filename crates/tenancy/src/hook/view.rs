//! View: what a hook may read of a namespace, its tenant and the request.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::collection::gather;
use crate::keys;
use crate::ledger::Ledger;
use crate::members::object;
use crate::metadata::{Field, Key, Map, Metadata};
use crate::namespace::NAME_LABEL;
use crate::want::Wants;
use crate::why::Why;

/// What paths lead into. Landlord's own keys are not in it: their values are the work of the plan
/// that is being made.
pub(crate) struct View<'a> {
    /// The AdmissionRequest; not there at reconcile.
    pub(crate) request: Option<&'a Value>,
    /// The tenant object, without its status.
    pub(crate) tenant: &'a Value,
    /// `None` as long as the namespace has no name.
    pub(crate) name: Option<&'a str>,
    pub(crate) metadata: &'a Metadata,
    /// Seen as carried out.
    pub(crate) plan: Option<Changes<'a>>,
    pub(crate) tenant_label: &'a str,
    /// The keys that the plan manages, once there is one.
    pub(crate) ledger: Option<&'a Ledger>,
    pub(crate) documents: Documents,
}

/// What a plan changes.
#[derive(Clone, Copy)]
pub(crate) struct Changes<'a> {
    pub(crate) set: &'a Wants,
    pub(crate) remove: &'a BTreeMap<Key, Why>,
}

/// What has been asked for as a document.
#[derive(Default)]
pub(crate) struct Documents {
    labels: OnceCell<Value>,
    annotations: OnceCell<Value>,
}

impl<'a> View<'a> {
    pub(super) fn get(&self, key: &Key) -> Option<&'a str> {
        self.shows(&key.name).then(|| self.value(key)).flatten()
    }

    fn value(&self, key: &Key) -> Option<&'a str> {
        match self.plan {
            Some(plan) if plan.remove.contains_key(key) => None,
            Some(plan) if plan.set.contains_key(key) => {
                plan.set.get(key).map(|want| want.value.as_str())
            }
            _ => self.metadata.field(key.field).get(&key.name).map(String::as_str),
        }
    }

    /// Names and values that are neither landlord's nor the API server's.
    pub(super) fn foreign(&self, field: Field) -> Vec<(String, String)> {
        let managed = |key: &Key| {
            key.name == NAME_LABEL || self.ledger.is_some_and(|ledger| ledger.manages(key))
        };
        self.all(field)
            .into_iter()
            .filter(|(name, _)| !managed(&Key { field, name: name.clone() }))
            .collect()
    }

    /// Names and values. A namespace may have many keys, and a plan changes few of them: nothing is
    /// looked up for each.
    pub(super) fn all(&self, field: Field) -> Map {
        let mut all = self.metadata.field(field).clone();
        if let Some(plan) = self.plan {
            plan.remove
                .keys()
                .filter(|key| key.field == field)
                .for_each(|key| drop(all.remove(&key.name)));
            let set = plan
                .set
                .iter()
                .filter(|(key, _)| key.field == field && !plan.remove.contains_key(key));
            all.extend(set.map(|(key, want)| (key.name.clone(), want.value.clone())));
        }
        all.retain(|name, _| self.shows(name));
        all
    }

    /// All labels or all annotations, where a path finds them. Made once, for every path of every
    /// hook.
    pub(super) fn document(&self, field: Field) -> &Value {
        let document = if field == Field::Label {
            &self.documents.labels
        } else {
            &self.documents.annotations
        };
        document.get_or_init(|| {
            let entries: serde_json::Map<_, _> = gather(
                self.all(field).into_iter().map(|(name, value)| (name, Value::String(value))),
            );
            object([(
                "namespace",
                object([("metadata", object([(field.member(), Value::Object(entries))]))]),
            )])
        })
    }

    fn shows(&self, name: &str) -> bool {
        name != self.tenant_label && !name.starts_with(keys::OWN_PREFIX)
    }
}
