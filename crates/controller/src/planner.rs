//! Planner: what is to be done with one namespace, decided on what the store knows. Pure; nothing
//! waits.

use std::collections::BTreeSet;
use std::time::Instant;

use cluster::cached_namespace::CachedNamespace;
use cluster::placement::Placement;
use cluster::write::Write;
use tenancy::desired::Want;
use tenancy::ledger::{self, Ledger};
use tenancy::metadata::{Key, Metadata};
use tenancy::plan::{self, Plan, changes_placement};
use tenancy::why::Why;

use crate::contention::{self, Contention, decides_placement};
use crate::queue::Urgency;
use crate::store::{Compliance, Standing, Store};
use assessment::{Assessment, Fault, Reason};

mod withdrawal;

pub use self::withdrawal::{of_failed, pods_of_unready};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Excluded, terminating or gone.
    Ignore,
    /// Nothing to write. `trouble` says why it is not compliant all the same.
    Rest {
        trouble: Option<Fault>,
    },
    Write(PlannedWrite),
}

/// One patch that holds all changes of a namespace, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWrite {
    pub request: Write,
    pub tenant: Option<String>,
    /// Whether a key that decides where Pods run is among the changes.
    pub placement: bool,
    /// Keys of the change that the ledger had: another writer has changed them.
    pub reversed: Vec<Key>,
    /// Before this time it is not written: another writer would only set it back.
    pub not_before: Option<Instant>,
    pub trouble: Option<Fault>,
    /// Whether it only takes back that the namespace is ready.
    pub withdraws: bool,
}

impl Decision {
    /// Why the namespace is not compliant, or will not be.
    pub fn trouble(&self) -> Option<&Fault> {
        match self {
            Self::Ignore => None,
            Self::Rest { trouble } => trouble.as_ref(),
            Self::Write(write) => write.trouble.as_ref(),
        }
    }
}

impl PlannedWrite {
    /// How urgent this is for a namespace that just changed (`live`), or that was found so.
    /// Placement is placement, however it was found.
    pub fn urgency(&self, live: bool) -> Urgency {
        match (self.placement, live) {
            (true, _) => Urgency::Placement,
            (false, true) => Urgency::Drift,
            (false, false) => Urgency::Backfill,
        }
    }
}

/// A decision on one namespace, all of it by one run of the engine.
#[derive(Debug)]
pub struct Verdict {
    pub decision: Decision,
    pub standing: Option<Standing>,
    /// Where its gated Pods may go; `None` for as long as they have to wait.
    pub placement: Option<Placement>,
}

/// What is known when something is decided.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    pub store: &'a Store,
    /// Of this namespace.
    pub contention: &'a Contention,
    pub now: Instant,
}

/// Decides about one namespace.
pub fn decide(known: Knowledge<'_>, name: &str) -> Verdict {
    let Knowledge { store, .. } = known;
    let (Some(held), Some(mut assessment)) = (store.namespace(name), store.assess(name)) else {
        return Verdict { decision: Decision::Ignore, standing: None, placement: None };
    };
    let placement = Placement::from_assessment(store.settings(), &assessment);
    if assessment.reason() == Some(Reason::UnknownTenant) {
        release(store, held, &mut assessment);
    }
    let contested = contest(known, &assessment.record.ledger, held, &mut assessment.plan);
    let trouble = trouble(&assessment)
        .or_else(|| contest_trouble(known, name, &contested))
        .map(|fault| withdrawal::explain(store, held, &assessment, fault))
        .or_else(|| warning(&assessment.plan));
    let reason = trouble.as_ref().map(|fault| fault.reason);
    let blocked = reason.is_some_and(Reason::blocks_writes);
    let not_before =
        known.contention.pause(known.now).filter(|_| contested.iter().any(decides_placement));
    let write = if blocked {
        withdrawal::plan(store, held, &assessment, trouble.clone())
    } else if assessment.plan.is_empty() {
        None
    } else {
        plan_write(held, &assessment, trouble.clone(), not_before)
    };
    let state = compliance(reason, write.is_some());
    let standing = Standing {
        tenant: assessment.tenant,
        state,
        reason: reason.filter(|reason| *reason != Reason::HookWarning),
    };
    Verdict {
        decision: write.map_or(Decision::Rest { trouble }, Decision::Write),
        standing: Some(standing),
        placement,
    }
}

fn compliance(reason: Option<Reason>, writes: bool) -> Compliance {
    match reason {
        Some(Reason::Conflicted | Reason::HookRejected | Reason::Contested) => {
            Compliance::Conflicted
        }
        None | Some(Reason::HookWarning) if writes => Compliance::Pending,
        None | Some(Reason::HookWarning) => Compliance::Compliant,
        Some(_) => Compliance::Failed,
    }
}

/// Takes contested keys out of the plan, and returns them. Those that decide where Pods run stay in
/// it; but as long as the other writer has to be expected, the ledger is pending, so that the guard
/// lets no Pod in.
fn contest(
    Knowledge { contention, now, .. }: Knowledge<'_>,
    ledger: &Ledger,
    held: &CachedNamespace,
    plan: &mut Plan,
) -> Vec<Key> {
    let set = plan
        .set
        .iter()
        .filter(|(key, want)| contention.is_contested(key, Some(&want.value), now))
        .map(|(key, _)| key);
    let removed = plan.remove.keys().filter(|key| contention.is_contested(key, None, now));
    let mut contested: Vec<Key> = set.chain(removed).cloned().collect();
    let is_ours = |key: &Key| {
        ledger.manages(key) || plan.set.contains_key(key) || plan.remove.contains_key(key)
    };
    let expected = contention
        .contested(now)
        .filter(|key| decides_placement(key) && is_ours(key) && !contested.contains(key));
    contested.extend(expected.cloned().collect::<Vec<_>>());
    for key in contested.iter().filter(|key| !decides_placement(key)) {
        plan.set.remove(key);
        plan.remove.remove(key);
    }
    keep_listed(ledger, held, plan, &contested);
    if contested.iter().any(decides_placement) {
        mark_pending(ledger, held, plan);
    }
    contested
}

/// A key that is left alone stays in the ledger if it is in there: one that landlord does not know
/// as its own any more would never be put right.
fn keep_listed(ledger: &Ledger, held: &CachedNamespace, plan: &mut Plan, contested: &[Key]) {
    let is_left = |key: &&Key| !decides_placement(key) && ledger.manages(key);
    let left: Vec<&Key> = contested.iter().filter(is_left).collect();
    if left.is_empty() {
        return;
    }
    let mut next = planned_ledger(ledger, plan);
    if left.iter().all(|key| next.manages(key)) {
        return;
    }
    if next == Ledger::default() {
        // Landlord leaves: all else of its ledger goes.
        next = Ledger {
            labels: BTreeSet::new(),
            annotations: BTreeSet::new(),
            previous: Metadata::default(),
            ..ledger.clone()
        };
    }
    for key in left {
        next.field_mut(key.field).insert(key.name.clone());
        if let Some(value) = ledger.previous.field(key.field).get(&key.name) {
            next.previous.field_mut(key.field).insert(key.name.clone(), value.clone());
        }
    }
    set_ledger(held, plan, &next);
}

/// The ledger that the plan writes anyway, or the one that is there.
fn planned_ledger(ledger: &Ledger, plan: &Plan) -> Ledger {
    let key = Key::annotation(ledger::ANNOTATION);
    match plan.set.get(&key).and_then(|want| Ledger::parse(&want.value).ok()) {
        Some(planned) => planned,
        None if plan.remove.contains_key(&key) => Ledger::default(),
        None => ledger.clone(),
    }
}

/// Has the plan write a ledger that is pending.
fn mark_pending(ledger: &Ledger, held: &CachedNamespace, plan: &mut Plan) {
    let mut next = planned_ledger(ledger, plan);
    next.pending = Some(Reason::Contested.word().to_owned());
    set_ledger(held, plan, &next);
}

fn set_ledger(held: &CachedNamespace, plan: &mut Plan, next: &Ledger) {
    let key = Key::annotation(ledger::ANNOTATION);
    let value = next.to_string_compact();
    plan.remove.remove(&key);
    if held.namespace.metadata.annotations.get(ledger::ANNOTATION) == Some(&value) {
        plan.set.remove(&key);
    } else {
        plan.set.insert(key, Want { value, why: Why::Ledger });
    }
}

fn contest_trouble(
    Knowledge { contention, .. }: Knowledge<'_>,
    name: &str,
    keys: &[Key],
) -> Option<Fault> {
    if keys.is_empty() {
        return None;
    }
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let other = contention.other();
    let message = format!(
        "{} set back {} times in {} minutes by {}; what ends it: {}",
        names.join(", "),
        contention::REVERSALS,
        contention::WINDOW.as_secs() / 60,
        other.map_or("another writer".to_owned(), |other| format!("field manager {other:?}")),
        contention::advice(other, name, keys)
    );
    Some(Fault { reason: Reason::Contested, message })
}

/// A tenant that is gone for good leaves nothing behind but its label.
fn release(store: &Store, held: &CachedNamespace, assessment: &mut Assessment) {
    let ledger = &assessment.record.ledger;
    let deleted = assessment
        .tenant
        .as_deref()
        .is_some_and(|tenant| store.is_deleted(tenant) && ledger.tenant == tenant);
    if deleted {
        assessment.plan = plan::abandon(store.settings(), &held.namespace, ledger);
        assessment.fault = None;
    }
}

fn trouble(assessment: &Assessment) -> Option<Fault> {
    if let Some(fault) = &assessment.fault {
        return Some(fault.clone());
    }
    rejection(&assessment.plan)
}

/// What the policy would deny a new namespace for: clashes and hooks, all in one message.
pub fn rejection(plan: &Plan) -> Option<Fault> {
    let refused: Vec<String> = plan.refused.iter().map(|clash| clash.key.to_string()).collect();
    let clashes = (!refused.is_empty()).then(|| {
        format!("{} already there with another value (conflicts: reject): remove it, or let the tenant override", refused.join(", "))
    });
    let reason = if clashes.is_some() { Reason::Conflicted } else { Reason::HookRejected };
    let messages: Vec<String> =
        clashes.into_iter().chain(plan.rejections().map(ToString::to_string)).collect();
    (!messages.is_empty()).then(|| Fault { reason, message: messages.join("; ") })
}

/// What hooks have to say of a namespace that is all right for them.
pub fn warning(plan: &Plan) -> Option<Fault> {
    let messages: Vec<String> =
        plan.failures.iter().filter(|failure| failure.warning).map(ToString::to_string).collect();
    (!messages.is_empty())
        .then(|| Fault { reason: Reason::HookWarning, message: messages.join("; ") })
}

fn plan_write(
    held: &CachedNamespace,
    assessment: &Assessment,
    trouble: Option<Fault>,
    not_before: Option<Instant>,
) -> Option<PlannedWrite> {
    let request = Write::between(held, &assessment.plan.apply(&held.namespace.metadata))?;
    let ledger = &assessment.record.ledger;
    let reversed = request
        .changes
        .iter()
        .map(|(key, _)| key)
        .filter(|key| ledger.manages(key))
        .cloned()
        .collect();
    let placement = changes_placement(&assessment.plan);
    Some(PlannedWrite {
        request,
        tenant: assessment.tenant.clone(),
        placement,
        reversed,
        not_before,
        trouble,
        withdraws: false,
    })
}
