//! Progress: what is known of the work on one namespace, beside what the store knows of the
//! namespace itself.

use std::collections::HashMap;
use std::time::Instant;

use crate::attempts::Attempts;
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
    /// Whether nothing is worth remembering.
    fn is_over(&self, now: Instant) -> bool {
        self.since.is_none()
            && self.trouble.is_none()
            && !self.is_given_up
            && self.attempts == Attempts::default()
            && self.contention.is_over(now)
    }
}

/// The progress of every namespace that has any.
#[derive(Debug, Default)]
pub struct Progresses(HashMap<String, Progress>);

impl Progresses {
    pub fn get(&self, name: &str) -> Option<&Progress> {
        self.0.get(name)
    }

    /// That of a namespace, from its beginning where there is none.
    pub fn of(&mut self, name: &str) -> &mut Progress {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Progress::default());
        }
        self.0.entry(name.to_owned()).or_default()
    }

    /// The namespace is compliant, or nothing can be written: what was tried is over.
    pub fn settle(&mut self, name: &str, now: Instant) {
        let Some(progress) = self.0.get_mut(name) else { return };
        progress.attempts = Attempts::default();
        progress.since = None;
        progress.is_given_up = false;
        if progress.is_over(now) {
            self.0.remove(name);
        }
    }

    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Remembers the trouble; returned if it is another than before.
    pub fn note(&mut self, name: &str, trouble: Option<Fault>) -> Option<Fault> {
        let Some(trouble) = trouble else {
            if let Some(progress) = self.0.get_mut(name) {
                progress.trouble = None;
            }
            return None;
        };
        let before = self.of(name).trouble.replace(trouble.clone());
        (before.as_ref() != Some(&trouble)).then_some(trouble)
    }

    /// Namespaces that are not compliant, and why.
    pub fn troubles(&self) -> impl Iterator<Item = (&String, &Fault)> {
        self.0.iter().filter_map(|(name, progress)| Some((name, progress.trouble.as_ref()?)))
    }

    /// Why this one is not compliant.
    pub fn trouble(&self, name: &str) -> Option<&Fault> {
        self.0.get(name)?.trouble.as_ref()
    }

    /// Namespaces whose writes failed so often that it was reported.
    pub fn failing(&self) -> usize {
        self.0
            .values()
            .filter(|progress| progress.attempts.are_reported() || progress.is_given_up)
            .count()
    }

    /// Namespaces that wait for the time of their next attempt.
    pub fn backing_off(&self, now: Instant) -> usize {
        self.0.values().filter(|progress| progress.attempts.not_before(now).is_some()).count()
    }

    /// Since when the namespace that waits longest has been different. One whose write fails waits
    /// for its own cause to go.
    pub fn oldest(&self) -> Option<Instant> {
        self.0
            .values()
            .filter(|progress| progress.attempts.failures() == 0 && !progress.is_given_up)
            .filter_map(|progress| progress.since)
            .min()
    }

    /// Forgets what is over; contention is, some time after the last reversal.
    pub fn prune(&mut self, now: Instant) {
        self.0.retain(|_, progress| !progress.is_over(now));
    }
}
