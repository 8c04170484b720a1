//! Evidence: whether a failure is about all. Several keys of several tenants have to show the same
//! one within a few seconds; what one tenant's objects show may be that tenant's own doing. Objects
//! of no tenant show nothing: any client may have made them.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use assessment::Reason;

/// Within this time the same failure has to show …
const WINDOW: Duration = Duration::from_secs(5);
/// … on so many keys …
const KEYS: usize = 3;
/// … of so many tenants.
const TENANTS: usize = 2;
/// Failures that are remembered; more than any pace lets be under way.
const REMEMBERED: usize = 256;

/// Which object a write was about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub key: &'a str,
    /// Its tenant; empty where it has none.
    pub tenant: &'a str,
}

/// What a write showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symptom {
    Failed(Reason),
    /// It was answered late.
    Slow,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Evidence(VecDeque<Sign>);

#[derive(Debug)]
struct Sign {
    at: Instant,
    symptom: Symptom,
    key: String,
    tenant: String,
}

impl Evidence {
    /// Takes a failure in; true where it is about all now. Then it takes as many again.
    pub(super) fn add(
        &mut self,
        now: Instant,
        symptom: Symptom,
        Subject { key, tenant }: Subject<'_>,
    ) -> bool {
        if tenant.is_empty() {
            return false;
        }
        self.0.retain(|sign| now < sign.at + WINDOW);
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Sign { at: now, symptom, key: key.to_owned(), tenant: tenant.to_owned() });
        let same = || self.0.iter().filter(|sign| sign.symptom == symptom);
        let keys: BTreeSet<&str> = same().map(|sign| sign.key.as_str()).collect();
        let tenants: BTreeSet<&str> = same().map(|sign| sign.tenant.as_str()).collect();
        let is_general = keys.len() >= KEYS && tenants.len() >= TENANTS;
        if is_general {
            self.0.retain(|sign| sign.symptom != symptom);
        }
        is_general
    }
}
