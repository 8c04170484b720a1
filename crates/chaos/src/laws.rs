//! Laws: looks at every change of a history in its order, and at what is there at rest, and says
//! what must not be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::spec::{ANNOTATIONS, LABELS, LEDGER, TENANT_LABEL};
use fake_apiserver::{ADMISSION, Commit};

mod neighbours;
mod rest;
#[cfg(test)]
mod tests;

pub use self::neighbours::{Calm, DELAY};
pub use self::rest::Rest;

/// A change by a client other than landlord may cost so many writes of each namespace that it
/// concerns: one, and two more where keys are fought about (the ledger becomes pending, and is put
/// right when the quarrel is over).
const WRITES_A_CHANGE: usize = 1;
const WRITES_OF_CONTENTION: usize = 2;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Laws {
    violations: Vec<String>,
    /// How often something was compared.
    checks: usize,
    /// Writes of namespaces by landlord, and how many there may be.
    pub writes: usize,
    pub allowed: usize,
    tenant_of: BTreeMap<String, String>,
    pods: BTreeMap<String, Pod>,
    /// Keys that another client made foreign, by namespace: landlord's ledger does not know them
    /// any more.
    residue: BTreeMap<String, BTreeSet<String>>,
    holder: Option<String>,
    /// Controllers whose writes may come late or without a lease.
    pub unfenced: BTreeSet<String>,
    /// When each namespace and Pod was to be patched, and when something happened.
    tries: BTreeMap<String, Vec<Duration>>,
    events: Vec<Duration>,
    /// Two wrote at a time, one of them without a lease: where one knows less than the other, they
    /// write in turn until it does not.
    pub led_twice: bool,
}

/// A Pod that nobody has placed yet.
#[derive(Clone, Debug, Default)]
struct Pod {
    namespace: String,
    /// Pools of the tenants that its namespace has had since it was created.
    pools: BTreeSet<String>,
}

impl Laws {
    /// Everything that was found so far.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    pub fn checks(&self) -> usize {
        self.checks
    }

    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.violations.push(otherwise());
        }
    }

    /// Takes in the next change.
    pub fn see(&mut self, commit: &Commit) {
        // What admission makes of a write is another client's change.
        let who = commit.who.as_ref().filter(|who| *who != ADMISSION);
        if let Some(who) = who {
            self.see_fence(who, commit);
        }
        match (commit.plural.as_str(), who) {
            ("namespaces", Some(who)) => self.see_write(who, commit),
            ("namespaces", None) => self.see_change(commit),
            ("tenants", None) => self.see_tenant(commit),
            ("pods", _) => self.see_pod(commit),
            ("leases", _) => {
                self.holder = read_text(commit.after.as_deref(), "/spec/holderIdentity")
            }
            _ => {}
        }
    }

    /// Who does not hold the lease writes nothing else.
    fn see_fence(&mut self, who: &str, commit: &Commit) {
        if commit.plural == "leases" || self.unfenced.contains(who) {
            return;
        }
        let holder = self.holder.clone();
        self.check(holder.as_deref() == Some(who), || {
            format!("fence: {who} wrote {} while {holder:?} held the lease", commit.plural)
        });
    }

    /// A write of landlord's: nothing foreign changes.
    fn see_write(&mut self, who: &str, commit: &Commit) {
        self.writes += 1;
        let (Some(before), Some(after)) = (commit.before.as_deref(), commit.after.as_deref())
        else {
            let what = if commit.after.is_none() { "deleted" } else { "created" };
            return self.check(false, || format!("lost namespace: {who} {what} {}", commit.name));
        };
        let rest = [before, after].map(without_managed);
        self.check(rest[0] == rest[1], || {
            format!("foreign key: {who} changed {} from {} to {}", commit.name, rest[0], rest[1])
        });
    }

    /// Another client creates, edits or deletes a namespace.
    fn see_change(&mut self, commit: &Commit) {
        let name = commit.name.clone();
        let Some(after) = commit.after.as_deref() else {
            self.tenant_of.remove(&name);
            self.residue.remove(&name);
            self.pods.retain(|_, pod| pod.namespace != name);
            return;
        };
        let tenant =
            after["metadata"]["labels"][TENANT_LABEL].as_str().unwrap_or_default().to_owned();
        for pod in self.pods.values_mut().filter(|pod| pod.namespace == name) {
            pod.pools.insert(tenant.clone());
        }
        self.tenant_of.insert(name.clone(), tenant);
        let meddled =
            commit.before.as_deref().is_some_and(|before| managed(before) != managed(after));
        self.allowed += WRITES_A_CHANGE + if meddled { WRITES_OF_CONTENTION } else { 0 };
        let made_foreign = made_foreign(commit.before.as_deref().unwrap_or(&Value::Null), after);
        self.residue.entry(name).or_default().extend(made_foreign);
    }

    fn see_tenant(&mut self, commit: &Commit) {
        let spec =
            |object: &Option<Arc<Value>>| object.as_ref().map(|object| object["spec"].clone());
        if spec(&commit.before) != spec(&commit.after) {
            self.allowed += WRITES_A_CHANGE
                * self.tenant_of.values().filter(|tenant| **tenant == commit.name).count();
        }
    }

    fn see_pod(&mut self, commit: &Commit) {
        let key = format!("{}/{}", commit.namespace, commit.name);
        let Some(after) = commit.after.as_deref() else { return drop(self.pods.remove(&key)) };
        if commit.before.is_none() {
            let pools = self.tenant_of.get(&commit.namespace).cloned().into_iter().collect();
            self.pods.insert(key.clone(), Pod { namespace: commit.namespace.clone(), pools });
        }
        let gated = |object: &Value| {
            object["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty())
        };
        if commit.before.as_deref().is_some_and(gated) && !gated(after) {
            let pool =
                after["spec"]["nodeSelector"]["pool"].as_str().unwrap_or_default().to_owned();
            self.place(&key, &pool);
        }
    }

    /// A Pod is bound to a node of this pool, or released to it. It is looked at once.
    pub fn place(&mut self, key: &str, pool: &str) {
        let Some(pod) = self.pods.remove(key) else { return };
        self.check(pod.pools.contains(pool), || {
            format!("foreign placement: Pod {key} of {:?} went to pool {pool:?}", pod.pools)
        });
    }
}

fn read_text(object: Option<&Value>, pointer: &str) -> Option<String> {
    object?.pointer(pointer)?.as_str().map(str::to_owned)
}

/// The namespace without what landlord may write there.
fn without_managed(object: &Value) -> Value {
    let mut rest = object.clone();
    let strip = |map: Option<&mut Value>, keys: &[&str]| {
        if let Some(map) = map.and_then(Value::as_object_mut) {
            map.retain(|key, _| {
                !keys.contains(&key.as_str())
                    && (key == TENANT_LABEL || !key.starts_with("landlord.dev/"))
            });
        }
    };
    strip(rest.pointer_mut("/metadata/labels"), &LABELS);
    strip(rest.pointer_mut("/metadata/annotations"), &ANNOTATIONS);
    if let Some(metadata) = rest["metadata"].as_object_mut() {
        ["resourceVersion", "managedFields"].iter().for_each(|field| drop(metadata.remove(*field)));
        // An empty map is the same as none.
        metadata.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
    }
    rest
}

/// What landlord may write of a namespace.
fn managed(object: &Value) -> Vec<Option<String>> {
    let keys = LABELS
        .iter()
        .map(|key| ("labels", *key))
        .chain(ANNOTATIONS.iter().chain([&LEDGER]).map(|key| ("annotations", *key)));
    keys.map(|(field, key)| object["metadata"][field][key].as_str().map(str::to_owned)).collect()
}

/// Keys that landlord does not know as its own after this edit of another client.
fn made_foreign(before: &Value, after: &Value) -> Vec<String> {
    let ledger =
        |object: &Value| object["metadata"]["annotations"][LEDGER].as_str().map(str::to_owned);
    let keys = || LABELS.iter().chain(&ANNOTATIONS).map(|key| (*key).to_owned());
    if !before.is_null() && ledger(before) != ledger(after) {
        return keys().collect();
    }
    let known: Map<String, Value> =
        ledger(after).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let lists = |key: &str| {
        ["labels", "annotations"]
            .iter()
            .any(|field| known.get(*field).is_some_and(|list| has(list, key)))
    };
    let value = |object: &Value, key: &str| {
        ["labels", "annotations"].map(|field| object["metadata"][field][key].clone())
    };
    keys().filter(|key| !lists(key) && value(before, key) != value(after, key)).collect()
}

fn has(list: &Value, key: &str) -> bool {
    list.as_array().into_iter().flatten().any(|one| one == key)
}
