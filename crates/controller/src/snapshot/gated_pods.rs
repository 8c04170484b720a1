//! Gated Pods, by the tenant of their namespace.

use std::collections::HashMap;

use cluster::gated_pod::PodKey;

use super::{PART, Snapshots, parts};
use crate::gated_pods::{State, Tally, Troubled};

/// A gated Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatedPodRow {
    pub key: PodKey,
    pub state: State,
    /// Whether its namespace releases Pods, so that it waits for its turn only.
    pub is_next: bool,
}

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

    /// Every gated Pod, copied a part at a time; `None` until Pods have been listed.
    pub fn gated_pod_rows(&self) -> Option<Vec<GatedPodRow>> {
        let names: Vec<String> = {
            let gated = self.reconciler.gated();
            gated.is_known().then(|| gated.namespaces().map(str::to_owned).collect())?
        };
        let mut rows = Vec::new();
        for name in names {
            let mut last = None;
            loop {
                let part = self.gated_pods_after(&name, last.as_ref());
                let is_last = part.len() < PART;
                last = part.last().map(|row| row.key.clone());
                rows.extend(part);
                if is_last {
                    break;
                }
            }
        }
        Some(rows)
    }

    fn gated_pods_after(&self, namespace: &str, after: Option<&PodKey>) -> Vec<GatedPodRow> {
        let gated = self.reconciler.gated();
        let pods = gated.pods_after(namespace, after).take(PART);
        pods.map(|(key, state, is_next)| GatedPodRow {
            key: key.clone(),
            state: state.clone(),
            is_next,
        })
        .collect()
    }

    fn tenants_of(&self, part: &[Tally]) -> Vec<Option<String>> {
        let shared = self.reconciler.shared();
        part.iter().map(|tally| shared.store.standing(&tally.namespace)?.tenant.clone()).collect()
    }
}
