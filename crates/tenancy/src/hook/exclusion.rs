//! Exclusion: conditions that cannot hold together, as far as that can be told from how they are
//! written.

use super::condition::{Condition, Test};

/// Whether no namespace fulfils all of these. Only places that hold one value at most are compared.
pub(super) fn contradict<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> bool {
    let conditions: Vec<&Condition> =
        conditions.into_iter().filter(|condition| condition.place.is_single()).collect();
    conditions.iter().any(|first| {
        let same: Vec<&Condition> =
            conditions.iter().filter(|other| other.place == first.place).copied().collect();
        no_value_fits(&same)
    })
}

/// Whether neither absence nor any value of one place fulfils all of these.
fn no_value_fits(conditions: &[&Condition]) -> bool {
    !conditions.iter().all(|condition| condition.negated) && no_present_value_fits(conditions)
}

fn no_present_value_fits(conditions: &[&Condition]) -> bool {
    if conditions.iter().any(|condition| condition.negated && condition.test == Test::Exists) {
        return true;
    }
    // What one of them lists is all that can fit.
    let candidates =
        conditions.iter().filter(|condition| !condition.negated).find_map(|condition| {
            match &condition.test {
                Test::In(values) => Some(values),
                _ => None,
            }
        });
    candidates.is_some_and(|candidates| {
        !candidates.iter().any(|value| conditions.iter().all(|condition| condition.accepts(value)))
    })
}
