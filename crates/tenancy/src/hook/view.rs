//! View: what a hook may read of a namespace, its tenant and the request.

use serde_json::Value;

use crate::collection::gather;
use crate::keys;
use crate::ledger::Ledger;
use crate::members::object;
use crate::metadata::{Field, Key, Metadata};
use crate::namespace::NAME_LABEL;
use crate::plan::Plan;

/// What paths lead into. Landlord's own keys are not in it: their values are the work of the plan that is being made.
pub(crate) struct View<'a> {
    /// The AdmissionRequest; not there at reconcile.
    pub(crate) request: Option<&'a Value>,
    /// The tenant object, without its status.
    pub(crate) tenant: &'a Value,
    /// `None` as long as the namespace has no name.
    pub(crate) name: Option<&'a str>,
    pub(crate) metadata: &'a Metadata,
    /// Seen as carried out.
    pub(crate) plan: Option<&'a Plan>,
    pub(crate) tenant_label: &'a str,
    /// The keys that the plan manages, once there is one.
    pub(crate) ledger: Option<&'a Ledger>,
}

impl<'a> View<'a> {
    pub(super) fn get(&self, key: &Key) -> Option<&'a str> {
        self.shows(&key.name).then(|| self.value(key)).flatten()
    }

    fn value(&self, key: &Key) -> Option<&'a str> {
        match self.plan {
            Some(plan) if plan.remove.contains_key(key) => None,
            Some(plan) if plan.set.contains_key(key) => plan.set.get(key).map(|want| want.value.as_str()),
            _ => self.metadata.field(key.field).get(&key.name).map(String::as_str),
        }
    }

    /// Names and values that are neither landlord's nor the API server's.
    pub(super) fn foreign(&self, field: Field) -> Vec<(String, String)> {
        let managed = |key: &Key| key.name == NAME_LABEL || self.ledger.is_some_and(|ledger| ledger.manages(key));
        self.all(field).into_iter().filter(|(name, _)| !managed(&Key { field, name: name.clone() })).collect()
    }

    /// Names and values.
    pub(super) fn all(&self, field: Field) -> Vec<(String, String)> {
        let keys = self.names(field).into_iter().map(|name| Key { field, name });
        keys.filter_map(|key| Some((key.name.clone(), self.get(&key)?.to_owned()))).collect()
    }

    fn names(&self, field: Field) -> Vec<String> {
        let planned = self.plan.iter().flat_map(|plan| plan.set.keys()).filter(|key| key.field == field).map(|key| &key.name);
        let is_new = |name: &&String| !self.metadata.field(field).contains_key(*name);
        self.metadata.field(field).keys().chain(planned.filter(is_new)).cloned().collect()
    }

    /// All labels or all annotations, where a path finds them.
    pub(super) fn document(&self, field: Field) -> Value {
        let entry = |name: String| Some((name.clone(), Value::from(self.get(&Key { field, name })?)));
        let entries: serde_json::Map<_, _> = gather(self.names(field).into_iter().filter_map(entry));
        object([("namespace", object([("metadata", object([(field.member(), Value::Object(entries))]))]))])
    }

    fn shows(&self, name: &str) -> bool {
        name != self.tenant_label && !name.starts_with(keys::OWN_PREFIX)
    }
}
