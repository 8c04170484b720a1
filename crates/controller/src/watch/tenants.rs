//! Tenants: their watch, and what an edit, a loss or a return means for their namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::clock;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::discovery::pinned_kind;
use kube::runtime::watcher::{Config, Event};

use super::following::{Following, is_missing_kind};
use crate::context::Context;
use crate::readiness::TENANTS;
use crate::store::Identity;
use crate::supervisor::Pulse;

/// Edits of one tenant within this time are one pass over its namespaces; the first runs at once.
const BATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How often a kind that is not installed is asked for.
const KIND_INTERVAL: Duration = Duration::from_secs(5);

impl Context {
    /// Follows the tenants of the source in force. Does not return; the caller ends it when the
    /// source changes.
    pub async fn follow_tenants(self, pulse: Pulse) {
        let settings = Arc::clone(self.reconciler.shared().store.settings());
        let Some((api_version, kind)) = settings.source.kind() else {
            self.reach(TENANTS);
            return pulse.beat_while(std::future::pending()).await;
        };
        let resource = self.kind(api_version, kind, &pulse).await;
        let mut tenants = Tenants { context: self.clone(), edited: BTreeMap::new() };
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let mut events = Following::new(api, Config::default(), TENANTS, &self.signals, pulse);
        let mut listed: BTreeSet<String> = BTreeSet::new();
        loop {
            match events.next().await {
                Ok(Event::Init) => {
                    self.reconciler.outcomes().metrics().lists.inc();
                    listed.clear();
                }
                Ok(Event::InitApply(found)) => {
                    let name = tenants.put(found).await;
                    listed.insert(name);
                }
                Ok(Event::InitDone) => tenants.relisted(&std::mem::take(&mut listed)).await,
                Ok(Event::Apply(found)) => {
                    tenants.put(found).await;
                }
                Ok(Event::Delete(found)) => tenants.remove(&found).await,
                Err(error) => {
                    if events.is_not_served() {
                        self.losses.lose_kind();
                    }
                    self.complain(TENANTS, error);
                }
            }
        }
    }

    /// How the kind is spelled in paths; waits until it is installed.
    async fn kind(&self, api_version: &str, kind: &str, pulse: &Pulse) -> ApiResource {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let wanted = GroupVersionKind::gvk(group, version, kind);
        loop {
            match clock::within(clock::ANSWER_TIMEOUT, pinned_kind(&self.client, &wanted)).await {
                Ok((resource, _)) => return resource,
                Err(error) if is_missing_kind(&error) => {
                    self.losses.lose_kind();
                    let why = format!(
                        "the kind {api_version} {kind} is not installed: apply its CustomResourceDefinition (`landlord render crds`)"
                    );
                    self.readiness.wait(TENANTS, why);
                }
                Err(error) => self.readiness.wait(TENANTS, error.to_string()),
            }
            pulse.beat_while(tokio::time::sleep(KIND_INTERVAL)).await;
        }
    }
}

/// The tenants' side of the store.
struct Tenants {
    context: Context,
    /// When each tenant's last pass began, or is going to begin.
    edited: BTreeMap<String, Instant>,
}

impl Tenants {
    /// Takes a tenant in and plans what it concerns, if it is not the same as before. Returns its
    /// name.
    async fn put(&mut self, object: DynamicObject) -> String {
        let (name, changed) = self.store(&object);
        if changed {
            self.replan(&name).await;
        }
        // Before that, its status would speak of a spec that its namespaces were not judged by.
        let (uid, generation) = (object.metadata.uid, object.metadata.generation);
        self.context.reconciler.shared().store.identify_tenant(
            &name,
            Identity { uid: uid.unwrap_or_default(), generation: generation.unwrap_or_default() },
        );
        name
    }

    /// The tenant's name, and whether the store knew it otherwise.
    fn store(&self, object: &DynamicObject) -> (String, bool) {
        let value = serde_json::to_value(object).unwrap_or_default();
        let mut shared = self.context.reconciler.shared();
        let (name, tenant) = match shared.store.settings().tenant(&value) {
            Ok(tenant) => (tenant.name.clone(), Ok(Arc::new(tenant))),
            Err(error) => (error.tenant.clone(), Err(error.source.to_string())),
        };
        self.context.losses.is_back(&name, clock::now());
        // Its status and its labels are no concern of its namespaces.
        if shared.store.knows_tenant(&name, &tenant) {
            return (name, false);
        }
        if let Err(error) = &tenant {
            tracing::warn!(tenant = name, error, "tenant cannot be used");
        }
        shared.store.begin_to_judge(&name);
        shared.store.put_tenant(name.clone(), tenant);
        (name, true)
    }

    async fn replan(&mut self, tenant: &str) {
        if !self.context.readiness.is_complete() {
            return;
        }
        let now = clock::now();
        let ready = match self.edited.get(tenant) {
            // A pass is due already, and takes this edit along.
            Some(due) if now < *due => *due,
            Some(last) if now < *last + BATCH_INTERVAL => *last + BATCH_INTERVAL,
            _ => now,
        };
        self.edited.retain(|_, at| now < *at + BATCH_INTERVAL);
        self.edited.insert(tenant.to_owned(), ready);
        let names = self.context.reconciler.shared().store.concerned(tenant);
        // Not `live`: a new namespace goes before the many that an edit reaches.
        self.context.reconciler.consider_all(&names, ready).await;
    }

    async fn remove(&mut self, object: &DynamicObject) {
        let value = serde_json::to_value(object).unwrap_or_default();
        let settings = Arc::clone(self.context.reconciler.shared().store.settings());
        let name = settings.tenant(&value).map_or_else(|error| error.tenant, |tenant| tenant.name);
        self.lose(name, true).await;
    }

    /// A tenant is not there any more: it may have been deleted, or deleted to be created anew.
    async fn lose(&mut self, name: String, was_seen: bool) {
        tracing::info!(
            tenant = name,
            "tenant is gone; its namespaces are released if it does not come back"
        );
        self.context.reconciler.shared().store.remove_tenant(&name);
        self.replan(&name).await;
        self.context.confirm_deletion(name, was_seen);
    }

    async fn relisted(&mut self, listed: &BTreeSet<String>) {
        let known = self.context.reconciler.shared().store.tenant_names();
        for name in known.into_iter().filter(|name| !listed.contains(name)) {
            self.lose(name, false).await;
        }
        self.context.reach(TENANTS);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use cluster::cached_namespace::CachedNamespace;
    use cluster::writer::{ApplyMode, Writer};
    use fake_apiserver::InMemory;
    use serde_json::{Value, json};
    use tenancy::settings::Settings;

    use super::*;
    use crate::outcome::Outcomes;
    use crate::pace::Pace;
    use crate::readiness::{NAMESPACES, SETTINGS};
    use crate::reconciler::Reconciler;
    use crate::store::Store;
    use crate::supervisor::Supervisor;

    const MANY: usize = 500;

    /// A controller that knows all, with so many namespaces of solar.
    fn context(supervisor: &Supervisor) -> Context {
        let settings = Settings::from_value(&Value::Null).expect("settings");
        let mut store = Store::new(Arc::new(settings));
        for number in 0..MANY {
            let meta = json!({"name": format!("web-{number}"), "uid": "u", "resourceVersion": "1",
                              "labels": {"landlord.dev/tenant": "solar"}});
            let meta = serde_json::from_value(meta).expect("metadata");
            store.put_namespace(CachedNamespace::from_meta(&meta));
        }
        let client = InMemory::default().client();
        let writer = Writer::new(client.clone(), ApplyMode::PlanOnly);
        let outcomes = Outcomes::new(Arc::default(), None);
        let reconciler = Reconciler::new(store, Pace::default(), writer, outcomes);
        let context = Context::new(client, Arc::new(reconciler), supervisor.spawner());
        for part in [TENANTS, NAMESPACES, SETTINGS] {
            context.readiness.reach(part);
        }
        context
    }

    fn solar(generation: i64, pool: &str) -> DynamicObject {
        let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant",
                            "metadata": {"name": "solar", "uid": "u", "generation": generation},
                            "spec": {"nodeSelector": {"pool": pool}}});
        serde_json::from_value(tenant).expect("a tenant")
    }

    /// Until the last of its namespaces is judged by an edit, the generation is the one before.
    #[tokio::test]
    async fn a_tenant_is_another_one_once_its_namespaces_are_judged() {
        let supervisor = Supervisor::default();
        let context = context(&supervisor);
        let names = context.reconciler.shared().store.names();
        context.reconciler.consider_all(&names, clock::now()).await;
        let mut tenants = Tenants { context: context.clone(), edited: BTreeMap::new() };
        let standing = || {
            let shared = context.reconciler.shared();
            (shared.store.identity("solar").generation, shared.store.is_judged("solar"))
        };
        tenants.put(solar(1, "a")).await;
        assert_eq!(standing(), (1, true));
        {
            let mut edit = pin!(tenants.put(solar(2, "b")));
            assert!(futures::poll!(&mut edit).is_pending(), "it is done part by part");
            assert_eq!(standing(), (1, false));
            edit.await;
        }
        assert_eq!(standing(), (2, true));
        assert_eq!(context.reconciler.shared().store.totals_of("solar").pending, MANY);
        tenants.put(solar(3, "b")).await;
        assert_eq!(standing(), (3, true), "the same spec needs no judgement");
    }
}
