//! Withdrawal: a namespace whose wanted placement cannot be determined, judged or written stops being
//! ready, by a write that is smaller than what is there and keeps every record.

use assessment::{Assessment, Fault};
use cluster::cached_namespace::CachedNamespace;
use cluster::write::Write;
use tenancy::keys::NODE_SELECTOR;
use tenancy::ready::{is_ready, withdraw};
use tenancy::settings::Settings;

use super::PlannedWrite;
use crate::store::Store;

/// The write for a namespace of which nothing else may be written; `None` where it is not ready, or
/// where what it carries counts all the same.
pub(super) fn plan(
    store: &Store,
    held: &CachedNamespace,
    assessment: &Assessment,
    trouble: Option<Fault>,
) -> Option<PlannedWrite> {
    let reason = trouble.as_ref()?.reason;
    if !assessment.is_in_doubt(reason) {
        return None;
    }
    Some(PlannedWrite {
        request: request(store.settings(), held)?,
        tenant: assessment.tenant.clone(),
        placement: true,
        reversed: Vec::new(),
        not_before: None,
        trouble,
        withdraws: true,
    })
}

/// The same after a write that failed, if the namespace is not what that write was to make of it.
pub fn of_failed(
    settings: &Settings,
    held: &CachedNamespace,
    failed: &PlannedWrite,
) -> Option<Write> {
    let is_this = held.uid == failed.request.uid;
    let makes_ready = || {
        let mut after = held.namespace.metadata.clone();
        for (key, value) in &failed.request.changes {
            let field = after.field_mut(key.field);
            match value {
                Some(value) => field.insert(key.name.clone(), value.clone()),
                None => field.remove(&key.name),
            };
        }
        is_ready(settings, &after)
    };
    (is_this && (failed.placement || !makes_ready())).then(|| request(settings, held)).flatten()
}

fn request(settings: &Settings, held: &CachedNamespace) -> Option<Write> {
    Write::between(held, &withdraw(settings, &held.namespace.metadata)?)
}

/// The fault, with what it means for Pods where the namespace is not ready, or will not be.
pub(super) fn explain(
    store: &Store,
    held: &CachedNamespace,
    assessment: &Assessment,
    fault: Fault,
) -> Fault {
    let (settings, before) = (store.settings(), &held.namespace.metadata);
    let is_closed = if assessment.is_in_doubt(fault.reason) {
        withdraw(settings, before).is_some() || !is_ready(settings, before)
    } else {
        !is_ready(settings, &assessment.plan.apply(before))
    };
    if !is_closed {
        return fault;
    }
    let pods = pods_of_unready(store, held);
    Fault { message: format!("{}; {pods}", fault.message), ..fault }
}

/// What becomes of new Pods in a namespace that is not ready.
pub fn pods_of_unready(store: &Store, held: &CachedNamespace) -> &'static str {
    let has_pool = held.namespace.metadata.annotations.contains_key(NODE_SELECTOR);
    match (store.guarded(), has_pool) {
        (Some(true), _) => "Pods cannot start there",
        (Some(false), true) => "Pods go to the old pool",
        (Some(false), false) => "Pods go anywhere",
        (None, true) => "Pods cannot start there, or without the guard go to the old pool",
        (None, false) => "Pods cannot start there, or without the guard go anywhere",
    }
}
