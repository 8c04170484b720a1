//! Verdict: what hooks require, judged on the namespace as the plan leaves it.

use std::collections::BTreeSet;

use super::pass::Pass;
use crate::hook::{Failure, Hook, OnFailure, Requirement, View};
use crate::metadata::{Field, Metadata};

impl Pass<'_> {
    /// Every requirement that does not hold, in the order of the hooks. Conditions read the base,
    /// as those of what hooks write do.
    pub(super) fn judge(&self, base: &Metadata, waiting: &BTreeSet<String>) -> Vec<Failure> {
        let before = self.view(base, None);
        let after = View { ledger: Some(&self.next), ..self.view(self.current, Some(&self.plan)) };
        let hooks = self
            .subject
            .tenant
            .hooks
            .iter()
            .filter(|hook| !hook.require.is_empty() && hook.on_failure != OnFailure::Ignore);
        let hooks = hooks.filter(|hook| hook.judges_at(self.subject.stage));
        let asked = hooks.filter(|hook| {
            hook.when.iter().all(|condition| condition.holds(&before) == Some(true))
        });
        let failures = asked.flat_map(|hook| {
            hook.require.iter().flat_map(|one| failed(hook, one, &after, waiting))
        });
        // A requester can belong to several of those that a rule is for.
        let mut told = BTreeSet::new();
        failures.filter(|failure| told.insert(failure.identity())).collect()
    }
}

fn failed(
    hook: &Hook,
    requirement: &Requirement,
    view: &View<'_>,
    waiting: &BTreeSet<String>,
) -> Vec<Failure> {
    let Requirement { given, condition, message } = requirement;
    let given = given.iter().all(|condition| condition.holds(view) == Some(true));
    if !given || awaits(requirement, view, waiting) {
        return Vec::new();
    }
    let failure = |complaint: String| {
        let message = message
            .as_ref()
            .map_or(complaint.clone(), |message| format!("{message} ({complaint})"));
        Failure {
            hook: hook.name.clone(),
            message,
            warning: hook.on_failure == OnFailure::Warn,
            placement: false,
        }
    };
    condition.complaints(view).into_iter().map(failure).collect()
}

/// As long as a namespace has no name, keys that need it are not there yet; the controller judges
/// once they are.
fn awaits(requirement: &Requirement, view: &View<'_>, waiting: &BTreeSet<String>) -> bool {
    let place = &requirement.condition.place;
    let read = |key: &String| {
        key.contains("{{")
            || [Field::Label, Field::Annotation].iter().any(|field| place.may_read(*field, key))
    };
    view.name.is_none() && waiting.iter().any(read)
}
