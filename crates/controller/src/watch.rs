//! Watch: follows namespaces, tenants, nodes and gated Pods. It updates the store and the queue,
//! and never waits for a write.

use std::collections::BTreeSet;

use cluster::audit::pool::Written;
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event};

use crate::context::Context;
use crate::readiness::NAMESPACES;
use crate::supervisor::Pulse;

mod bound_pods;
mod completeness;
mod following;
mod nodes;
mod pods;
mod restore;
mod tenant_deletion;
mod tenants;

pub(crate) use self::following::Following;

impl Context {
    /// Follows namespaces, of which nothing but the metadata is asked for. Does not return.
    pub async fn follow_namespaces(self, pulse: Pulse) {
        // What an API server sends of a namespace is of kind PartialObjectMetadata here,
        // managedFields included.
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let mut events = Following::new(api, Config::default(), NAMESPACES, &self.signals, pulse);
        let mut listed: BTreeSet<String> = BTreeSet::new();
        loop {
            match events.next().await {
                Ok(Event::Init) => {
                    self.reconciler.outcomes().metrics().lists.inc();
                    self.reconciler.shared().store.begin_epoch();
                    listed.clear();
                }
                Ok(Event::InitApply(found)) => {
                    self.note_written(&found);
                    let is_news = self
                        .reconciler
                        .shared()
                        .store
                        .list_namespace(CachedNamespace::from_meta(&found.metadata));
                    listed.insert(found.name_any());
                    self.consider(&found, is_news, false);
                }
                Ok(Event::InitDone) => self.forget_all_but(&std::mem::take(&mut listed)),
                Ok(Event::Apply(found)) => {
                    self.note_written(&found);
                    let is_news = self
                        .reconciler
                        .shared()
                        .store
                        .put_namespace(CachedNamespace::from_meta(&found.metadata));
                    self.consider(&found, is_news, true);
                }
                Ok(Event::Delete(found)) => self.forget(&found),
                Err(error) => self.complain(NAMESPACES, error),
            }
        }
    }

    fn consider(&self, found: &PartialObjectMeta<Namespace>, is_news: bool, live: bool) {
        if is_news && self.readiness.is_complete() {
            self.reconciler.consider(&found.name_any(), live, clock::now());
        }
    }

    /// When its keys were written, which an audit goes by.
    fn note_written(&self, found: &PartialObjectMeta<Namespace>) {
        if let Some(mut audit) = self.reconciler.audit() {
            audit.note_namespace(&found.name_any(), Written::read(&found.metadata));
        }
    }

    fn forget(&self, found: &PartialObjectMeta<Namespace>) {
        let name = found.name_any();
        self.reconciler.shared().forget(&name, found.metadata.uid.as_deref());
        if let Some(mut audit) = self.reconciler.audit() {
            audit.forget_namespace(&name);
        }
    }

    fn forget_all_but(&self, listed: &BTreeSet<String>) {
        self.drop_all_but(listed);
        self.reach(NAMESPACES);
    }

    fn drop_all_but(&self, listed: &BTreeSet<String>) {
        let mut shared = self.reconciler.shared();
        let gone: Vec<String> =
            shared.store.names().into_iter().filter(|name| !listed.contains(name)).collect();
        gone.iter().for_each(|name| shared.forget(name, None));
        drop(shared);
        if let Some(mut audit) = self.reconciler.audit() {
            gone.iter().for_each(|name| audit.forget_namespace(name));
        }
    }

    /// What was read once stays known: the watch goes on where it was, without a new list.
    fn complain(&self, part: &'static str, error: String) {
        if self.readiness.waits_for(part) {
            self.readiness.wait(part, error);
        }
    }
}
