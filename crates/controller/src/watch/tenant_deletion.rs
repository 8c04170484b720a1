//! Tenant deletion: makes sure that a tenant is gone for good before what it left is released.
//!
//! How long it may come back is in [`Losses`](crate::losses::Losses).

use std::time::Duration;

use cluster::clock;
use kube::Error;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::core::Status;
use kube::discovery::pinned_kind;

use super::following::is_missing_kind;
use crate::context::Context;

/// How often it is looked whether the time has come.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The wait before a tenant is asked for again of which nothing could be said; twice as long each
/// time, up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LAST_WAIT: Duration = Duration::from_secs(600);

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
    /// `was_seen`: a watch has shown that it was deleted.
    pub(super) fn confirm_deletion(&self, tenant: String, was_seen: bool) {
        let (present, now) = (self.reconciler.shared().store.tenant_names().len(), clock::now());
        let is_new = if was_seen {
            self.losses.add(&tenant, present, now)
        } else {
            self.losses.add_unseen(&tenant, present, now)
        };
        if !is_new {
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
    pub(super) fn confirm_orphans(&self) {
        let orphans = self.reconciler.shared().store.orphans();
        for tenant in orphans {
            tracing::info!(
                tenant,
                "namespaces name a tenant that is not there; they are released if it does not come back"
            );
            self.confirm_deletion(tenant, false);
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
                    self.losses.lose_kind();
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
