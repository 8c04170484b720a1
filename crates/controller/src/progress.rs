//! Progress: what is known of the work on one namespace, beside what the store knows of the
//! namespace itself.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::attempts::Attempts;
use crate::changes::Changes;
use crate::contention::Contention;
use assessment::Fault;

/// See the module.
#[derive(Debug, Default)]
pub struct Progress {
    /// Writes in a row that did not succeed.
    pub attempts: Attempts,
    /// Since when it differs from what its tenant wants.
    pub since: Option<Instant>,
    /// Why it is not compliant.
    pub trouble: Option<Fault>,
    /// Whether a one-shot run gave it up after failed writes.
    pub is_given_up: bool,
    /// Keys that another writer sets back.
    pub contention: Contention,
}

impl Progress {
    /// What it adds to the totals.
    fn share(&self) -> Share {
        let is_tried_for_the_first_time = self.attempts.failures() == 0 && !self.is_given_up;
        Share {
            waiting: self.since.filter(|_| is_tried_for_the_first_time),
            retry: self.attempts.retry_at(),
            is_failing: self.attempts.are_reported() || self.is_given_up,
        }
    }

    /// Whether nothing is worth remembering.
    fn is_over(&self, now: Instant) -> bool {
        self.since.is_none()
            && self.trouble.is_none()
            && !self.is_given_up
            && self.attempts == Attempts::default()
            && self.contention.is_over(now)
    }
}

/// What one namespace adds to the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    /// Since when it waits. One whose write fails waits for its own cause to go.
    waiting: Option<Instant>,
    /// When it is tried again.
    retry: Option<Instant>,
    is_failing: bool,
}

/// The progress of every namespace that has any, and totals that are kept as it changes, so that
/// readers need not look at each.
#[derive(Debug, Default)]
pub struct Progresses {
    by_name: HashMap<String, Progress>,
    waiting: Times,
    retries: Times,
    failing: usize,
    /// Namespaces whose trouble became another, for those who read namespaces.
    pub changed: Changes,
    /// The same for those who read tenants: a row of theirs has the trouble of a namespace.
    pub changed_for_tenants: Changes,
}

/// Points in time, each as often as it was added.
#[derive(Debug, Default)]
struct Times {
    counts: BTreeMap<Instant, usize>,
    total: usize,
}

impl Times {
    fn replace(&mut self, before: Option<Instant>, after: Option<Instant>) {
        if before == after {
            return;
        }
        if let Some(at) = before
            && let Some(count) = self.counts.get_mut(&at)
        {
            self.total -= 1;
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&at);
            }
        }
        if let Some(at) = after {
            self.total += 1;
            *self.counts.entry(at).or_default() += 1;
        }
    }

    /// How many are still to come. Those that are over are forgotten, each once.
    fn after(&mut self, now: Instant) -> usize {
        while let Some(first) = self.counts.first_entry().filter(|first| *first.key() <= now) {
            self.total -= first.remove();
        }
        self.total
    }

    fn first(&self) -> Option<Instant> {
        self.counts.first_key_value().map(|(at, _)| *at)
    }
}

impl Progresses {
    pub fn get(&self, name: &str) -> Option<&Progress> {
        self.by_name.get(name)
    }

    /// Changes that of a namespace, from its beginning where there is none.
    pub fn update<R>(&mut self, name: &str, change: impl FnOnce(&mut Progress) -> R) -> R {
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.to_owned(), Progress::default());
        }
        let progress = self.by_name.entry(name.to_owned()).or_default();
        let before = progress.share();
        let answer = change(progress);
        let after = progress.share();
        self.count(before, after);
        answer
    }

    fn count(&mut self, before: Share, after: Share) {
        self.waiting.replace(before.waiting, after.waiting);
        self.retries.replace(before.retry, after.retry);
        self.failing =
            self.failing + usize::from(after.is_failing) - usize::from(before.is_failing);
    }

    /// The namespace is compliant, or nothing can be written: what was tried is over.
    pub fn settle(&mut self, name: &str, now: Instant) {
        if !self.by_name.contains_key(name) {
            return;
        }
        let is_over = self.update(name, |progress| {
            progress.attempts = Attempts::default();
            progress.since = None;
            progress.is_given_up = false;
            progress.is_over(now)
        });
        if is_over {
            self.by_name.remove(name);
        }
    }

    pub fn forget(&mut self, name: &str) {
        if let Some(progress) = self.by_name.remove(name) {
            self.count(progress.share(), Share::default());
            self.note_change(name);
        }
    }

    fn note_change(&mut self, name: &str) {
        self.changed.note(name);
        self.changed_for_tenants.note(name);
    }

    /// Remembers the trouble; returned if it is another than before.
    pub fn note(&mut self, name: &str, trouble: Option<Fault>) -> Option<Fault> {
        if trouble.as_ref() == self.trouble(name) {
            return None;
        }
        self.note_change(name);
        self.update(name, |progress| progress.trouble.clone_from(&trouble));
        trouble
    }

    /// Namespaces that are not compliant, and why.
    pub fn troubles(&self) -> impl Iterator<Item = (&String, &Fault)> {
        self.by_name.iter().filter_map(|(name, progress)| Some((name, progress.trouble.as_ref()?)))
    }

    /// Why this one is not compliant.
    pub fn trouble(&self, name: &str) -> Option<&Fault> {
        self.by_name.get(name)?.trouble.as_ref()
    }

    /// Namespaces whose writes failed so often that it was reported.
    pub fn failing(&self) -> usize {
        self.failing
    }

    /// Namespaces that wait for the time of their next attempt.
    pub fn backing_off(&mut self, now: Instant) -> usize {
        self.retries.after(now)
    }

    /// Since when the namespace that waits longest has been different.
    pub fn oldest(&self) -> Option<Instant> {
        self.waiting.first()
    }

    /// Forgets what is over; contention is, some time after the last reversal.
    pub fn prune(&mut self, now: Instant) {
        self.by_name.retain(|_, progress| !progress.is_over(now));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// What is done with a namespace, by its number.
    #[derive(Clone, Debug)]
    enum Step {
        Differ(usize),
        Fail(usize),
        Conflict(usize),
        GiveUp(usize),
        Trouble(usize, bool),
        Settle(usize),
        Forget(usize),
        Prune,
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let one = 0..4usize;
        prop_oneof![
            one.clone().prop_map(Step::Differ),
            one.clone().prop_map(Step::Fail),
            one.clone().prop_map(Step::Conflict),
            one.clone().prop_map(Step::GiveUp),
            (one.clone(), any::<bool>()).prop_map(|(one, is_there)| Step::Trouble(one, is_there)),
            one.clone().prop_map(Step::Settle),
            one.prop_map(Step::Forget),
            Just(Step::Prune),
            (0..20u64).prop_map(Step::Wait),
        ]
    }

    fn take(all: &mut Progresses, now: Instant, step: &Step) {
        let name = |number: &usize| format!("n-{number}");
        match step {
            Step::Differ(one) => {
                all.update(&name(one), |it| *it.since.get_or_insert(now));
            }
            Step::Fail(one) => {
                all.update(&name(one), |it| it.attempts.fail(now, None));
            }
            Step::Conflict(one) => {
                all.update(&name(one), |it| it.attempts.conflict(now));
            }
            Step::GiveUp(one) => all.update(&name(one), |it| it.is_given_up = true),
            Step::Trouble(one, is_there) => {
                let trouble = Fault { reason: assessment::Reason::Refused, message: String::new() };
                all.note(&name(one), is_there.then_some(trouble));
            }
            Step::Settle(one) => all.settle(&name(one), now),
            Step::Forget(one) => all.forget(&name(one)),
            Step::Prune => all.prune(now),
            Step::Wait(_) => {}
        }
    }

    proptest! {
        /// The totals are what a look at each namespace finds.
        #[test]
        fn totals_are_those_of_a_look_at_each(steps in prop::collection::vec(step(), 0..60)) {
            let mut all = Progresses::default();
            let mut now = Instant::now();
            for step in steps {
                if let Step::Wait(seconds) = step {
                    now += Duration::from_secs(seconds);
                }
                take(&mut all, now, &step);
                let shares: Vec<Share> = all.by_name.values().map(Progress::share).collect();
                let failing = shares.iter().filter(|one| one.is_failing).count();
                let retries = shares.iter().filter(|one| one.retry.is_some_and(|at| at > now)).count();
                prop_assert_eq!(all.oldest(), shares.iter().filter_map(|one| one.waiting).min());
                prop_assert_eq!((all.failing(), all.backing_off(now)), (failing, retries));
            }
        }
    }
}
