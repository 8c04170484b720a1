//! Planned: writes that wait for their turn, each with what it was decided on, so that a decision
//! runs the engine once.

use std::collections::HashMap;

use crate::planner::PlannedWrite;
use crate::store::Store;

/// Writes that are kept; more would cost memory for a backfill that gains nothing by them.
const MAX_KEPT: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Planned(HashMap<String, (PlannedWrite, u64)>);

impl Planned {
    /// Keeps a write that was just decided.
    pub(super) fn keep(&mut self, write: PlannedWrite, store: &Store) {
        if self.0.len() < MAX_KEPT || self.0.contains_key(&write.request.name) {
            self.0.insert(write.request.name.clone(), (write, store.decisive_revision()));
        }
    }

    /// The write, if it would be decided again: the namespace, tenants and settings are the same.
    pub(super) fn take(&mut self, name: &str, store: &Store) -> Option<PlannedWrite> {
        let (write, revision) = self.0.remove(name)?;
        let is_same = store.namespace(name).is_some_and(|known| {
            known.uid == write.request.uid && known.version == write.request.version
        });
        (is_same && revision == store.decisive_revision()).then_some(write)
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }
}
