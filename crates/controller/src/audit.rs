//! Audit: Pods that run outside their tenant's pool, since when, and why.
//!
//! ```text
//! inventory ──engine──▶ pools ─┐
//! Pods, nodes, guard ──────────┴─judge──▶ report ──▶ table | json | markdown | html
//!                                           └──evictions──▶ Pods leave, if somebody asks for it
//! ```
//!
//! Outside is a Pod that has a node and is not finished, in a namespace whose tenant has a node selector, on a node whose labels do not match it.

use std::collections::BTreeMap;

use tenancy::metadata::Map;
use tenancy::selector::NodeSelector;

use assessment::Assessment;
use assessment::inventory::Inventory;

pub(crate) mod cause;
pub(crate) mod eviction;
pub(crate) mod evidence;
pub(crate) mod placed;
pub(crate) mod pool;
pub(crate) mod template;

use self::cause::{Cause, cause};
use self::eviction::Fate;
use self::evidence::Evidence;
use self::placed::Placed;
use self::pool::{Pool, pools};
use self::template::Template;
use crate::guarded::Guarded;

/// What an audit says.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) guard: Guarded,
    /// In order of namespace and name.
    pub(crate) strays: Vec<Stray>,
    /// By tenant; those without a node selector are not among them.
    pub(crate) totals: BTreeMap<String, Total>,
    /// What could not be judged.
    pub(crate) unjudged: Vec<Unjudged>,
}

/// A Pod outside its pool.
#[derive(Clone, Debug)]
pub(crate) struct Stray {
    pub(crate) pod: Placed,
    pub(crate) pool: Pool,
    /// What its node has of the selector's keys.
    pub(crate) node_labels: Map,
    /// How many nodes the selector matches.
    pub(crate) matching_nodes: usize,
    pub(crate) cause: Cause,
    /// What its owner would make next; read only where it may be evicted.
    pub(crate) template: Template,
    /// What became of it, if it was to be evicted.
    pub(crate) fate: Option<Fate>,
}

/// What was looked at for one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) namespaces: usize,
    pub(crate) pods: usize,
    pub(crate) outside: usize,
}

/// A namespace, or a Pod of it, of which nobody knows where it belongs or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unjudged {
    pub(crate) namespace: String,
    pub(crate) pod: Option<String>,
    pub(crate) error: String,
}

/// The nodes, and how many of them each selector matches.
struct Grounds {
    nodes: BTreeMap<String, Map>,
    matching: BTreeMap<NodeSelector, usize>,
}

impl Grounds {
    fn matching(&mut self, pool: &Pool) -> usize {
        let count = || self.nodes.values().filter(|labels| matches(labels, pool)).count();
        *self.matching.entry(pool.selector.clone()).or_insert_with(count)
    }
}

/// Finds the Pods of these namespaces that are outside.
pub(crate) fn judge(inventory: &Inventory, assessments: &[Assessment], evidence: Evidence) -> Report {
    let Evidence { pods, nodes, guard } = evidence;
    let (pools, unjudged) = pools(inventory, assessments);
    let mut report = Report { guard, strays: Vec::new(), totals: BTreeMap::new(), unjudged };
    for pool in pools.values() {
        report.totals.entry(pool.tenant.clone()).or_default().namespaces += 1;
    }
    let mut grounds = Grounds { nodes, matching: BTreeMap::new() };
    for pod in pods {
        if let Some(pool) = pools.get(&pod.namespace) {
            report.place(pod, pool, &mut grounds);
        }
    }
    report.strays.sort_by(|a, b| (&a.pod.namespace, &a.pod.name).cmp(&(&b.pod.namespace, &b.pod.name)));
    report.unjudged.sort_by(|a, b| (&a.namespace, &a.pod).cmp(&(&b.namespace, &b.pod)));
    report
}

impl Report {
    /// How many Pods are outside.
    pub(crate) fn outside(&self) -> usize {
        self.strays.len()
    }

    fn place(&mut self, pod: Placed, pool: &Pool, grounds: &mut Grounds) {
        let Some(labels) = grounds.nodes.get(&pod.node) else {
            let error = format!("its node {:?} is not known: it may be gone, or was not given", pod.node);
            return self.unjudged.push(Unjudged { namespace: pod.namespace, pod: Some(pod.name), error });
        };
        let total = self.totals.entry(pool.tenant.clone()).or_default();
        total.pods += 1;
        if matches(labels, pool) {
            return;
        }
        total.outside += 1;
        let keys = pool.selector.iter().filter_map(|(key, _)| Some((key.to_owned(), labels.get(key)?.clone())));
        let (node_labels, matching_nodes) = (keys.collect(), grounds.matching(pool));
        let cause = cause(&pod, pool, &self.guard);
        self.strays.push(Stray { node_labels, matching_nodes, cause, template: Template::default(), fate: None, pool: pool.clone(), pod });
    }
}

fn matches(labels: &Map, pool: &Pool) -> bool {
    pool.selector.iter().all(|(key, value)| labels.get(key).is_some_and(|found| found == value))
}
