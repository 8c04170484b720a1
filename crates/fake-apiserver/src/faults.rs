//! Faults: what goes wrong on request, and what was asked for so far.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::InMemory;
use super::admission::{Admission, AdmissionRule, Admissions};
use super::answer::Refusal;
use super::target::{Target, Verb};

/// What another client does at the worst moment: between the arrival of a patch and its being
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
    /// So many of the next patches are answered 409, as by another client's webhook: no version has
    /// changed.
    pub conflicts: usize,
    /// So many of the next patches are carried out, and nobody is ever told.
    pub lost_answers: usize,
    /// So many of the next watches are answered 500.
    pub refused_watches: usize,
    /// So many of the next pages of half-read lists are answered 410.
    pub expired_pages: usize,
    /// So many of the next answers to a GET of a namespace come after what watches say next of it.
    pub late_reads: usize,
    /// Watches of this plural stay open and tell nothing.
    pub deaf: Option<String>,
    /// Until then nobody is answered.
    outage: Option<Instant>,
    admissions: Admissions,
    refused_lists: Vec<RefusedLists>,
    meddling: Vec<Meddling>,
    meddling_after: Vec<Meddling>,
    meddling_after_reads: Vec<Meddling>,
    requests: BTreeMap<(&'static str, String), usize>,
    patches: Vec<String>,
    tries: Vec<Try>,
}

/// A patch that was asked for, whatever became of it.
#[derive(Clone, Debug)]
pub struct Try {
    pub plural: String,
    /// Empty for objects without one.
    pub namespace: String,
    pub name: String,
    pub at: Instant,
}

/// Lists that are not answered.
#[derive(Debug)]
struct RefusedLists {
    plural: String,
    code: u16,
    /// How many more.
    left: usize,
}

impl Faults {
    /// Lets admission treat patches of objects whose names begin so.
    pub fn admit(&mut self, prefix: &str, admission: Admission) {
        self.admit_by(AdmissionRule::new(admission).named(prefix));
    }

    /// The same by a rule. The first one that is about a request counts.
    pub fn admit_by(&mut self, rule: AdmissionRule) {
        self.admissions.add(rule);
    }

    /// Takes all of that away again.
    pub fn clear_admission(&mut self) {
        self.admissions.clear();
    }

    /// So many of the next lists of this plural are answered 404 or 403.
    pub fn refuse_lists(&mut self, plural: &str, code: u16, count: usize) {
        self.refused_lists.push(RefusedLists { plural: plural.to_owned(), code, left: count });
    }

    /// Nobody is answered for so long, as while the API server is restarted.
    pub fn go_down(&mut self, time: Duration) {
        self.outage = Some(Instant::now() + time);
    }

    pub(super) fn is_down(&self) -> bool {
        self.outage.is_some_and(|until| Instant::now() < until)
    }

    /// No list is refused any more.
    pub fn clear_refused_lists(&mut self) {
        self.refused_lists.clear();
    }

    /// What admission does to this request.
    pub(super) fn admission(&self, target: &Target) -> Option<Admission> {
        self.admissions.find(target).cloned()
    }

    /// Lets a user interfere with one of the next patches; several wait for their turn.
    pub fn interfere(&mut self, meddling: impl FnOnce(&InMemory, &str) + Send + 'static) {
        self.meddling.push(Box::new(meddling));
    }

    /// The same between the carrying out of a patch and its answer, which then comes late: watches
    /// report it first.
    pub fn interfere_after(&mut self, meddling: impl FnOnce(&InMemory, &str) + Send + 'static) {
        self.meddling_after.push(Box::new(meddling));
    }

    /// The same between the reading of an object and its answer, which then comes late.
    pub fn interfere_after_read(
        &mut self,
        meddling: impl FnOnce(&InMemory, &str) + Send + 'static,
    ) {
        self.meddling_after_reads.push(Box::new(meddling));
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

    /// The patches that were asked for since this was asked last.
    pub fn take_tries(&mut self) -> Vec<Try> {
        std::mem::take(&mut self.tries)
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

    pub(super) fn meddle_after_read(&mut self) -> Option<Meddling> {
        (!self.meddling_after_reads.is_empty()).then(|| self.meddling_after_reads.remove(0))
    }

    pub(super) fn read_late(&mut self) -> bool {
        take(&mut self.late_reads)
    }

    pub(super) fn lose_answer(&mut self) -> bool {
        take(&mut self.lost_answers)
    }

    /// Counts a request, and says how long it takes and whether it fails.
    pub(super) fn meet(&mut self, target: &Target) -> (Duration, Option<Refusal>) {
        *self.requests.entry((target.verb.word(), target.plural.clone())).or_default() += 1;
        let delay = match self.admissions.find(target) {
            Some(Admission::Delay(delay)) => *delay,
            _ => Duration::ZERO,
        };
        (self.latency + delay, self.refusal(target))
    }

    fn refusal(&mut self, target: &Target) -> Option<Refusal> {
        match target.verb {
            Verb::List if let Some(code) = self.refused_list(&target.plural) => Some(match code {
                403 => Refusal::forbidden(&target.plural),
                _ => Refusal::no_resource(),
            }),
            Verb::List
                if target.query.contains_key("continue") && take(&mut self.expired_pages) =>
            {
                Some(Refusal::expired("The provided continue parameter is too old"))
            }
            Verb::Watch if take(&mut self.refused_watches) => Some(Refusal::internal()),
            Verb::Patch => {
                self.patches.push(target.name.clone());
                self.tries.push(Try {
                    plural: target.plural.clone(),
                    namespace: target.namespace.clone(),
                    name: target.name.clone(),
                    at: Instant::now(),
                });
                if take(&mut self.conflicts) {
                    return Some(Refusal::conflict(&target.plural, &target.name));
                }
                if let Some(refusal) = self.admissions.find(target).and_then(Admission::refusal) {
                    return Some(refusal);
                }
                let busy = take(&mut self.push_backs).then(|| Refusal::too_many(self.retry_after));
                busy.or_else(|| take(&mut self.failures).then(Refusal::internal))
            }
            _ => None,
        }
    }
}

impl Faults {
    fn refused_list(&mut self, plural: &str) -> Option<u16> {
        let refused =
            self.refused_lists.iter_mut().find(|one| one.plural == plural && one.left > 0)?;
        refused.left -= 1;
        Some(refused.code)
    }
}

fn take(count: &mut usize) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}
