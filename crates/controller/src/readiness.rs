//! Readiness: what has to be known before anything is planned, and what is missing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The parts that readiness waits for.
pub const NAMESPACES: &str = "namespaces";
pub const TENANTS: &str = "tenants";
pub const SETTINGS: &str = "settings";

/// See the module.
#[derive(Debug)]
pub struct Readiness {
    waiting: Mutex<BTreeMap<&'static str, String>>,
}

impl Default for Readiness {
    fn default() -> Self {
        let waiting = [NAMESPACES, TENANTS, SETTINGS].map(|part| (part, "not read yet".to_owned()));
        Self { waiting: Mutex::new(waiting.into()) }
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

    /// What is missing and why, a line each; empty if nothing is.
    pub fn missing(&self) -> Vec<String> {
        self.parts().iter().map(|(part, why)| format!("{part}: {why}")).collect()
    }

    pub fn is_complete(&self) -> bool {
        self.parts().is_empty()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
