//! Readiness: what has to be known before anything is planned, and what is missing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The parts that readiness waits for.
pub const NAMESPACES: &str = "namespaces";
pub const TENANTS: &str = "tenants";
pub const SETTINGS: &str = "settings";
/// What nothing waits for, though the replica is not ready without it.
pub const GUARD: &str = "guard";

/// See the module.
#[derive(Debug)]
pub struct Readiness {
    waiting: Mutex<BTreeMap<&'static str, String>>,
    /// Parts that planning does not need.
    failing: Mutex<BTreeMap<&'static str, String>>,
}

impl Default for Readiness {
    fn default() -> Self {
        let waiting = [NAMESPACES, TENANTS, SETTINGS].map(|part| (part, "not read yet".to_owned()));
        Self { waiting: Mutex::new(waiting.into()), failing: Mutex::default() }
    }
}

impl Readiness {
    /// A part is not there, and why.
    pub fn wait(&self, part: &'static str, why: String) {
        let before = self.parts().insert(part, why.clone());
        if before.as_ref() != Some(&why) {
            tracing::info!(part, why, "waiting");
        }
    }

    pub fn waits_for(&self, part: &str) -> bool {
        self.parts().contains_key(part)
    }

    /// A part is there; whether it was the last one.
    pub fn reach(&self, part: &'static str) -> bool {
        let mut waiting = self.parts();
        waiting.remove(part).is_some() && waiting.is_empty()
    }

    /// Something that was asked for is not in force, and why; planning goes on. Whether that is
    /// news.
    pub fn fail(&self, part: &'static str, why: String) -> bool {
        let before = lock(&self.failing).insert(part, why.clone());
        before != Some(why)
    }

    /// It is in force.
    pub fn pass(&self, part: &str) {
        lock(&self.failing).remove(part);
    }

    /// What is missing and why, a line each; empty if nothing is.
    pub fn missing(&self) -> Vec<String> {
        let lines = |parts: &BTreeMap<&'static str, String>| {
            parts.iter().map(|(part, why)| format!("{part}: {why}")).collect::<Vec<_>>()
        };
        [lines(&self.parts()), lines(&lock(&self.failing))].concat()
    }

    /// Whether everything is known that planning needs.
    pub fn is_complete(&self) -> bool {
        self.parts().is_empty()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        lock(&self.waiting)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_planning_does_not_need_is_missing_all_the_same() {
        let readiness = Readiness::default();
        for part in [NAMESPACES, TENANTS, SETTINGS] {
            readiness.reach(part);
        }
        assert!(readiness.fail(GUARD, "no right".to_owned()));
        assert!(!readiness.fail(GUARD, "no right".to_owned()), "it is no news");
        assert!(readiness.is_complete());
        assert_eq!(readiness.missing(), ["guard: no right"]);
        readiness.pass(GUARD);
        assert_eq!(readiness.missing(), [""; 0]);
    }
}
