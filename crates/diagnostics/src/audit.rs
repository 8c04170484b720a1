//! Audit: Pods that run outside their tenant's pool, since when, and why.
//!
//! ```text
//! inventory ──engine──▶ pools ─┐
//! Pods, nodes, guard ──────────┴─judge──▶ report ──▶ table | json | markdown | html
//!                                           └──evictions──▶ Pods leave, if a user asks for it
//! ```
//!
//! Outside is a Pod that has a node and is not finished, in a namespace whose tenant has a node
//! selector, on a node whose labels do not match it. A Pod without a node is outdated if its own
//! node selector does not keep it in that pool.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use tenancy::metadata::Map;
use tenancy::selector::NodeSelector;

use assessment::Assessment;
use assessment::inventory::Inventory;

pub mod eviction;
pub mod evidence;
pub mod template;
pub mod waiting;

pub use cluster::audit::{cause, placed, pool};

use self::cause::{Cause, stray_cause};
use self::eviction::Fate;
use self::evidence::Evidence;
use self::placed::Placed;
use self::pool::{Pool, Written};
use self::template::Template;
use self::waiting::{Outdated, Waiting};
use cluster::admission_policies::presence::Guarded;

/// What an audit says.
#[derive(Debug)]
pub struct Report {
    pub guard: Guarded,
    /// In order of namespace and name.
    pub strays: Vec<Stray>,
    /// Where the Pods of each namespace belong, by its name; those without a node selector are not
    /// among them.
    pub pools: BTreeMap<String, Pool>,
    /// By tenant; those without a node selector are not among them.
    pub totals: BTreeMap<String, Total>,
    /// Pods without a node that would run outside, in order of namespace and name.
    pub outdated: Vec<Outdated>,
    /// What could not be judged.
    pub unjudged: Vec<Unjudged>,
}

/// A Pod outside its pool.
#[derive(Clone, Debug)]
pub struct Stray {
    pub pod: Placed,
    pub pool: Pool,
    /// What its node has of the selector's keys.
    pub node_labels: Map,
    /// How many nodes the selector matches.
    pub matching_nodes: usize,
    pub cause: Cause,
    /// What its owner would make next; read only where it may be evicted.
    pub template: Template,
    /// What became of it, if it was to be evicted.
    pub fate: Option<Fate>,
}

/// What was looked at for one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub namespaces: usize,
    pub pods: usize,
    pub outside: usize,
}

/// A namespace, or a Pod of it, of which nobody knows where it belongs or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    pub namespace: String,
    pub pod: Option<String>,
    pub error: String,
}

/// The nodes, and how many of them each selector matches.
struct Grounds {
    nodes: BTreeMap<String, Map>,
    matching: BTreeMap<NodeSelector, usize>,
}

impl Grounds {
    fn matching(&mut self, pool: &Pool) -> usize {
        let count = || self.nodes.values().filter(|labels| pool.matches(labels)).count();
        *self.matching.entry(pool.selector.clone()).or_insert_with(count)
    }
}

/// Finds the Pods of these namespaces that are outside.
pub fn judge(inventory: &Inventory, assessments: &[Assessment], evidence: Evidence) -> Report {
    let Evidence { pods, waiting, nodes, guard } = evidence;
    let (pools, unjudged) = pools(inventory, assessments);
    let outdated = outdated(waiting, &pools);
    let mut report = Report {
        guard,
        strays: Vec::new(),
        pools: BTreeMap::new(),
        totals: BTreeMap::new(),
        outdated,
        unjudged,
    };
    for pool in pools.values() {
        report.totals.entry(pool.tenant.clone()).or_default().namespaces += 1;
    }
    let mut grounds = Grounds { nodes, matching: BTreeMap::new() };
    for pod in pods {
        if let Some(pool) = pools.get(&pod.namespace) {
            report.place(pod, pool, &mut grounds);
        }
    }
    report
        .strays
        .sort_by(|a, b| (&a.pod.namespace, &a.pod.name).cmp(&(&b.pod.namespace, &b.pod.name)));
    report.unjudged.sort_by(|a, b| (&a.namespace, &a.pod).cmp(&(&b.namespace, &b.pod)));
    report.pools = pools;
    report
}

/// The pools of namespaces whose tenant has a node selector, by name; and what cannot be judged.
fn pools(
    inventory: &Inventory,
    assessments: &[Assessment],
) -> (BTreeMap<String, Pool>, Vec<Unjudged>) {
    let objects: BTreeMap<&str, &Value> = inventory
        .namespaces
        .iter()
        .map(|listed| (listed.namespace.name_or_stem(), &listed.object))
        .collect();
    let (mut pools, mut unjudged) = (BTreeMap::new(), Vec::new());
    for assessment in assessments {
        let meta = objects.get(assessment.name.as_str()).and_then(|object| object.get("metadata"));
        match pool(assessment, meta, inventory.settings.tenant_label()) {
            Ok(Some(pool)) => drop(pools.insert(assessment.name.clone(), pool)),
            Ok(None) => {}
            Err(error) => {
                unjudged.push(Unjudged { namespace: assessment.name.clone(), pod: None, error })
            }
        }
    }
    (pools, unjudged)
}

fn pool(
    assessment: &Assessment,
    meta: Option<&Value>,
    label: &str,
) -> Result<Option<Pool>, String> {
    let meta = meta.cloned().and_then(|meta| serde_json::from_value::<ObjectMeta>(meta).ok());
    Pool::read(assessment, &Written::read(&meta.unwrap_or_default()), label)
}

fn outdated(waiting: Vec<Waiting>, pools: &BTreeMap<String, Pool>) -> Vec<Outdated> {
    let judged = waiting.into_iter().filter_map(|pod| {
        let pool = pools.get(&pod.namespace)?.clone();
        pod.is_outdated(&pool.selector).then_some(Outdated { pod, pool })
    });
    let mut outdated: Vec<Outdated> = judged.collect();
    outdated.sort_by(|a, b| (&a.pod.namespace, &a.pod.name).cmp(&(&b.pod.namespace, &b.pod.name)));
    outdated
}

impl Report {
    /// How many Pods are outside.
    pub fn outside(&self) -> usize {
        self.strays.len()
    }

    fn place(&mut self, pod: Placed, pool: &Pool, grounds: &mut Grounds) {
        let Some(labels) = grounds.nodes.get(&pod.node) else {
            let error =
                format!("its node {:?} is not known: it may be gone, or was not given", pod.node);
            return self.unjudged.push(Unjudged {
                namespace: pod.namespace,
                pod: Some(pod.name),
                error,
            });
        };
        let total = self.totals.entry(pool.tenant.clone()).or_default();
        total.pods += 1;
        let Some(cause) = stray_cause(&pod, pool, labels, &self.guard) else { return };
        total.outside += 1;
        let keys = pool
            .selector
            .iter()
            .filter_map(|(key, _)| Some((key.to_owned(), labels.get(key)?.clone())));
        let (node_labels, matching_nodes) = (keys.collect(), grounds.matching(pool));
        self.strays.push(Stray {
            node_labels,
            matching_nodes,
            cause,
            template: Template::default(),
            fate: None,
            pool: pool.clone(),
            pod,
        });
    }
}
