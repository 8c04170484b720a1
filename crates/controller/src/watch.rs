//! Watch: follows namespaces and tenants. It updates the store and the queue, and never waits for a write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Client, ResourceExt};

use crate::reconciler::Reconciler;
use cluster::cached_namespace::CachedNamespace;

mod nodes;
mod pods;
mod tenant_deletion;
mod tenants;

/// What has to be known before anything is planned.
#[derive(Debug)]
pub struct Readiness {
    waiting: Mutex<BTreeMap<&'static str, String>>,
}

/// The parts that readiness waits for.
pub const NAMESPACES: &str = "namespaces";
pub const TENANTS: &str = "tenants";
pub const SETTINGS: &str = "settings";

impl Readiness {
    pub fn new() -> Self {
        let waiting = [NAMESPACES, TENANTS, SETTINGS].map(|part| (part, "not read yet".to_owned()));
        Self { waiting: Mutex::new(waiting.into()) }
    }

    /// A part is not there, and why.
    pub fn wait(&self, part: &'static str, why: String) {
        let before = self.parts().insert(part, why.clone());
        if before.as_ref() != Some(&why) {
            tracing::info!(part, why, "waiting");
        }
    }

    pub fn waits_for(&self, part: &str) -> bool {
        self.parts().contains_key(part)
    }

    /// A part is there; whether it was the last one.
    pub fn reach(&self, part: &'static str) -> bool {
        let mut waiting = self.parts();
        waiting.remove(part).is_some() && waiting.is_empty()
    }

    /// What is missing and why, a line each; empty if nothing is.
    pub fn missing(&self) -> Vec<String> {
        self.parts().iter().map(|(part, why)| format!("{part}: {why}")).collect()
    }

    pub fn is_complete(&self) -> bool {
        self.parts().is_empty()
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Namespaces that are planned without a look at whether that still makes sense.
const PART: usize = 256;

/// What both watches share.
#[derive(Clone)]
pub struct Watch {
    pub client: Client,
    pub reconciler: Arc<Reconciler>,
    pub readiness: Arc<Readiness>,
}

impl Watch {
    /// A part is there; once all are, everything is planned. That takes seconds in a large cluster, and is not waited for: whoever calls this reads
    /// a watch, and a new namespace comes that way.
    pub fn reach(&self, part: &'static str) {
        if self.readiness.reach(part) {
            let names = self.reconciler.shared().store.names();
            tracing::info!(namespaces = names.len(), "all is known, planning");
            self.reconciler.outcomes().metrics().ready.set(1);
            tokio::spawn(self.clone().plan(names));
        }
    }

    /// Ends early where something is not known any more, as after a change of the settings; all is planned again then.
    async fn plan(self, names: Vec<String>) {
        let now = cluster::clock::now();
        for part in names.chunks(PART) {
            if !self.readiness.is_complete() {
                return;
            }
            self.reconciler.consider_all(part, now).await;
        }
        self.bury_orphans();
    }

    /// Follows namespaces, of which nothing but the metadata is asked for. Does not return.
    pub async fn namespaces(self) {
        // What an API server sends of a namespace is of kind PartialObjectMetadata here, managedFields included.
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let mut events = watcher(api, Config::default()).default_backoff().boxed();
        let mut listed: Option<BTreeSet<String>> = None;
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => {
                    self.reconciler.outcomes().metrics().lists.inc();
                    listed = Some(BTreeSet::new());
                }
                Ok(Some(Event::InitApply(found))) => {
                    let name = found.name_any();
                    self.put(&found, false);
                    listed.get_or_insert_default().insert(name);
                }
                Ok(Some(Event::InitDone)) => self.forget_all_but(&listed.take().unwrap_or_default()),
                Ok(Some(Event::Apply(found))) => self.put(&found, true),
                Ok(Some(Event::Delete(found))) => self.reconciler.shared().forget(&found.name_any(), found.metadata.uid.as_deref()),
                Ok(None) => return,
                Err(error) => self.complain(NAMESPACES, &error.to_string()),
            }
        }
    }

    fn put(&self, found: &PartialObjectMeta<Namespace>, live: bool) {
        let newer = self.reconciler.shared().store.put_namespace(CachedNamespace::of(&found.metadata));
        if newer && self.readiness.is_complete() {
            self.reconciler.consider(&found.name_any(), live, cluster::clock::now());
        }
    }

    fn forget_all_but(&self, listed: &BTreeSet<String>) {
        self.drop_all_but(listed);
        self.reach(NAMESPACES);
    }

    fn drop_all_but(&self, listed: &BTreeSet<String>) {
        let mut shared = self.reconciler.shared();
        let gone: Vec<String> = shared.store.names().into_iter().filter(|name| !listed.contains(name)).collect();
        gone.iter().for_each(|name| shared.forget(name, None));
    }

    fn complain(&self, part: &'static str, error: &str) {
        tracing::warn!(part, error, "watch broke off, starting again");
        // What was read once stays known: the watch goes on where it was, without a new list.
        if self.readiness.waits_for(part) {
            self.readiness.wait(part, error.to_owned());
        }
    }
}
