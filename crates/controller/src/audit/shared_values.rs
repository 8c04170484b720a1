//! Shared values: names and selectors that many Pods have, each kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use tenancy::metadata::Map;

/// What nobody has any more is dropped once there are so many more than at the last look.
const PRUNE_STEP: usize = 1024;

/// What many Pods have in common, and is asked for only where one is outside.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Traits {
    pub(super) selector: Map,
    pub(super) daemon_set: Option<Box<str>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SharedValues {
    texts: HashSet<Arc<str>>,
    traits: HashSet<Arc<Traits>>,
    /// How many were left by the last look.
    left: usize,
}

impl SharedValues {
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        match self.texts.get(text) {
            Some(known) => Arc::clone(known),
            None => keep(&mut self.texts, text.into()),
        }
    }

    pub(super) fn traits(&mut self, traits: Traits) -> Arc<Traits> {
        match self.traits.get(&traits) {
            Some(known) => Arc::clone(known),
            None => keep(&mut self.traits, Arc::new(traits)),
        }
    }

    /// Drops what nobody has any more, now and then.
    pub(super) fn prune(&mut self) {
        if self.len() < self.left + PRUNE_STEP {
            return;
        }
        self.texts.retain(|value| Arc::strong_count(value) > 1);
        self.traits.retain(|value| Arc::strong_count(value) > 1);
        self.left = self.len();
    }

    fn len(&self) -> usize {
        self.texts.len() + self.traits.len()
    }
}

fn keep<T: ?Sized + Eq + Hash>(values: &mut HashSet<Arc<T>>, value: Arc<T>) -> Arc<T> {
    values.insert(Arc::clone(&value));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_dropped() {
        let mut values = SharedValues::default();
        let kept = values.text("kept");
        for number in 0..10 * PRUNE_STEP {
            values.text(&format!("node-{number}"));
            values.prune();
        }
        assert!(values.len() <= PRUNE_STEP + 1, "{}", values.len());
        assert!(Arc::ptr_eq(&kept, &values.text("kept")));
    }
}
