//! Summary: what is shown of an audit, by metrics, dashboard and the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cluster::audit::requests::Capacity;
use k8s_openapi::jiff::Timestamp;
use tenancy::selector::NodeSelector;

use super::pod::Judgement;
use super::record::Line;
use super::{Audit, Place, Stray};
use crate::nodes::Nodes;

/// Pods outside that are shown one by one.
pub const MAX_ROWS: usize = 200;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Whether every Pod has been judged, and what leaders have counted is known.
    pub is_complete: bool,
    /// When counting began.
    pub since: Option<Timestamp>,
    pub total: Line,
    pub inside: usize,
    pub outside: usize,
    pub tenants: BTreeMap<String, TenantPods>,
    /// In order of namespace and name, so many of them.
    pub strays: Vec<Stray>,
    /// Pods of which it cannot be said whether they are outside.
    pub unjudged: usize,
    /// Pods that are to be judged.
    pub backlog: usize,
    /// Seconds from the last placement to its judgement.
    pub lag_seconds: i64,
}

/// The Pods of one tenant that has a node selector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantPods {
    pub line: Line,
    pub inside: usize,
    pub outside: usize,
    /// Those outside, by the cause's word.
    pub causes: BTreeMap<&'static str, usize>,
    /// What all Pods on the nodes of its pool ask for, and what those nodes have.
    pub requested: Capacity,
    pub allocatable: Capacity,
}

impl TenantPods {
    /// How full its pool is: 1 is full. `None` where its nodes have nothing, or are not known.
    pub fn cpu_utilisation(&self) -> Option<f64> {
        let (asked, there) = (self.requested.millicores, self.allocatable.millicores);
        (there > 0).then(|| f64::from(asked) / f64::from(there))
    }

    /// The same of memory.
    pub fn memory_utilisation(&self) -> Option<f64> {
        let (asked, there) = (self.requested.bytes, self.allocatable.bytes);
        (there > 0).then(|| asked as f64 / there as f64)
    }
}

impl Summary {
    pub(super) fn build(audit: &Audit, nodes: &Nodes) -> Self {
        let (total, lines) = audit.tally.lines();
        let mut summary = Self {
            is_complete: audit.is_complete() && audit.is_adopted(),
            since: audit.tally.since(),
            total,
            backlog: audit.backlog(),
            lag_seconds: audit.lag,
            tenants: lines.into_iter().map(|(name, line)| (name, TenantPods::of(line))).collect(),
            ..Self::default()
        };
        summary.count_pods(audit);
        summary.count_strays(audit);
        summary.measure_pools(audit, nodes);
        summary
    }

    fn count_pods(&mut self, audit: &Audit) {
        for one in audit.namespaces.values() {
            let count =
                |judgement| one.pods.values().filter(|pod| pod.judgement == judgement).count();
            self.unjudged += count(Judgement::Unknown);
            if let Place::Pool(pool) = &one.place
                && !one.pods.is_empty()
            {
                let inside = count(Judgement::Inside);
                self.inside += inside;
                self.tenants.entry(pool.tenant.clone()).or_default().inside += inside;
            }
        }
    }

    fn count_strays(&mut self, audit: &Audit) {
        self.outside = audit.strays.len();
        for stray in audit.strays.values() {
            let row = self.tenants.entry(stray.tenant.clone()).or_default();
            row.outside += 1;
            *row.causes.entry(stray.cause.word()).or_default() += 1;
        }
        let mut strays: Vec<&Stray> = audit.strays.values().collect();
        strays.sort_unstable_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.strays = strays.into_iter().take(MAX_ROWS).cloned().collect();
    }

    /// A tenant's pool is each node that one of its namespaces' selectors matches.
    fn measure_pools(&mut self, audit: &Audit, nodes: &Nodes) {
        let mut asked: HashMap<&str, Capacity> = HashMap::new();
        for pod in audit.namespaces.values().flat_map(|one| one.pods.values()) {
            *asked.entry(&pod.node).or_default() += pod.requests();
        }
        let mut selectors: BTreeMap<&str, BTreeSet<&NodeSelector>> = BTreeMap::new();
        for one in audit.namespaces.values().filter(|one| !one.pods.is_empty()) {
            if let Place::Pool(pool) = &one.place {
                selectors.entry(&pool.tenant).or_default().insert(&pool.selector);
            }
        }
        for (tenant, selectors) in selectors {
            let matching = selectors.into_iter().map(|one| nodes.matching(one.as_map()));
            let pool: BTreeSet<&str> = matching.flatten().collect();
            let Some(row) = self.tenants.get_mut(tenant) else { continue };
            for node in pool {
                row.requested += asked.get(node).copied().unwrap_or_default();
                row.allocatable += nodes.capacity_of(node);
            }
        }
    }
}

impl TenantPods {
    fn of(line: Line) -> Self {
        Self { line, ..Self::default() }
    }
}
