//! Faults: what goes wrong on request, and what was asked for so far.

use std::collections::BTreeMap;
use std::time::Duration;

use super::InMemory;
use super::admission::{Admission, Admissions};
use super::answer::Refusal;
use super::target::{Target, Verb};

/// What somebody else does at the worst moment: between the arrival of a patch and its being
/// carried out. Called once, with the name of the object that is patched.
type Meddling = Box<dyn FnOnce(&InMemory, &str) + Send>;

/// Faults to come, and a count of requests.
#[derive(Default)]
pub struct Faults {
    /// Time that each answer takes.
    pub latency: Duration,
    /// So many of the next patches are answered 429 …
    pub push_backs: usize,
    /// … with this Retry-After, in seconds.
    pub retry_after: u64,
    /// So many of the next patches are answered 500.
    pub failures: usize,
    /// So many of the next patches are answered 409, as by somebody's webhook: no version has
    /// changed.
    pub conflicts: usize,
    /// So many of the next patches are carried out, and nobody is ever told.
    pub lost_answers: usize,
    /// So many of the next watches are answered 500.
    pub refused_watches: usize,
    /// So many of the next pages of half-read lists are answered 410.
    pub expired_pages: usize,
    /// Watches of this plural stay open and tell nothing.
    pub deaf: Option<String>,
    admissions: Admissions,
    meddling: Vec<Meddling>,
    meddling_after: Vec<Meddling>,
    requests: BTreeMap<(&'static str, String), usize>,
    patches: Vec<String>,
}

impl Faults {
    /// Lets admission treat patches of objects whose names begin so.
    pub fn admit(&mut self, prefix: &str, admission: Admission) {
        self.admissions.add(prefix, admission);
    }

    /// Takes all of that away again.
    pub fn clear_admission(&mut self) {
        self.admissions.clear();
    }

    /// Whether admission sets back what a patch of this object changes.
    pub(super) fn reverts(&self, target: &Target) -> bool {
        matches!(self.admissions.of(&target.name), Some(Admission::Revert))
    }

    /// Lets somebody interfere with one of the next patches; several wait for their turn.
    pub fn interfere(&mut self, meddling: impl FnOnce(&InMemory, &str) + Send + 'static) {
        self.meddling.push(Box::new(meddling));
    }

    /// The same between the carrying out of a patch and its answer, which then comes late: watches
    /// are told first.
    pub fn interfere_after(&mut self, meddling: impl FnOnce(&InMemory, &str) + Send + 'static) {
        self.meddling_after.push(Box::new(meddling));
    }

    /// How many requests of this verb there were for this plural, as `("patch", "namespaces")`.
    pub fn requests(&self, verb: &'static str, plural: &str) -> usize {
        self.requests.get(&(verb, plural.to_owned())).copied().unwrap_or(0)
    }

    /// All of them.
    pub fn all_requests(&self) -> &BTreeMap<(&'static str, String), usize> {
        &self.requests
    }

    /// Names of the objects that were to be patched, in the order of the requests.
    pub fn patches(&self) -> &[String] {
        &self.patches
    }

    /// Counts anew.
    pub fn forget_requests(&mut self) {
        self.requests.clear();
        self.patches.clear();
    }

    pub(super) fn meddle(&mut self) -> Option<Meddling> {
        (!self.meddling.is_empty()).then(|| self.meddling.remove(0))
    }

    pub(super) fn meddle_after(&mut self) -> Option<Meddling> {
        (!self.meddling_after.is_empty()).then(|| self.meddling_after.remove(0))
    }

    pub(super) fn lose_answer(&mut self) -> bool {
        take(&mut self.lost_answers)
    }

    /// Counts a request, and says how long it takes and whether it fails.
    pub(super) fn meet(&mut self, target: &Target) -> (Duration, Option<Refusal>) {
        *self.requests.entry((target.verb.word(), target.plural.clone())).or_default() += 1;
        let delay = match self.admissions.of(&target.name) {
            Some(Admission::Delay(delay)) if target.verb == Verb::Patch => *delay,
            _ => Duration::ZERO,
        };
        (self.latency + delay, self.refusal(target))
    }

    fn refusal(&mut self, target: &Target) -> Option<Refusal> {
        match target.verb {
            Verb::List
                if target.query.contains_key("continue") && take(&mut self.expired_pages) =>
            {
                Some(Refusal::expired("The provided continue parameter is too old"))
            }
            Verb::Watch if take(&mut self.refused_watches) => Some(Refusal::internal()),
            Verb::Patch => {
                self.patches.push(target.name.clone());
                if take(&mut self.conflicts) {
                    return Some(Refusal::conflict(&target.plural, &target.name));
                }
                if let Some(refusal) = self.admissions.of(&target.name).and_then(Admission::refusal)
                {
                    return Some(refusal);
                }
                let busy = take(&mut self.push_backs).then(|| Refusal::too_many(self.retry_after));
                busy.or_else(|| take(&mut self.failures).then(Refusal::internal))
            }
            _ => None,
        }
    }
}

fn take(count: &mut usize) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}
