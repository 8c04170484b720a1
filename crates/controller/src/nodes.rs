//! Nodes by their labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cluster::audit::requests::Capacity;

/// Answers that are kept. Tenants ask for as many selectors as they have; what edits have left
/// behind is forgotten with all the others.
const MAX_ANSWERS: usize = 10_000;

/// What is known of the nodes; nothing until they have been listed once.
#[derive(Debug, Default)]
pub struct Nodes {
    labels: HashMap<String, BTreeMap<String, String>>,
    known: bool,
    /// Answers so far; forgotten when a node's labels change. Every tenant asks every few seconds.
    answers: HashMap<BTreeMap<String, String>, bool>,
    /// Counts what changed.
    revision: u64,
    /// What each has for Pods, where that is followed.
    capacities: HashMap<String, Capacity>,
    /// What changed of their labels since an audit asked last; nothing is kept where none does.
    changes: Option<Changes>,
}

/// Nodes whose labels changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Changes {
    All,
    These(BTreeSet<String>),
}

impl Changes {
    pub fn are_none(&self) -> bool {
        matches!(self, Self::These(names) if names.is_empty())
    }

    pub fn have(&self, node: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(node),
        }
    }
}

impl Nodes {
    /// A list begins. Until it is complete, what was known counts no more.
    pub fn clear(&mut self) {
        let changes = self.changes.as_ref().map(|_| Changes::All);
        *self = Self { revision: self.revision + 1, changes, ..Self::default() };
    }

    pub fn complete(&mut self) {
        self.known = true;
        self.revision += 1;
    }

    pub fn are_known(&self) -> bool {
        self.known
    }

    pub fn put(&mut self, name: String, labels: BTreeMap<String, String>) {
        if self.labels.get(&name) != Some(&labels) {
            self.note_change(&name);
            self.labels.insert(name, labels);
            self.answers.clear();
            self.revision += 1;
        }
    }

    /// Takes in what a node has for Pods.
    pub fn set_capacity(&mut self, name: String, capacity: Capacity) {
        self.capacities.insert(name, capacity);
    }

    /// What a node has for Pods; nothing where that is not known.
    pub fn capacity_of(&self, name: &str) -> Capacity {
        self.capacities.get(name).copied().unwrap_or_default()
    }

    pub fn labels_of(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.labels.get(name)
    }

    /// What changed since this was asked last; the first time, all.
    pub fn take_changes(&mut self) -> Changes {
        self.changes.replace(Changes::These(BTreeSet::new())).unwrap_or(Changes::All)
    }

    fn note_change(&mut self, name: &str) {
        if let Some(Changes::These(names)) = &mut self.changes {
            names.insert(name.to_owned());
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.note_change(name);
        self.labels.remove(name);
        self.capacities.remove(name);
        self.answers.clear();
        self.revision += 1;
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The names of nodes that carry all of these labels, in order.
    pub fn matching(&self, selector: &BTreeMap<String, String>) -> Vec<&str> {
        let matches = |labels: &BTreeMap<String, String>| {
            selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let mut names: Vec<&str> = self
            .labels
            .iter()
            .filter(|(_, labels)| matches(labels))
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// Labels of every node.
    pub fn labels(&self) -> impl Iterator<Item = (&String, &BTreeMap<String, String>)> {
        self.labels.iter()
    }

    /// Whether a node carries all of these labels.
    pub fn match_any(&mut self, selector: &BTreeMap<String, String>) -> bool {
        if let Some(answer) = self.answers.get(selector) {
            return *answer;
        }
        let matches = |labels: &BTreeMap<String, String>| {
            selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let answer = self.labels.values().any(matches);
        if self.answers.len() >= MAX_ANSWERS {
            self.answers.clear();
        }
        self.answers.insert(selector.clone(), answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn only_a_node_with_every_label_matches() {
        let mut nodes = Nodes::default();
        assert!(!nodes.are_known(), "not listed yet");
        for (name, pool) in [("a", "solar"), ("b", "solar"), ("c", "lunar")] {
            nodes.put(name.to_owned(), map([("pool", pool), ("disk", name)]));
        }
        nodes.complete();
        let wanted = map([("pool", "solar"), ("disk", "b")]);
        assert!(
            nodes.are_known()
                && nodes.match_any(&map([("pool", "solar")]))
                && nodes.match_any(&wanted)
        );
        assert_eq!(nodes.matching(&map([("pool", "solar")])), ["a", "b"]);
        nodes.remove("b");
        assert!(!nodes.match_any(&wanted));
        nodes.put("a".to_owned(), wanted.clone());
        assert!(nodes.match_any(&wanted), "an answer is forgotten when labels change");
    }

    #[test]
    fn selectors_that_were_edited_away_are_not_kept_for_ever() {
        let mut nodes = Nodes::default();
        nodes.put("a".to_owned(), map([("pool", "7")]));
        for number in 0..3 * MAX_ANSWERS {
            let pool = number.to_string();
            assert_eq!(nodes.match_any(&map([("pool", &pool)])), number == 7);
        }
        assert!(nodes.answers.len() <= MAX_ANSWERS, "{}", nodes.answers.len());
    }
}
