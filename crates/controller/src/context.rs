//! Context: what the controller's tasks share.

use std::sync::Arc;

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
