//! Audit: which Pods run outside their tenant's pool, counted as long as the controller runs.
//! `landlord audit` judges by the same rule, [`cluster::audit`].
//!
//! ```text
//! watch (Pods with a node) ─▶ Pods ─┐
//! planner (namespaces) ─▶ pools ────┼─ settle ─▶ strays ─▶ tally (what the leaders remember) ─▶ summary
//! watch (nodes) ─▶ labels, room ────┘
//! ```
//!
//! A Pod is judged when it comes and when something changes that it is judged by: its namespace's
//! pool, its node's labels, the guard. Nothing here has a clock or a client.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem::take;
use std::sync::Arc;

use cluster::admission_policies::presence::Guarded;
use cluster::audit::cause::{Cause, stray_cause};
use cluster::audit::pool::{Pool, Written};
use k8s_openapi::jiff::Timestamp;

use crate::nodes::{Changes, Nodes};

mod intake;
pub mod metrics;
mod placement;
mod pod;
pub mod record;
mod shared_values;
pub mod summary;
mod tally;
#[cfg(test)]
mod tests;

pub use self::pod::Uid;
use self::pod::{Judgement, PodEntry};
use self::record::Record;
use self::shared_values::SharedValues;
use self::summary::Summary;
use self::tally::Tally;

/// Pods that left while they were outside, of which no leader has heard yet, are kept up to so many.
const MAX_DEPARTED: usize = 1000;
/// Those of a node that nobody asks for.
static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

/// See the module.
#[derive(Debug)]
pub struct Audit {
    namespaces: HashMap<Arc<str>, AuditedNamespace>,
    values: SharedValues,
    guard: Guarded,
    /// Whether Pods have been listed once, and whether all of them have been judged.
    is_listed: bool,
    is_judged: bool,
    /// The list that is under way, or was last.
    epoch: u8,
    /// Pods that are to be judged.
    fresh: BTreeSet<(Arc<str>, Uid)>,
    /// How many of them are gone already.
    gone: usize,
    /// Pods that are outside now.
    strays: BTreeMap<(Arc<str>, Uid), Stray>,
    /// Pods that were outside, and left before a leader heard of them.
    departed: Vec<Stray>,
    tally: Tally,
    /// Seconds from the binding of the Pod that was judged last to its judgement.
    lag: i64,
    summary: Arc<Summary>,
    /// Whether the summary is older than what it is made of.
    is_dirty: bool,
}

/// A Pod outside its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    pub namespace: Arc<str>,
    pub name: Box<str>,
    pub uid: Uid,
    pub node: Arc<str>,
    /// Since when it is on its node.
    pub since: Timestamp,
    pub tenant: String,
    /// Where it belongs.
    pub selector: String,
    pub cause: Cause,
    /// When it was found to be outside.
    pub found: Timestamp,
}

#[derive(Debug, Default)]
struct AuditedNamespace {
    place: Place,
    written: Written,
    pods: HashMap<Uid, PodEntry>,
}

/// Where the Pods of a namespace belong.
#[derive(Debug, Default)]
enum Place {
    /// It has to be found out, also where it was known before.
    #[default]
    Unknown,
    /// Anywhere: no tenant has it, or one without a selector.
    Anywhere,
    Pool(Arc<Pool>),
    /// It cannot be said.
    Unjudged,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            namespaces: HashMap::new(),
            values: SharedValues::default(),
            guard: Guarded::Unknown("it was not looked for yet".to_owned()),
            is_listed: false,
            is_judged: false,
            epoch: 0,
            fresh: BTreeSet::new(),
            gone: 0,
            strays: BTreeMap::new(),
            departed: Vec::new(),
            tally: Tally::default(),
            lag: 0,
            summary: Arc::default(),
            is_dirty: true,
        }
    }
}

/// What is judged.
impl Audit {
    /// Namespaces with Pods, of which it has to be found out where those belong; so many at most.
    pub fn unknown_namespaces(&self, limit: usize) -> Vec<Arc<str>> {
        let is_unknown =
            |one: &AuditedNamespace| matches!(one.place, Place::Unknown) && !one.pods.is_empty();
        let unknown = self.namespaces.iter().filter(|(_, one)| is_unknown(one));
        unknown.map(|(name, _)| Arc::clone(name)).take(limit).collect()
    }

    /// When the keys of a namespace were written.
    pub fn written(&self, namespace: &str) -> Written {
        self.namespaces.get(namespace).map(|one| one.written.clone()).unwrap_or_default()
    }

    /// Takes in where the Pods of a namespace belong; `None`: anywhere.
    pub fn set_pool(&mut self, namespace: &str, pool: Result<Option<Pool>, String>) {
        let Some((name, _)) = self.namespaces.get_key_value(namespace) else { return };
        let name = Arc::clone(name);
        let Some(one) = self.namespaces.get_mut(namespace) else { return };
        one.place = match pool {
            Ok(Some(pool)) => Place::Pool(Arc::new(pool)),
            Ok(None) => Place::Anywhere,
            Err(_) => Place::Unjudged,
        };
        self.fresh.extend(one.pods.keys().map(|uid| (Arc::clone(&name), *uid)));
    }

    /// Judges what has changed since the last time, on nodes that are all known.
    pub fn settle(&mut self, nodes: &mut Nodes, now: Timestamp) {
        self.take_nodes(nodes.take_changes());
        let mut later = BTreeSet::new();
        for (namespace, uid) in take(&mut self.fresh) {
            if !self.judge(&namespace, uid, nodes, now) {
                later.insert((namespace, uid));
            }
        }
        self.fresh.append(&mut later);
        self.is_judged |= self.is_listed && self.fresh.is_empty();
        self.values.prune();
    }

    /// Pods on nodes that changed are judged again.
    fn take_nodes(&mut self, changes: Changes) {
        if changes.are_none() {
            return;
        }
        self.is_dirty = true;
        for (namespace, one) in &self.namespaces {
            let touched = one.pods.iter().filter(|(_, pod)| changes.have(&pod.node));
            self.fresh.extend(touched.map(|(uid, _)| (Arc::clone(namespace), *uid)));
        }
    }

    /// False where it cannot be judged yet: where its namespace's Pods belong has to be found out
    /// first.
    fn judge(&mut self, namespace: &Arc<str>, uid: Uid, nodes: &Nodes, now: Timestamp) -> bool {
        let Some(one) = self.namespaces.get_mut(namespace) else { return true };
        let Some(pod) = one.pods.get_mut(&uid) else { return true };
        let (pool, labels) = match (&one.place, nodes.labels_of(&pod.node)) {
            (Place::Unknown, _) => return false,
            (Place::Pool(pool), Some(labels)) => (Some(pool), labels),
            (Place::Anywhere, _) => (None, &NO_LABELS),
            // What was known of it counts until its node is known, or its namespace's tenant can be
            // used.
            (Place::Unjudged, _) | (_, None) => {
                pod.judgement = Judgement::Unknown;
                self.settle_pod((Arc::clone(namespace), uid), None);
                return true;
            }
        };
        let cause = pool
            .and_then(|pool| stray_cause(&pod.placed(namespace, uid), pool, labels, &self.guard));
        pod.judgement = match (pool, &cause) {
            (None, _) => Judgement::Anywhere,
            (_, None) => Judgement::Inside,
            (_, Some(_)) => Judgement::Outside,
        };
        if let Some(pool) = pool
            && !std::mem::replace(&mut pod.is_counted, true)
        {
            self.lag = now.as_second().saturating_sub(pod.since());
            // An edit that came after it says nothing of where it was placed, no matter who saw it
            // when. Of a selector that differs, only who saw the Pod come knows which was first.
            let was_inside = match &cause {
                None | Some(Cause::NodeRelabelled) => true,
                Some(Cause::SelectorChanged(_)) => !pod.is_live,
                Some(_) => false,
            };
            self.tally.place(&pool.tenant, was_inside, pod.since(), pod.is_live);
        }
        let stray =
            pool.zip(cause).map(|(pool, cause)| pod.stray((namespace, uid), pool, cause, now));
        self.settle_pod((Arc::clone(namespace), uid), stray);
        true
    }

    /// A Pod was judged. It is a stray no more where it is inside, and goes where it is gone.
    fn settle_pod(&mut self, key: (Arc<str>, Uid), stray: Option<Stray>) {
        self.is_dirty = true;
        let Some(one) = self.namespaces.get_mut(&key.0) else { return };
        let Some(pod) = one.pods.get(&key.1) else { return };
        let is_over = matches!(pod.judgement, Judgement::Inside | Judgement::Anywhere);
        let is_gone = pod.is_gone;
        if let Some(mut stray) = stray {
            stray.found = self.strays.get(&key).map_or(stray.found, |known| known.found);
            self.strays.insert(key.clone(), stray);
        }
        if is_gone {
            one.pods.remove(&key.1);
            self.gone = self.gone.saturating_sub(1);
        }
        if is_gone || is_over {
            self.depart(&key);
        }
    }

    /// It is outside no more. A leader who has not heard of it yet still does.
    fn depart(&mut self, key: &(Arc<str>, Uid)) {
        if let Some(stray) = self.strays.remove(key)
            && !self.tally.has_counted(key.1)
            && self.departed.len() < MAX_DEPARTED
        {
            self.departed.push(stray);
        }
    }
}

/// What is counted.
impl Audit {
    /// Whether every Pod of the first list has been judged, so that none outside means none.
    pub fn is_complete(&self) -> bool {
        self.is_judged
    }

    /// Pods that wait to be judged.
    pub fn backlog(&self) -> usize {
        self.fresh.len()
    }

    /// Takes in what leaders have counted; `None` where none has, so that it begins now.
    pub fn adopt(&mut self, record: Option<Record>, now: Timestamp) {
        let record = record.unwrap_or_else(|| Record::begin(now));
        self.departed.retain(|stray| stray.found > record.written);
        self.tally.adopt(record);
        self.is_dirty = true;
    }

    /// Whether that was done.
    pub fn is_adopted(&self) -> bool {
        self.tally.is_adopted()
    }

    /// For the leader: counts Pods that are outside and were not counted, and those that are no
    /// more. The new ones are returned, each once.
    pub fn count_violations(&mut self, now: Timestamp) -> Vec<Stray> {
        if !(self.is_complete() && self.is_adopted()) {
            return Vec::new();
        }
        let departed = take(&mut self.departed);
        let found = self.strays.values().chain(&departed);
        let new: Vec<Stray> =
            found.filter(|stray| self.tally.count_violation(stray, now)).cloned().collect();
        let ended = self.ended();
        let outside = self.outside_by_tenant();
        self.is_dirty |= !(new.is_empty() && ended.is_empty());
        ended.into_iter().for_each(|uid| self.tally.end_violation(uid));
        self.is_dirty |= self.tally.set_outside(&outside, now);
        new
    }

    /// Pods that were counted and are not outside any more. Of which nothing can be said now counts
    /// as it was.
    fn ended(&self) -> HashSet<Uid> {
        let outside: HashSet<Uid> = self.strays.keys().map(|(_, uid)| *uid).collect();
        let mut ended: HashSet<Uid> =
            self.tally.counted().filter(|uid| !outside.contains(uid)).collect();
        if !ended.is_empty() {
            let pods = self.namespaces.values().flat_map(|one| &one.pods);
            let doubtful = pods.filter(|(_, pod)| pod.judgement.is_open());
            for (uid, _) in doubtful {
                ended.remove(uid);
            }
        }
        ended
    }

    /// How many Pods of each tenant are outside now.
    fn outside_by_tenant(&self) -> BTreeMap<String, u64> {
        let mut outside = BTreeMap::new();
        for stray in self.strays.values() {
            *outside.entry(stray.tenant.clone()).or_default() += 1;
        }
        outside
    }

    /// For the leader: what the next one has to know.
    pub fn record(&mut self, now: Timestamp, tenants: &BTreeSet<String>) -> Option<Record> {
        self.tally.record(now, tenants)
    }
}

/// What is shown.
impl Audit {
    /// The newest one that was made.
    pub fn summary(&self) -> Arc<Summary> {
        Arc::clone(&self.summary)
    }

    /// Makes a new one, if something has changed.
    pub fn summarize(&mut self, nodes: &Nodes) {
        if std::mem::take(&mut self.is_dirty) {
            self.summary = Arc::new(Summary::build(self, nodes));
        }
    }
}
