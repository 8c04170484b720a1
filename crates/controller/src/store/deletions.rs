//! Deletions: tenants that are gone for good, so that what they left is released, and those of which
//! that is to be found out.

use super::Store;

impl Store {
    /// A tenant is known to be gone for good: its namespaces are to be released.
    pub fn confirm_deleted(&mut self, name: &str) {
        if !self.tenants.contains_key(name) && self.claims.contains_key(name) {
            self.gone.insert(name.to_owned());
            self.decisive += 1;
        }
    }

    /// Tenants that are not there and not known to be deleted, though a ledger names them and their
    /// namespaces claim them still.
    pub fn orphans(&self) -> Vec<String> {
        let missing = |tenant: &&String| {
            matches!(self.tenant(tenant), Ok(None)) && !self.gone.contains(*tenant)
        };
        let left = |tenant: &&String| {
            self.claims
                .get(*tenant)
                .into_iter()
                .flatten()
                .any(|name| self.is_managed_for(name, tenant))
        };
        self.claims.keys().filter(missing).filter(left).cloned().collect()
    }

    /// A deletion is remembered for as long as a namespace claims the tenant.
    pub(super) fn forget_deletion(&mut self, tenant: &str) {
        if self.gone.remove(tenant) {
            self.decisive += 1;
        }
    }

    fn is_managed_for(&self, name: &str, tenant: &str) -> bool {
        self.namespaces.get(name).is_some_and(|known| known.record.ledger.tenant == tenant)
    }

    pub fn is_deleted(&self, name: &str) -> bool {
        self.gone.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cluster::cached_namespace::CachedNamespace;
    use serde_json::{Value, json};
    use tenancy::settings::Settings;

    use super::*;
    use crate::store::{Compliance, Standing};

    fn claim(store: &mut Store, name: &str, tenant: Option<&str>) {
        let meta = json!({"name": name, "uid": "u", "resourceVersion": "1"});
        let meta = serde_json::from_value(meta).expect("metadata");
        store.put_namespace(CachedNamespace::from_meta(&meta));
        let (tenant, state) = (tenant.map(str::to_owned), Compliance::Pending);
        store.stand(name, Some(Standing { tenant, state, reason: None }));
    }

    #[test]
    fn a_deletion_is_known_for_as_long_as_a_namespace_claims_the_tenant() {
        let mut store = Store::new(Arc::new(Settings::from_value(&Value::Null).expect("settings")));
        store.confirm_deleted("unclaimed");
        assert!(!store.is_deleted("unclaimed"), "nothing is left to be released");
        for name in ["a", "b"] {
            claim(&mut store, name, Some("solar"));
        }
        store.confirm_deleted("solar");
        claim(&mut store, "a", None);
        assert!(store.is_deleted("solar"), "b claims it");
        let before = store.decisive_revision();
        store.remove_namespace("b", None);
        assert!(!store.is_deleted("solar") && store.gone.is_empty());
        assert!(store.decisive_revision() > before);
    }
}
