//! Losses: tenants that went, and until when they may come back.
//!
//! A tenant that is deleted alone has a minute to come back. Where all tenants go, or half of them
//! and at least two within a minute, or where their kind is not served, that is an accident rather
//! than a wish: each of them has ten minutes from the moment that the first one is back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a tenant that was deleted alone may come back before its namespaces are released.
/// Losses within this time count together.
const GRACE: Duration = Duration::from_secs(60);
/// How long each of many has, from the moment that the first is back.
const LONG_GRACE: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug, Default)]
pub struct Losses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    lost: HashMap<String, Instant>,
    /// Tenants of a loss of many, or whose kind was not served.
    many: HashMap<String, Instant>,
    /// When the first one was back after a loss of many.
    first_back: Option<Instant>,
}

impl Losses {
    /// A tenant went; `present` are left. False where that is known already.
    pub(crate) fn add(&self, tenant: &str, present: usize, now: Instant) -> bool {
        let mut state = self.state();
        if state.lost.contains_key(tenant) {
            return false;
        }
        state.lost.insert(tenant.to_owned(), now);
        let together: Vec<String> = state
            .lost
            .iter()
            .filter(|(_, at)| now < **at + GRACE)
            .map(|(name, _)| name.clone())
            .collect();
        let is_many = present == 0 || (together.len() >= 2 && together.len() >= present);
        if is_many {
            state.mark(together, now, present > 0);
        }
        true
    }

    /// The kind is not served: all that are lost may come back with it.
    pub(crate) fn add_kind(&self, present: usize, now: Instant) {
        let mut state = self.state();
        let all: Vec<String> = state.lost.keys().cloned().collect();
        state.first_back = None;
        state.mark(all, now, present > 0);
    }

    /// A tenant is there.
    pub(crate) fn is_back(&self, tenant: &str, now: Instant) {
        let mut state = self.state();
        state.lost.remove(tenant);
        state.many.remove(tenant);
        if !state.many.is_empty() {
            state.first_back.get_or_insert(now);
        }
    }

    /// Other tenants count from now on, as after a change of their source.
    pub(crate) fn clear(&self) {
        *self.state() = State::default();
    }

    /// Nothing more is waited for.
    pub(crate) fn forget(&self, tenant: &str) {
        let mut state = self.state();
        state.lost.remove(tenant);
        state.many.remove(tenant);
        if state.many.is_empty() {
            state.first_back = None;
        }
    }

    /// When it may be found out whether the tenant is gone for good; `None` as long as that is
    /// open.
    pub(crate) fn due(&self, tenant: &str) -> Option<Instant> {
        let state = self.state();
        if state.many.contains_key(tenant) {
            return state.first_back.map(|back| back + LONG_GRACE);
        }
        state.lost.get(tenant).map(|lost| *lost + GRACE)
    }

    pub(crate) fn is_lost(&self, tenant: &str) -> bool {
        self.state().lost.contains_key(tenant)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Others that are there count as the first that is back.
    fn mark(&mut self, tenants: Vec<String>, now: Instant, others_are_there: bool) {
        let is_new = tenants.iter().any(|tenant| !self.many.contains_key(tenant));
        self.many.extend(tenants.into_iter().map(|tenant| (tenant, now)));
        if others_are_there {
            self.first_back.get_or_insert(now);
        } else if is_new {
            self.first_back = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_has_a_minute() {
        let losses = Losses::default();
        let now = Instant::now();
        assert!(losses.add("a", 4, now) && !losses.add("a", 4, now));
        assert_eq!(losses.due("a"), Some(now + GRACE));
        losses.is_back("a", now);
        assert!(!losses.is_lost("a") && losses.due("a").is_none());
    }

    #[test]
    fn all_have_ten_minutes_from_the_first_that_is_back() {
        let losses = Losses::default();
        let now = Instant::now();
        for (present, tenant) in ["a", "b", "c"].into_iter().rev().enumerate().rev() {
            losses.add(tenant, present, now);
        }
        assert_eq!(["a", "b", "c"].map(|tenant| losses.due(tenant)), [None; 3]);
        let back = now + Duration::from_secs(3600);
        losses.is_back("b", back);
        losses.is_back("a", back + Duration::from_secs(100));
        assert_eq!(losses.due("c"), Some(back + LONG_GRACE));
    }

    #[test]
    fn the_only_tenant_is_all_of_them() {
        let losses = Losses::default();
        losses.add("only", 0, Instant::now());
        assert_eq!(losses.due("only"), None);
    }

    #[test]
    fn half_of_them_within_a_minute_are_many() {
        let losses = Losses::default();
        let now = Instant::now();
        losses.add("a", 3, now);
        losses.add("b", 2, now + GRACE / 2);
        assert_eq!(losses.due("a"), Some(now + GRACE / 2 + LONG_GRACE), "others are there");
        let apart = Losses::default();
        apart.add("a", 3, now);
        apart.add("b", 2, now + GRACE);
        assert_eq!(apart.due("a"), Some(now + GRACE), "one after the other they are not");
    }

    #[test]
    fn while_the_kind_is_not_served_nobody_is_gone() {
        let losses = Losses::default();
        let now = Instant::now();
        losses.add("a", 5, now);
        losses.add_kind(0, now + GRACE);
        assert_eq!(losses.due("a"), None);
        losses.is_back("b", now + 2 * GRACE);
        assert_eq!(losses.due("a"), Some(now + 2 * GRACE + LONG_GRACE));
    }
}
