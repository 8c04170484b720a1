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

#[derive(Clone, Default)]
pub(super) struct Changes {
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Seen {
    counts: HashMap<String, usize>,
    ledgers: HashSet<String>,
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
        let reached = || {
            self.seen().counts.keys().filter(|name| name.starts_with(prefix)).count() >= namespaces
        };
        let began = Instant::now();
        while !reached() {
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

    /// Waits until this namespace carries a ledger.
    pub(super) async fn ledger(&self, name: &str) -> Result<()> {
        let wait = async {
            while !self.seen().ledgers.contains(name) {
                self.changed.notified().await;
            }
        };
        Ok(tokio::time::timeout(PATIENCE, wait).await?)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
