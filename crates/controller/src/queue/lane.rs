//! A lane: keys of one urgency that are ready. Groups take turns; within a group the order is the
//! keys' own.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// What orders the keys of a group: rank, arrival, the key.
pub(super) type Ordered<K> = (u64, u64, K);

/// See the module.
#[derive(Debug)]
pub(super) struct Lane<K> {
    groups: HashMap<Arc<str>, BTreeSet<Ordered<K>>>,
    /// Groups with keys; the first is next.
    turns: VecDeque<Arc<str>>,
}

impl<K> Default for Lane<K> {
    fn default() -> Self {
        Self { groups: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Ord> Lane<K> {
    pub(super) fn push(&mut self, group: &Arc<str>, key: Ordered<K>) {
        let keys = self.groups.entry(Arc::clone(group)).or_default();
        if keys.is_empty() {
            self.turns.push_back(Arc::clone(group));
        }
        keys.insert(key);
    }

    /// The first key of the next group that may have one more; its next turn comes after all
    /// others'.
    pub(super) fn pop(&mut self, may_take: impl Fn(&str) -> bool) -> Option<K> {
        let position = self.turns.iter().position(|group| may_take(group))?;
        let group = self.turns.remove(position)?;
        let keys = self.groups.get_mut(&group)?;
        let (.., key) = keys.pop_first()?;
        if keys.is_empty() {
            self.groups.remove(&group);
        } else {
            self.turns.push_back(group);
        }
        Some(key)
    }

    pub(super) fn remove(&mut self, group: &Arc<str>, key: &Ordered<K>) {
        let Some(keys) = self.groups.get_mut(group) else { return };
        keys.remove(key);
        if keys.is_empty() {
            self.groups.remove(group);
            self.turns.retain(|turn| turn != group);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Groups with keys.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.turns.iter()
    }
}
