//! Changes: what a watch sees of namespaces while the benches run.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event, watcher};
use local_cluster::Cluster;
use tokio::sync::Notify;

use super::PATIENCE;

const LEDGER: &str = "landlord.dev/ledger";
pub(super) const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

/// Contested keys are put right up to half a minute after the last reversal.
const QUIET: Duration = Duration::from_secs(40);

#[derive(Clone, Default)]
pub(super) struct Changes {
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Seen {
    counts: HashMap<String, usize>,
    ledgers: HashSet<String>,
    /// The newest version of a namespace, and its node selector.
    selectors: HashMap<String, (u64, Option<String>)>,
    listed: bool,
}

impl Changes {
    pub(super) async fn watch(cluster: &Cluster) -> Result<Self> {
        let changes = Self::default();
        let (mine, api): (_, Api<PartialObjectMeta<Namespace>>) =
            (changes.clone(), Api::all(cluster.admin()?));
        tokio::spawn(async move {
            let mut events = watcher(api, Config::default()).boxed();
            while let Ok(Some(event)) = events.try_next().await {
                mine.see(&event);
            }
        });
        while !changes.seen().listed {
            changes.changed.notified().await;
        }
        Ok(changes)
    }

    fn see(&self, event: &Event<PartialObjectMeta<Namespace>>) {
        let mut seen = self.seen();
        match event {
            Event::Apply(namespace) => {
                *seen.counts.entry(namespace.name_any()).or_default() += 1;
                let selector = namespace.annotations().get(NODE_SELECTOR).cloned();
                seen.selectors.insert(namespace.name_any(), (version(namespace), selector));
                if namespace.annotations().contains_key(LEDGER) {
                    seen.ledgers.insert(namespace.name_any());
                }
            }
            Event::InitDone => seen.listed = true,
            _ => {}
        }
        drop(seen);
        self.changed.notify_one();
    }

    /// Counts anew.
    pub(super) fn forget(&self) {
        self.seen().counts.clear();
    }

    /// The same of namespaces with this prefix.
    pub(super) fn forget_prefix(&self, prefix: &str) {
        self.seen().counts.retain(|name, _| !name.starts_with(prefix));
    }

    /// How many namespaces with this prefix were created or changed.
    pub(super) fn distinct(&self, prefix: &str) -> usize {
        self.seen().counts.keys().filter(|name| name.starts_with(prefix)).count()
    }

    /// How often namespaces with this prefix were created or changed.
    pub(super) fn count(&self, prefix: &str) -> usize {
        self.seen()
            .counts
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(_, count)| count)
            .sum()
    }

    /// Waits until so many namespaces with this prefix were changed.
    pub(super) async fn reach(&self, prefix: &str, namespaces: usize) -> Result<()> {
        let began = Instant::now();
        while self.distinct(prefix) < namespaces {
            anyhow::ensure!(
                began.elapsed() < PATIENCE,
                "{prefix}…: not all of {namespaces} were changed, {} were",
                self.count(prefix)
            );
            // Counting is costly among thousands; every so often is often enough.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until nothing has changed for a while.
    pub(super) async fn settle(&self) {
        while tokio::time::timeout(QUIET, self.changed.notified()).await.is_ok() {}
    }

    /// Waits until this namespace carries a ledger.
    pub(super) async fn ledger(&self, name: &str) -> Result<()> {
        let wait = async {
            while !self.seen().ledgers.contains(name) {
                self.changed.notified().await;
            }
        };
        Ok(tokio::time::timeout(PATIENCE, wait).await?)
    }

    /// Waits until this namespace has the selector in a state after this one.
    pub(super) async fn repaired(
        &self,
        name: &str,
        drifted: &Namespace,
        selector: &str,
    ) -> Result<()> {
        let drifted = version(drifted);
        let is_repaired = || {
            let seen = self.seen();
            let newest = seen.selectors.get(name);
            newest.is_some_and(|(version, found)| {
                *version > drifted && found.as_deref() == Some(selector)
            })
        };
        let wait = async {
            while !is_repaired() {
                self.changed.notified().await;
            }
        };
        Ok(tokio::time::timeout(PATIENCE, wait).await?)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(object: &impl ResourceExt) -> u64 {
    object.resource_version().and_then(|version| version.parse().ok()).unwrap_or(0)
}
