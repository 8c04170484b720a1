//! Census: how many namespaces stand how, of all and of each tenant, counted as they change, and
//! whether anything changed at all. Readers need not look at each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Compliance, Standing, Store};
use crate::changes::Changes;
use assessment::Reason;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Census {
    revision: u64,
    totals: Totals,
    /// By the reason why they are not compliant.
    reasons: BTreeMap<Reason, usize>,
    /// Of each tenant that is claimed.
    tenants: HashMap<String, Totals>,
    /// Namespaces with contested keys, by tenant.
    contested: BTreeMap<String, BTreeSet<String>>,
    /// The same of all for which there is a reason why they are not compliant.
    faulty: BTreeMap<String, BTreeSet<String>>,
    changed: Changed,
}

/// What changed since it was read.
#[derive(Debug, Default)]
pub struct Changed {
    pub namespaces: Changes,
    pub tenants: Changes,
}

/// Namespaces that landlord looks after. Those of no tenant are among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub compliant: usize,
    pub pending: usize,
    pub conflicted: usize,
    pub failed: usize,
    /// Of all of them, those that no tenant has.
    pub unclaimed: usize,
}

impl Census {
    pub(super) fn touch(&mut self) {
        self.revision += 1;
    }

    /// Something changed about a namespace, beside how it stands.
    pub(super) fn touch_namespace(&mut self, name: &str) {
        self.touch();
        self.changed.namespaces.note(name);
    }

    pub(super) fn touch_tenant(&mut self, name: &str) {
        self.touch();
        self.changed.tenants.note(name);
    }

    pub(super) fn change(
        &mut self,
        name: &str,
        before: Option<&Standing>,
        after: Option<&Standing>,
    ) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.count_out(name, before);
        }
        if let Some(after) = after {
            self.count_in(name, after);
        }
        self.touch_namespace(name);
    }

    fn count_in(&mut self, name: &str, standing: &Standing) {
        self.totals.each(standing, |count| *count += 1);
        if let Some(reason) = standing.reason {
            *self.reasons.entry(reason).or_default() += 1;
        }
        let Some(tenant) = &standing.tenant else { return };
        self.changed.tenants.note(tenant);
        self.tenants.entry(tenant.clone()).or_default().each(standing, |count| *count += 1);
        if standing.reason.is_some() {
            self.faulty.entry(tenant.clone()).or_default().insert(name.to_owned());
        }
        if standing.reason == Some(Reason::Contested) {
            self.contested.entry(tenant.clone()).or_default().insert(name.to_owned());
        }
    }

    fn count_out(&mut self, name: &str, standing: &Standing) {
        let decrease = |count: &mut usize| *count = count.saturating_sub(1);
        self.totals.each(standing, decrease);
        if let Some(count) = standing.reason.and_then(|reason| self.reasons.get_mut(&reason)) {
            decrease(count);
        }
        self.reasons.retain(|_, count| *count > 0);
        let Some(tenant) = &standing.tenant else { return };
        self.changed.tenants.note(tenant);
        if let Some(totals) = self.tenants.get_mut(tenant) {
            totals.each(standing, decrease);
            if totals.all() == 0 {
                self.tenants.remove(tenant);
            }
        }
        for sets in [&mut self.contested, &mut self.faulty] {
            if let Some(names) = sets.get_mut(tenant)
                && names.remove(name)
                && names.is_empty()
            {
                sets.remove(tenant);
            }
        }
    }
}

impl Totals {
    /// How many there are.
    pub fn all(&self) -> usize {
        self.compliant + self.pending + self.conflicted + self.failed
    }

    /// How many stand so.
    pub fn count(&self, state: Compliance) -> usize {
        match state {
            Compliance::Compliant => self.compliant,
            Compliance::Pending => self.pending,
            Compliance::Conflicted => self.conflicted,
            Compliance::Failed => self.failed,
        }
    }

    fn each(&mut self, standing: &Standing, change: impl Fn(&mut usize)) {
        change(match standing.state {
            Compliance::Compliant => &mut self.compliant,
            Compliance::Pending => &mut self.pending,
            Compliance::Conflicted => &mut self.conflicted,
            Compliance::Failed => &mut self.failed,
        });
        if standing.tenant.is_none() {
            change(&mut self.unclaimed);
        }
    }
}

impl Store {
    pub fn totals(&self) -> Totals {
        self.census.totals
    }

    /// Namespaces that claim this tenant.
    pub fn totals_of(&self, tenant: &str) -> Totals {
        self.census.tenants.get(tenant).copied().unwrap_or_default()
    }

    /// How many namespaces are not compliant, by reason.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, usize)> {
        self.census.reasons.iter().map(|(reason, count)| (*reason, *count))
    }

    /// Namespaces of this tenant with contested keys, in order.
    pub fn contested(&self, tenant: &str) -> Option<&BTreeSet<String>> {
        self.census.contested.get(tenant)
    }

    /// Namespaces of this tenant with a reason why they are not compliant, in order.
    pub fn faulty(&self, tenant: &str) -> Option<&BTreeSet<String>> {
        self.census.faulty.get(tenant)
    }

    /// Grows with every change of what is known.
    pub fn revision(&self) -> u64 {
        self.census.revision
    }

    /// What changed since it was read.
    pub fn changed(&mut self) -> &mut Changed {
        &mut self.census.changed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;
    use tenancy::settings::Settings;

    use super::*;
    use cluster::cached_namespace::CachedNamespace;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    #[test]
    fn it_counts_what_there_is() {
        let mut store = Store::new(Arc::new(Settings::from_value(&Value::Null).expect("settings")));
        for name in ["a", "b"] {
            store.put_namespace(CachedNamespace::from_meta(&ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            }));
        }
        let standing = |tenant: Option<&str>, state| {
            Some(Standing { tenant: tenant.map(str::to_owned), state, reason: None })
        };
        store.stand("a", standing(Some("solar"), Compliance::Pending));
        store.stand("b", standing(None, Compliance::Compliant));
        assert_eq!(
            store.totals(),
            Totals { pending: 1, compliant: 1, unclaimed: 1, ..Totals::default() }
        );
        assert_eq!(store.totals_of("solar"), Totals { pending: 1, ..Totals::default() });
        let before = store.revision();
        store.stand("a", standing(Some("solar"), Compliance::Pending));
        assert_eq!(store.revision(), before, "nothing changed");
        store.stand("a", standing(Some("solar"), Compliance::Compliant));
        store.remove_namespace("b", None);
        assert_eq!(
            (store.totals(), store.totals().all()),
            (Totals { compliant: 1, ..Totals::default() }, 1)
        );
        assert!(store.revision() > before);
    }

    #[test]
    fn it_counts_by_reason_and_contested_namespaces_by_tenant() {
        let mut store = Store::new(Arc::new(Settings::from_value(&Value::Null).expect("settings")));
        let stand = |store: &mut Store, name: &str, reason| {
            store.put_namespace(CachedNamespace::from_meta(&ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            }));
            let (tenant, state) = (Some("solar".to_owned()), Compliance::Conflicted);
            store.stand(name, Some(Standing { tenant, state, reason }));
        };
        stand(&mut store, "a", Some(Reason::Contested));
        stand(&mut store, "b", Some(Reason::Contested));
        stand(&mut store, "a", Some(Reason::HookRejected));
        assert_eq!(
            store.reasons().collect::<Vec<_>>(),
            [(Reason::Contested, 1), (Reason::HookRejected, 1)]
        );
        assert_eq!(store.contested("solar"), Some(&["b".to_owned()].into()));
        store.remove_namespace("b", None);
        assert_eq!(store.contested("solar"), None);
        stand(&mut store, "a", None);
        assert_eq!(store.reasons().count(), 0);
    }
}
