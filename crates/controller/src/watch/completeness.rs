//! Completeness: all is planned once everything that is watched has been listed, and nothing is
//! written while a part of it is not known.

use cluster::clock;

use crate::context::Context;
use crate::work::OnDrop;

/// Namespaces that are planned without a look at whether that still makes sense.
const PART: usize = 256;

impl Context {
    /// A part is there; once all are, everything is planned. That takes seconds in a large cluster,
    /// and is not waited for: anyone who calls this reads a watch, and a new namespace comes that
    /// way.
    pub fn reach(&self, part: &'static str) {
        // Anyone who finds that all is known finds that all is being planned, too.
        let mut shared = self.reconciler.shared();
        if self.readiness.reach(part) {
            shared.work.is_stopped = false;
            // What decides where Pods run goes first, wherever in the cluster it is found.
            shared.work.queue.hold_bulk();
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
        let _bulk = OnDrop(|| self.reconciler.release_bulk());
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
