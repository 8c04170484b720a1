//! Nodes by their labels.

use std::collections::{BTreeMap, HashMap};

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
}

impl Nodes {
    /// A list begins. Until it is complete, what was known counts no more.
    pub fn clear(&mut self) {
        *self = Self { revision: self.revision + 1, ..Self::default() };
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
            self.labels.insert(name, labels);
            self.answers.clear();
            self.revision += 1;
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.labels.remove(name);
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
