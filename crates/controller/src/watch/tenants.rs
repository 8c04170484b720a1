//! Tenants: their watch, and what an edit, a loss or a return means for their namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use kube::Error;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::discovery::pinned_kind;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};

use super::tenant_deletion::{GRACE, LONGEST};
use super::{TENANTS, Watch};
use crate::store::Identity;

/// Edits of one tenant within this time are one pass over its namespaces; the first runs at once.
const BATCH: Duration = Duration::from_secs(1);
/// How often a kind that is not installed is asked for.
const KIND_PERIOD: Duration = Duration::from_secs(5);

impl Watch {
    /// Follows the tenants of the source in force. Does not return; the caller ends it when the source changes.
    pub async fn tenants(self) {
        let settings = Arc::clone(self.reconciler.shared().store.settings());
        let Some((api_version, kind)) = settings.source.kind() else {
            self.reach(TENANTS);
            return std::future::pending().await;
        };
        let resource = self.kind(api_version, kind).await;
        let mut tenants = Tenants { watch: self.clone(), edited: BTreeMap::new(), missing: Vec::new() };
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let mut events = watcher(api, Config::default()).default_backoff().boxed();
        let mut listed: Option<BTreeSet<String>> = None;
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => {
                    self.reconciler.outcomes().metrics().lists.inc();
                    listed = Some(BTreeSet::new());
                }
                Ok(Some(Event::InitApply(found))) => {
                    let name = tenants.put(found).await;
                    listed.get_or_insert_default().insert(name);
                }
                Ok(Some(Event::InitDone)) => tenants.relisted(&listed.take().unwrap_or_default()).await,
                Ok(Some(Event::Apply(found))) => {
                    let name = tenants.put(found).await;
                    tenants.miss_others_than(&name).await;
                }
                Ok(Some(Event::Delete(found))) => tenants.remove(&found).await,
                Ok(None) => return,
                Err(error) => self.complain(TENANTS, &error.to_string()),
            }
        }
    }

    /// How the kind is spelled in paths; waits until it is installed.
    async fn kind(&self, api_version: &str, kind: &str) -> ApiResource {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let wanted = GroupVersionKind::gvk(group, version, kind);
        loop {
            match pinned_kind(&self.client, &wanted).await {
                Ok((resource, _)) => return resource,
                Err(error) => {
                    let missing = matches!(&error, Error::Discovery(_)) || matches!(&error, Error::Api(status) if status.code == 404);
                    let why = if missing {
                        format!(
                            "the kind {api_version} {kind} is not installed: apply its CustomResourceDefinition (`landlord render crds`)"
                        )
                    } else {
                        error.to_string()
                    };
                    self.readiness.wait(TENANTS, why);
                    tokio::time::sleep(KIND_PERIOD).await;
                }
            }
        }
    }
}

/// The tenants' side of the store.
struct Tenants {
    watch: Watch,
    /// When each tenant's last pass began, or is going to begin.
    edited: BTreeMap<String, Instant>,
    /// All tenants that were known, after a list without any.
    missing: Vec<String>,
}

impl Tenants {
    /// Takes a tenant in and plans what it concerns, if it is not the same as before. Returns its name.
    async fn put(&mut self, object: DynamicObject) -> String {
        let (name, changed) = self.store(&object);
        if changed {
            self.replan(&name).await;
        }
        name
    }

    /// The tenant's name, and whether the store knew it otherwise.
    fn store(&self, object: &DynamicObject) -> (String, bool) {
        let value = serde_json::to_value(object).unwrap_or_default();
        let mut shared = self.watch.reconciler.shared();
        let (name, tenant) = match shared.store.settings().tenant(&value) {
            Ok(tenant) => (tenant.name.clone(), Ok(Arc::new(tenant))),
            Err(error) => (error.tenant.clone(), Err(error.source.to_string())),
        };
        let (uid, generation) = (object.metadata.uid.clone(), object.metadata.generation);
        shared.store.identify_tenant(&name, Identity { uid: uid.unwrap_or_default(), generation: generation.unwrap_or_default() });
        // Its status and its labels are no concern of its namespaces.
        if shared.store.knows_tenant(&name, &tenant) {
            return (name, false);
        }
        if let Err(error) = &tenant {
            tracing::warn!(tenant = name, error, "tenant cannot be used");
        }
        shared.store.put_tenant(name.clone(), tenant);
        (name, true)
    }

    async fn replan(&mut self, tenant: &str) {
        if !self.watch.readiness.is_complete() {
            return;
        }
        let now = cluster::clock::now();
        let ready = match self.edited.get(tenant) {
            // A pass is due already, and takes this edit along.
            Some(due) if now < *due => *due,
            Some(last) if now < *last + BATCH => *last + BATCH,
            _ => now,
        };
        self.edited.retain(|_, at| now < *at + BATCH);
        self.edited.insert(tenant.to_owned(), ready);
        let names = self.watch.reconciler.shared().store.concerned(tenant);
        // Not `live`: a new namespace goes before the many that an edit reaches.
        self.watch.reconciler.consider_all(&names, ready).await;
    }

    async fn remove(&mut self, object: &DynamicObject) {
        let value = serde_json::to_value(object).unwrap_or_default();
        let settings = Arc::clone(self.watch.reconciler.shared().store.settings());
        let name = settings.tenant(&value).map_or_else(|error| error.tenant, |tenant| tenant.name);
        self.lose(name, GRACE).await;
    }

    /// A tenant is not there any more: it may have been deleted, or deleted to be created anew.
    async fn lose(&mut self, name: String, grace: Duration) {
        tracing::info!(tenant = name, grace_s = grace.as_secs(), "tenant is gone; its namespaces are released if it does not come back");
        self.watch.reconciler.shared().store.remove_tenant(&name);
        self.replan(&name).await;
        tokio::spawn(self.watch.clone().bury(name, grace));
    }

    /// There is a tenant again after a list without any: so the kind is there, and the others are not. They get longer to come back, as
    /// somebody may be putting many of them back.
    async fn miss_others_than(&mut self, name: &str) {
        for other in std::mem::take(&mut self.missing).into_iter().filter(|other| other != name) {
            self.lose(other, LONGEST).await;
        }
    }

    async fn relisted(&mut self, listed: &BTreeSet<String>) {
        let known = self.watch.reconciler.shared().store.tenant_names();
        let lost: Vec<String> = known.iter().filter(|name| !listed.contains(*name)).cloned().collect();
        self.missing.clear();
        if !lost.is_empty() && lost.len() == known.len() && known.len() > 1 {
            tracing::error!(tenants = known.len(), "a list came back without any tenant; nothing is released");
            self.missing = lost;
        } else {
            for name in lost {
                self.lose(name, GRACE).await;
            }
        }
        self.watch.reach(TENANTS);
    }
}
