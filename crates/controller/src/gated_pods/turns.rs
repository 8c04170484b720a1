//! Turns: which held Pod is next. The oldest of those that are due; one that failed comes again later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::PodKey;

/// See the module. A Pod that was taken is handed out again only after it is done.
#[derive(Debug, Default)]
pub(super) struct Turns {
    due: BTreeSet<PodKey>,
    later: BTreeSet<(Instant, PodKey)>,
    /// Whether each was added again since it was taken.
    taken: BTreeMap<PodKey, bool>,
}

impl Turns {
    /// A Pod is due.
    pub(super) fn add(&mut self, key: &PodKey) {
        match self.taken.get_mut(key) {
            Some(again) => *again = true,
            None => drop(self.due.insert(key.clone())),
        }
    }

    /// A Pod is due from then on. If it is due before for another reason, it comes once more.
    pub(super) fn add_later(&mut self, key: &PodKey, at: Instant) {
        self.later.insert((at, key.clone()));
    }

    /// Hands out the oldest Pod that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<PodKey> {
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            let (_, key) = self.later.pop_first()?;
            self.add(&key);
        }
        let key = self.due.pop_first()?;
        self.taken.insert(key.clone(), false);
        Some(key)
    }

    /// Gives a taken Pod back.
    pub(super) fn done(&mut self, key: &PodKey) {
        if self.taken.remove(key) == Some(true) {
            self.due.insert(key.clone());
        }
    }

    /// A Pod is gone.
    pub(super) fn forget(&mut self, key: &PodKey) {
        self.due.remove(key);
        if let Some(again) = self.taken.get_mut(key) {
            *again = false;
        }
    }

    /// When the next Pod is due; the past if one is already, `None` if there is none.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        if self.due.is_empty() { self.later.first().map(|(at, _)| *at) } else { Some(now) }
    }
}
