//! Context: what the controller's tasks share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube::Client;
use tokio::sync::watch;

use crate::losses::Losses;
use crate::readiness::Readiness;
use crate::reconciler::Reconciler;
use crate::supervisor::Spawner;

/// What watches say to each other.
#[derive(Debug, Default)]
pub struct Signals {
    /// Grows when every watch has to begin with a new list.
    pub relist: watch::Sender<u64>,
    /// Grows when a watch was cut off from the API server.
    pub cut_off: watch::Sender<u64>,
    /// The newest version that a watch of any kind has brought since everything was listed.
    newest: AtomicU64,
}

impl Signals {
    /// Lets every watch begin with a new list.
    pub fn list_anew(&self) {
        self.newest.store(0, Ordering::Relaxed);
        self.relist.send_modify(|number| *number += 1);
    }

    /// A watch has brought this version.
    pub fn see_version(&self, version: Option<&str>) {
        if let Some(version) = version.and_then(|version| version.parse().ok()) {
            self.newest.fetch_max(version, Ordering::Relaxed);
        }
    }

    /// The newest version that a watch has brought, of whatever kind; 0 before the first.
    pub fn newest_version(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }
}

/// See the module. Clones share everything.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub reconciler: Arc<Reconciler>,
    pub readiness: Arc<Readiness>,
    pub signals: Arc<Signals>,
    /// Tenants that went, and until when they may come back.
    pub losses: Arc<Losses>,
    /// Starts short tasks whose panics end the program.
    pub spawner: Spawner,
}

impl Context {
    pub fn new(client: Client, reconciler: Arc<Reconciler>, spawner: Spawner) -> Self {
        Self {
            client,
            reconciler,
            readiness: Arc::default(),
            signals: Arc::default(),
            losses: Arc::default(),
            spawner,
        }
    }
}
