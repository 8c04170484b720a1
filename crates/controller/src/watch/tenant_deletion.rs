//! Tenant deletion: makes sure that a tenant is gone for good before what it left is released.
//!
//! A tenant that is deleted alone has a minute to come back. Where all tenants go, or half of them
//! and at least two within a minute, or where their kind is not served, that is an accident rather
//! than a wish: each of them has ten minutes from the moment that the first one is back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cluster::clock;
use kube::Error;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::core::Status;
use kube::discovery::pinned_kind;

use super::tenants::is_missing_kind;
use crate::context::Context;

/// How long a tenant that was deleted alone may come back before its namespaces are released.
/// Losses within this time count together.
pub(crate) const GRACE: Duration = Duration::from_secs(60);
/// How long each of many has, from the moment that the first is back.
pub(crate) const LONG_GRACE: Duration = Duration::from_secs(600);
/// How often it is looked whether the time has come.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The wait before a tenant is asked for again of which nothing could be said; twice as long each
/// time, up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LAST_WAIT: Duration = Duration::from_secs(600);

/// Tenants that went, and until when they may come back.
#[derive(Debug, Default)]
pub struct Losses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    lost: HashMap<String, Instant>,
    /// Tenants of a loss of many, or whose kind was not served.
    many: HashMap<String, Instant>,
    /// When the first one was back after a loss of many.
    first_back: Option<Instant>,
}

impl Losses {
    /// A tenant went; `present` are left. False where that is known already.
    fn add(&self, tenant: &str, present: usize, now: Instant) -> bool {
        let mut state = self.state();
        if state.lost.contains_key(tenant) {
            return false;
        }
        state.lost.insert(tenant.to_owned(), now);
        let together: Vec<String> = state
            .lost
            .iter()
            .filter(|(_, at)| now < **at + GRACE)
            .map(|(name, _)| name.clone())
            .collect();
        let is_many = present == 0 || (together.len() >= 2 && together.len() >= present);
        if is_many {
            state.mark(together, now, present > 0);
        }
        true
    }

    /// The kind is not served: all that are lost may come back with it.
    fn add_kind(&self, present: usize, now: Instant) {
        let mut state = self.state();
        let all: Vec<String> = state.lost.keys().cloned().collect();
        state.first_back = None;
        state.mark(all, now, present > 0);
    }

    /// A tenant is there.
    pub(crate) fn is_back(&self, tenant: &str, now: Instant) {
        let mut state = self.state();
        state.lost.remove(tenant);
        state.many.remove(tenant);
        if !state.many.is_empty() {
            state.first_back.get_or_insert(now);
        }
    }

    /// Other tenants count from now on, as after a change of their source.
    pub(crate) fn clear(&self) {
        *self.state() = State::default();
    }

    /// Nothing more is waited for.
    fn forget(&self, tenant: &str) {
        let mut state = self.state();
        state.lost.remove(tenant);
        state.many.remove(tenant);
        if state.many.is_empty() {
            state.first_back = None;
        }
    }

    /// When it may be found out whether the tenant is gone for good; `None` as long as that is
    /// open.
    fn due(&self, tenant: &str) -> Option<Instant> {
        let state = self.state();
        if state.many.contains_key(tenant) {
            return state.first_back.map(|back| back + LONG_GRACE);
        }
        state.lost.get(tenant).map(|lost| *lost + GRACE)
    }

    fn is_lost(&self, tenant: &str) -> bool {
        self.state().lost.contains_key(tenant)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Others that are there count as the first that is back.
    fn mark(&mut self, tenants: Vec<String>, now: Instant, others_are_there: bool) {
        let is_new = tenants.iter().any(|tenant| !self.many.contains_key(tenant));
        self.many.extend(tenants.into_iter().map(|tenant| (tenant, now)));
        if others_are_there {
            self.first_back.get_or_insert(now);
        } else if is_new {
            self.first_back = None;
        }
    }
}

/// What is known of a tenant that seems to be gone.
enum Presence {
    Gone,
    Back,
    /// Its kind is not served.
    NoKind,
    /// It cannot be said, and why.
    Unknown(String),
}

impl Context {
    /// A tenant is not there: finds out whether it is gone for good, when its time has come, and
    /// releases what it left.
    pub(super) fn confirm_deletion(&self, tenant: String) {
        let present = self.reconciler.shared().store.tenant_names().len();
        if !self.losses.add(&tenant, present, clock::now()) {
            return;
        }
        if self.losses.due(&tenant).is_none() {
            tracing::error!(
                tenant,
                "nothing is released: no tenant is left, so their kind may be gone rather than they"
            );
        }
        self.spawner.spawn(self.clone().bring_to_an_end(tenant));
    }

    /// Tenants that went while nobody watched are known by the ledgers that name them.
    pub(crate) fn confirm_orphans(&self) {
        let orphans = self.reconciler.shared().store.orphans();
        for tenant in orphans {
            tracing::info!(
                tenant,
                "namespaces name a tenant that is not there; they are released if it does not come back"
            );
            self.confirm_deletion(tenant);
        }
    }

    async fn bring_to_an_end(self, tenant: String) {
        let mut failures = 0;
        while self.losses.is_lost(&tenant) {
            if self.losses.due(&tenant).is_none_or(|due| clock::now() < due) {
                tokio::time::sleep(LOOK_INTERVAL).await;
                continue;
            }
            match self.presence(&tenant).await {
                Presence::Gone => return self.release(&tenant).await,
                Presence::Back => {
                    self.losses.is_back(&tenant, clock::now());
                    return tracing::info!(tenant, "the tenant is back");
                }
                Presence::NoKind => {
                    tracing::error!(
                        tenant,
                        "nothing is released: the kind of tenants is not served, so it may be gone rather than they"
                    );
                    let present = self.reconciler.shared().store.tenant_names().len();
                    self.losses.add_kind(present, clock::now());
                }
                Presence::Unknown(why) => {
                    tracing::error!(
                        tenant,
                        why,
                        "nothing is released: the tenant is gone, but that cannot be confirmed"
                    );
                    tokio::time::sleep(clock::backoff(FIRST_WAIT, failures, LAST_WAIT)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    async fn presence(&self, tenant: &str) -> Presence {
        let settings = {
            let shared = self.reconciler.shared();
            if !matches!(shared.store.tenant(tenant), Ok(None)) {
                return Presence::Back;
            }
            std::sync::Arc::clone(shared.store.settings())
        };
        let (Some((api_version, kind)), Some(reference)) =
            (settings.source.kind(), settings.source.reference(tenant))
        else {
            return Presence::Back;
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = match clock::within(
            clock::ANSWER_TIMEOUT,
            pinned_kind(&self.client, &GroupVersionKind::gvk(group, version, kind)),
        )
        .await
        {
            Ok((resource, _)) => resource,
            Err(error) if is_missing_kind(&error) => return Presence::NoKind,
            Err(error) => return Presence::Unknown(error.to_string()),
        };
        match clock::within(
            clock::ANSWER_TIMEOUT,
            self.tenant_api(&resource, reference.namespace.as_deref()).get(&reference.name),
        )
        .await
        {
            Err(Error::Api(status)) if status.code == 404 && names_object(&status) => {
                Presence::Gone
            }
            Err(error) => Presence::Unknown(error.to_string()),
            Ok(_) => Presence::Back,
        }
    }

    fn tenant_api(&self, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    async fn release(&self, tenant: &str) {
        let names = self.confirm_in_store(tenant);
        self.losses.forget(tenant);
        tracing::info!(tenant, namespaces = names.len(), "releasing");
        self.reconciler.consider_all(&names, clock::now()).await;
    }

    /// The namespaces that the tenant leaves behind.
    fn confirm_in_store(&self, tenant: &str) -> Vec<String> {
        let mut shared = self.reconciler.shared();
        shared.store.confirm_deleted(tenant);
        shared.store.concerned(tenant)
    }
}

/// A missing object is named in the details; a missing kind answers 404 as well, about nothing in
/// particular.
fn names_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_has_a_minute() {
        let losses = Losses::default();
        let now = Instant::now();
        assert!(losses.add("a", 4, now) && !losses.add("a", 4, now));
        assert_eq!(losses.due("a"), Some(now + GRACE));
        losses.is_back("a", now);
        assert!(!losses.is_lost("a") && losses.due("a").is_none());
    }

    #[test]
    fn all_have_ten_minutes_from_the_first_that_is_back() {
        let losses = Losses::default();
        let now = Instant::now();
        for (present, tenant) in ["a", "b", "c"].into_iter().rev().enumerate().rev() {
            losses.add(tenant, present, now);
        }
        assert_eq!(["a", "b", "c"].map(|tenant| losses.due(tenant)), [None; 3]);
        let back = now + Duration::from_secs(3600);
        losses.is_back("b", back);
        losses.is_back("a", back + Duration::from_secs(100));
        assert_eq!(losses.due("c"), Some(back + LONG_GRACE));
    }

    #[test]
    fn the_only_tenant_is_all_of_them() {
        let losses = Losses::default();
        losses.add("only", 0, Instant::now());
        assert_eq!(losses.due("only"), None);
    }

    #[test]
    fn half_of_them_within_a_minute_are_many() {
        let losses = Losses::default();
        let now = Instant::now();
        losses.add("a", 3, now);
        losses.add("b", 2, now + GRACE / 2);
        assert_eq!(losses.due("a"), Some(now + GRACE / 2 + LONG_GRACE), "others are there");
        let apart = Losses::default();
        apart.add("a", 3, now);
        apart.add("b", 2, now + GRACE);
        assert_eq!(apart.due("a"), Some(now + GRACE), "one after the other they are not");
    }

    #[test]
    fn while_the_kind_is_not_served_nobody_is_gone() {
        let losses = Losses::default();
        let now = Instant::now();
        losses.add("a", 5, now);
        losses.add_kind(0, now + GRACE);
        assert_eq!(losses.due("a"), None);
        losses.is_back("b", now + 2 * GRACE);
        assert_eq!(losses.due("a"), Some(now + 2 * GRACE + LONG_GRACE));
    }
}
