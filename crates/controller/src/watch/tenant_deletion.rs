//! Undertaker: makes sure that a tenant is gone before what it left is released.

use std::time::Duration;

use kube::Error;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::core::Status;
use kube::discovery::pinned_kind;

use super::Watch;
use cluster::clock;

/// How long a deleted tenant may come back before its namespaces are released.
pub(super) const GRACE: Duration = Duration::from_secs(30);
/// Where that cannot be found out, it is asked for again, twice as late each time up to this. One that was lost with all others gets this long
/// from the beginning.
pub(super) const LONGEST: Duration = Duration::from_secs(600);
/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of a tenant that seems to be gone.
enum Fate {
    Gone,
    Back,
    /// It cannot be said, and why.
    Unknown(String),
}

impl Watch {
    /// Waits until it is certain whether the tenant is gone, for this time at first; if so, releases what it left.
    pub(super) async fn bury(self, tenant: String, grace: Duration) {
        let mut wait = grace;
        loop {
            tokio::time::sleep(wait).await;
            wait = (2 * wait).min(LONGEST);
            match self.fate(&tenant).await {
                Fate::Gone if self.lost_all() => {
                    tracing::error!(
                        tenant,
                        "nothing is released: no tenant is left of several, so their kind may be gone rather than they"
                    );
                }
                Fate::Gone => return self.release(&tenant).await,
                Fate::Back => return tracing::info!(tenant, "the tenant is back"),
                Fate::Unknown(why) => tracing::error!(tenant, why, "nothing is released: the tenant is gone, but that cannot be confirmed"),
            }
        }
    }

    /// Tenants that went while nobody watched are known by the ledgers that name them.
    pub(super) fn bury_orphans(&self) {
        let orphans = {
            let shared = self.reconciler.shared();
            // A list without any tenant is more likely a kind that was installed anew.
            if shared.store.tenant_names().is_empty() { Vec::new() } else { shared.store.orphans() }
        };
        for tenant in orphans {
            tracing::info!(
                tenant,
                grace_s = GRACE.as_secs(),
                "namespaces name a tenant that is not there; they are released if it does not come back"
            );
            tokio::spawn(self.clone().bury(tenant, GRACE));
        }
    }

    async fn fate(&self, tenant: &str) -> Fate {
        let settings = {
            let shared = self.reconciler.shared();
            if !matches!(shared.store.tenant(tenant), Ok(None)) {
                return Fate::Back;
            }
            std::sync::Arc::clone(shared.store.settings())
        };
        let (Some((api_version, kind)), Some(reference)) = (settings.source.kind(), settings.source.reference(tenant)) else {
            return Fate::Back;
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = match clock::within(TIMEOUT, pinned_kind(&self.client, &GroupVersionKind::gvk(group, version, kind))).await {
            Ok((resource, _)) => resource,
            Err(error) => return Fate::Unknown(error.to_string()),
        };
        match clock::within(TIMEOUT, self.tenant_api(&resource, reference.namespace.as_deref()).get(&reference.name)).await {
            Err(Error::Api(status)) if status.code == 404 && names_object(&status) => Fate::Gone,
            Err(error) => Fate::Unknown(error.to_string()),
            Ok(_) => Fate::Back,
        }
    }

    fn tenant_api(&self, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    /// Whether several tenants are missing and none is left.
    fn lost_all(&self) -> bool {
        let shared = self.reconciler.shared();
        shared.store.tenant_names().is_empty() && shared.store.orphans().len() > 1
    }

    async fn release(&self, tenant: &str) {
        let names = self.bury_in_store(tenant);
        tracing::info!(tenant, namespaces = names.len(), "releasing");
        self.reconciler.consider_all(&names, clock::now()).await;
    }

    /// The namespaces that the tenant leaves behind.
    fn bury_in_store(&self, tenant: &str) -> Vec<String> {
        let mut shared = self.reconciler.shared();
        shared.store.bury(tenant);
        shared.store.concerned(tenant)
    }
}

/// A missing object is named in the details; a missing kind answers 404 as well, about nothing in particular.
fn names_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}
