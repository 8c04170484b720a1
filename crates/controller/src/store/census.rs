//! Census: how many namespaces stand how, counted as they change, and whether anything changed at
//! all. Whoever shows it often need not look at each.

use super::{Compliance, Standing, Store};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Census {
    revision: u64,
    totals: Totals,
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

    pub(super) fn change(&mut self, before: Option<&Standing>, after: Option<&Standing>) {
        if before != after {
            before
                .into_iter()
                .for_each(|one| self.totals.each(one, |count| *count = count.saturating_sub(1)));
            after.into_iter().for_each(|one| self.totals.each(one, |count| *count += 1));
            self.touch();
        }
    }
}

impl Totals {
    /// How many there are.
    pub fn all(&self) -> usize {
        self.compliant + self.pending + self.conflicted + self.failed
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

    /// Grows with every change of what is known.
    pub fn revision(&self) -> u64 {
        self.census.revision + self.nodes.revision()
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
            store.put_namespace(CachedNamespace::of(&ObjectMeta {
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
}
