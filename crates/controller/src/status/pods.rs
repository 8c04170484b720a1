//! What a Tenant's status says of its held Pods.

use std::collections::HashMap;

use cluster::gated_pod::PodKey;

use super::Condition;
use crate::gated_pods::{GatedPods, State};
use crate::reconciler::Shared;
use assessment::Reason;

/// A tenant's held Pods.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    waiting: usize,
    clashing: Trouble<'a>,
    failing: Trouble<'a>,
}

/// How many Pods have it, and the oldest of them.
#[derive(Debug, Default)]
struct Trouble<'a> {
    pods: usize,
    oldest: Option<(&'a PodKey, &'a State)>,
}

impl<'a> Trouble<'a> {
    fn add(&mut self, key: &'a PodKey, state: &'a State) {
        self.pods += 1;
        if self.oldest.is_none_or(|(oldest, _)| key < oldest) {
            self.oldest = Some((key, state));
        }
    }
}

/// What each of these tenants has to say.
pub(super) fn conditions(
    shared: &Shared,
    gated: &GatedPods,
    tenants: &[String],
) -> HashMap<String, Condition> {
    let tallies = tallies(shared, gated);
    let condition =
        |name: &String| Some((name.clone(), released(gated, tallies.get(name.as_str()))?));
    tenants.iter().filter_map(condition).collect()
}

/// Held Pods by the tenant of their namespace.
fn tallies<'a>(shared: &'a Shared, gated: &'a GatedPods) -> HashMap<&'a str, Tally<'a>> {
    let mut tallies: HashMap<&str, Tally<'a>> = HashMap::new();
    for (key, pod) in gated.pods() {
        let standing = shared.store.standing(&key.namespace);
        let Some(tenant) = standing.and_then(|standing| standing.tenant.as_deref()) else {
            continue;
        };
        let tally = tallies.entry(tenant).or_default();
        match &pod.state {
            State::Waiting => tally.waiting += 1,
            State::Clashing(_) => tally.clashing.add(key, &pod.state),
            State::Failing(_) => tally.failing.add(key, &pod.state),
        }
    }
    tallies
}

/// Whether no Pod is held; what needs somebody comes before what only needs time. Nothing is said
/// where Pods are not watched.
fn released(gated: &GatedPods, tally: Option<&Tally<'_>>) -> Option<Condition> {
    let nothing = Tally::default();
    let Tally { waiting, clashing, failing } = tally.unwrap_or(&nothing);
    let held = waiting + clashing.pods + failing.pods;
    let (reason, message) = match (clashing.oldest, failing.oldest) {
        (Some((pod, state)), _) => (
            Reason::SelectorClash.word(),
            format!("{} of {held} held Pods clash: {pod}: {state}", clashing.pods),
        ),
        (None, Some((pod, state))) => (
            "ReleaseFailed",
            format!("{} of {held} held Pods could not be released: {pod}: {state}", failing.pods),
        ),
        (None, None) if held > 0 => {
            ("Held", format!("{held} Pods wait until their namespace is ready"))
        }
        (None, None) => ("NoneHeld", "no Pod is held".to_owned()),
    };
    gated.is_known().then_some(Condition {
        kind: "PodsReleased",
        holds: Some(held == 0),
        reason,
        message,
    })
}
