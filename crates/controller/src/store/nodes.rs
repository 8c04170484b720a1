//! Nodes by their labels.

use std::collections::{BTreeMap, HashMap};

/// What is known of the nodes; nothing until they have been listed once.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    labels: HashMap<String, BTreeMap<String, String>>,
    known: bool,
}

impl Nodes {
    /// A list begins. Until it is complete, what was known counts no more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn complete(&mut self) {
        self.known = true;
    }

    pub(crate) fn put(&mut self, name: String, labels: BTreeMap<String, String>) {
        self.labels.insert(name, labels);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.labels.remove(name);
    }

    /// How many nodes carry all of these labels; `None` where nodes are not known.
    pub(crate) fn matching(&self, selector: &BTreeMap<String, String>) -> Option<usize> {
        let matches = |labels: &BTreeMap<String, String>| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        self.known.then(|| self.labels.values().filter(|labels| matches(labels)).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn only_nodes_with_every_label_match() {
        let mut nodes = Nodes::default();
        assert_eq!(nodes.matching(&map([])), None, "not listed yet");
        for (name, pool) in [("a", "solar"), ("b", "solar"), ("c", "lunar")] {
            nodes.put(name.to_owned(), map([("pool", pool), ("disk", name)]));
        }
        nodes.complete();
        assert_eq!(nodes.matching(&map([("pool", "solar")])), Some(2));
        assert_eq!(nodes.matching(&map([("pool", "solar"), ("disk", "b")])), Some(1));
        nodes.remove("b");
        assert_eq!(nodes.matching(&map([("pool", "solar"), ("disk", "b")])), Some(0));
        assert_eq!(nodes.matching(&map([])), Some(2));
    }
}
