//! What a Tenant's status says of its held Pods.

use std::collections::HashMap;

use super::Condition;
use crate::holds::State;
use crate::outcome::SELECTOR_CLASH;
use crate::reconciler::Shared;

/// A tenant's held Pods.
#[derive(Debug, Default)]
pub(super) struct Tally {
    waiting: usize,
    clashing: Trouble,
    failing: Trouble,
}

/// How many Pods have it, and the first of them: what it is called and what is the matter.
#[derive(Debug, Default)]
struct Trouble {
    pods: usize,
    first: Option<(String, String)>,
}

impl Trouble {
    fn add(&mut self, pod: String, message: String) {
        self.pods += 1;
        let known = self.first.take();
        self.first = known.into_iter().chain([(pod, message)]).min();
    }
}

/// Held Pods by the tenant of their namespace.
pub(super) fn tallies(shared: &Shared) -> HashMap<String, Tally> {
    let mut tallies: HashMap<String, Tally> = HashMap::new();
    for (key, pod) in shared.holds.pods() {
        let standing = shared.store.namespace(&key.namespace).and_then(|held| held.standing.as_ref());
        let Some(tenant) = standing.and_then(|standing| standing.tenant.clone()) else { continue };
        let tally = tallies.entry(tenant).or_default();
        match &pod.state {
            State::Waiting => tally.waiting += 1,
            State::Clashing(clash) => tally.clashing.add(key.to_string(), clash.to_string()),
            State::Failing(message) => tally.failing.add(key.to_string(), message.clone()),
        }
    }
    tallies
}

/// Whether no Pod is held; what needs somebody comes before what only needs time. Nothing is said where Pods are not watched.
pub(super) fn released(shared: &Shared, tally: Option<&Tally>) -> Option<Condition> {
    let nothing = Tally::default();
    let Tally { waiting, clashing, failing } = tally.unwrap_or(&nothing);
    let held = waiting + clashing.pods + failing.pods;
    let (reason, message) = match (&clashing.first, &failing.first) {
        (Some((pod, message)), _) => (SELECTOR_CLASH, format!("{} of {held} held Pods clash: {pod}: {message}", clashing.pods)),
        (None, Some((pod, message))) => {
            ("ReleaseFailed", format!("{} of {held} held Pods could not be released: {pod}: {message}", failing.pods))
        }
        (None, None) if held > 0 => ("Held", format!("{held} Pods wait until their namespace is as it should be")),
        (None, None) => ("NoneHeld", "no Pod is held".to_owned()),
    };
    shared.holds.is_known().then_some(Condition { kind: "PodsReleased", holds: Some(held == 0), reason, message })
}
