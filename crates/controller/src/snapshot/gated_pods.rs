//! Gated Pods, by the tenant of their namespace.

use std::collections::HashMap;

use super::{Snapshots, parts};
use crate::gated_pods::{Tally, Troubled};

/// The gated Pods of one tenant, by how they stand.
#[derive(Clone, Debug, Default)]
pub struct TenantPods {
    pub pods: usize,
    pub clashing: Troubled,
    pub failing: Troubled,
}

impl TenantPods {
    fn add(&mut self, Tally { pods, clashing, failing, .. }: Tally) {
        self.pods += pods;
        self.clashing.add(clashing);
        self.failing.add(failing);
    }
}

impl Troubled {
    fn add(&mut self, other: Self) {
        self.pods += other.pods;
        let both = self.oldest.take().into_iter().chain(other.oldest);
        self.oldest = both.min_by(|(one, _), (other, _)| one.cmp(other));
    }
}

impl Snapshots {
    /// Those of each tenant that has any; `None` until Pods have been listed.
    pub fn gated_pods(&self) -> Option<HashMap<String, TenantPods>> {
        let tallies: Vec<Tally> = {
            let gated = self.reconciler.gated();
            gated.is_known().then(|| gated.tallies().collect())?
        };
        let mut tenants: HashMap<String, TenantPods> = HashMap::new();
        for part in parts(tallies) {
            for (name, tally) in self.tenants_of(&part).into_iter().zip(part) {
                if let Some(name) = name {
                    tenants.entry(name).or_default().add(tally);
                }
            }
        }
        Some(tenants)
    }

    fn tenants_of(&self, part: &[Tally]) -> Vec<Option<String>> {
        let shared = self.reconciler.shared();
        part.iter().map(|tally| shared.store.standing(&tally.namespace)?.tenant.clone()).collect()
    }
}
