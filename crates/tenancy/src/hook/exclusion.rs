//! Exclusion: conditions that cannot hold together, as far as that can be told from how they are written.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{Condition, Test};

/// Whether no namespace fulfils all of these. Only places that hold one value at most are compared.
pub(super) fn contradict<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> bool {
    let mut places: BTreeMap<&str, Vec<&Condition>> = BTreeMap::new();
    for condition in conditions.into_iter().filter(|condition| condition.place.is_single()) {
        places.entry(condition.place.as_str()).or_default().push(condition);
    }
    places.values().any(|conditions| no_value_fits(conditions))
}

/// Whether neither absence nor any value of one place fulfils all of these.
fn no_value_fits(conditions: &[&Condition]) -> bool {
    !conditions.iter().all(|condition| condition.negated) && no_present_value_fits(conditions)
}

fn no_present_value_fits(conditions: &[&Condition]) -> bool {
    if conditions.iter().any(|condition| condition.negated && condition.test == Test::Exists) {
        return true;
    }
    let listed = conditions.iter().filter(|condition| !condition.negated).filter_map(|condition| match &condition.test {
        Test::In(values) => Some(values),
        _ => None,
    });
    let candidates = listed.cloned().reduce(|a: BTreeSet<String>, b| &a & &b);
    candidates.is_some_and(|candidates| !candidates.iter().any(|value| conditions.iter().all(|condition| condition.accepts(value))))
}
