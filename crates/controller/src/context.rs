//! Context: what the controller's tasks share.

use std::sync::Arc;

use cluster::clock;
use kube::Client;
use tokio::sync::watch;

use crate::readiness::Readiness;
use crate::reconciler::Reconciler;
use crate::supervisor::Spawner;
use crate::watch::tenant_deletion::Losses;

/// Namespaces that are planned without a look at whether that still makes sense.
const PART: usize = 256;

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

    /// A part is there; once all are, everything is planned. That takes seconds in a large cluster,
    /// and is not waited for: whoever calls this reads a watch, and a new namespace comes that way.
    pub fn reach(&self, part: &'static str) {
        if self.readiness.reach(part) {
            let mut shared = self.reconciler.shared();
            shared.work.is_stopped = false;
            let names = shared.store.names();
            drop(shared);
            tracing::info!(namespaces = names.len(), "all is known, planning");
            self.reconciler.outcomes().metrics().ready.set(1);
            self.spawner.spawn(self.clone().plan(names));
        }
    }

    /// A part is not known any more: nothing is written until it is.
    pub fn lose(&self, part: &'static str, why: &str) {
        self.reconciler.shared().work.is_stopped = true;
        self.reconciler.outcomes().metrics().ready.set(0);
        self.readiness.wait(part, why.to_owned());
    }

    /// Ends early where something is not known any more, as after a change of the settings; all is
    /// planned again then.
    async fn plan(self, names: Vec<String>) {
        let now = clock::now();
        for part in names.chunks(PART) {
            if !self.readiness.is_complete() {
                return;
            }
            self.reconciler.consider_all(part, now).await;
        }
        self.confirm_orphans();
    }
}
