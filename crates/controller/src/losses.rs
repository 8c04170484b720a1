//! Losses: tenants that went, and until when they may come back.
//!
//! A tenant that is deleted alone has a minute to come back. Where all tenants go, or half of them
//! and at least two within a minute, or where their kind is not served, that is an accident rather
//! than a wish: each of them has ten minutes from the moment that the first one is back. One whose
//! deletion no watch has shown has ten minutes as well: it may be the rest of such an accident,
//! seen by a controller that was started in the middle of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a tenant that was deleted alone may come back before its namespaces are released.
/// Losses within this time count together.
pub(crate) const GRACE: Duration = Duration::from_secs(60);
/// How long each of many has, from the moment that the first is back.
pub(crate) const LONG_GRACE: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug, Default)]
pub struct Losses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    lost: HashMap<String, Instant>,
    /// Tenants of a loss of many, or whose kind was not served; each with the moment since when
    /// one of those is back, if one is.
    many: HashMap<String, Option<Instant>>,
    kind: Service,
}

/// Whether the tenants' kind is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Service {
    #[default]
    Usual,
    Missing,
    /// The first tenant was seen again at this time.
    Back(Instant),
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
        match state.kind {
            _ if present == 0 => state.mark_all(None),
            Service::Missing => state.mark_all(None),
            Service::Back(since) if now < since + LONG_GRACE => {
                state.mark(vec![tenant.to_owned()], since);
            }
            // Others that are there count as the first that is back.
            _ if together.len() >= 2 && together.len() >= present => state.mark(together, now),
            _ => {}
        }
        true
    }

    /// A tenant is not there, and no watch has shown that it was deleted; `present` are left. False
    /// where that is known already.
    pub(crate) fn add_unseen(&self, tenant: &str, present: usize, now: Instant) -> bool {
        let is_new = self.add(tenant, present, now);
        if is_new {
            // One of a loss of many keeps the time of these.
            self.state().mark(vec![tenant.to_owned()], now);
        }
        is_new
    }

    /// The kind is not served: all that are lost, or will be when it is back, may come back with
    /// it.
    pub(crate) fn lose_kind(&self) {
        let mut state = self.state();
        state.kind = Service::Missing;
        state.mark_all(None);
    }

    /// A tenant is there.
    pub(crate) fn is_back(&self, tenant: &str, now: Instant) {
        let mut state = self.state();
        state.lost.remove(tenant);
        state.many.remove(tenant);
        if state.kind == Service::Missing {
            state.kind = Service::Back(now);
        }
        for since in state.many.values_mut() {
            since.get_or_insert(now);
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
    }

    /// When it may be found out whether the tenant is gone for good; `None` as long as that is
    /// open.
    pub(crate) fn due(&self, tenant: &str) -> Option<Instant> {
        let state = self.state();
        match state.many.get(tenant) {
            Some(since) => since.map(|since| since + LONG_GRACE),
            None => state.lost.get(tenant).map(|lost| *lost + GRACE),
        }
    }

    pub(crate) fn is_lost(&self, tenant: &str) -> bool {
        self.state().lost.contains_key(tenant)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts these as lost together. One that is counted so already keeps its time.
    fn mark(&mut self, tenants: Vec<String>, since: Instant) {
        for tenant in tenants {
            self.many.entry(tenant).or_insert(Some(since));
        }
    }

    fn mark_all(&mut self, since: Option<Instant>) {
        self.many = self.lost.keys().map(|tenant| (tenant.clone(), since)).collect();
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
    fn one_that_went_unseen_has_ten_minutes() {
        let losses = Losses::default();
        let now = Instant::now();
        assert!(losses.add_unseen("a", 6, now) && !losses.add_unseen("a", 6, now));
        assert_eq!(losses.due("a"), Some(now + LONG_GRACE));
        losses.add_unseen("b", 0, now);
        assert_eq!(losses.due("b"), None, "no tenant is left");
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
        losses.lose_kind();
        losses.add("c", 4, now + GRACE);
        assert_eq!(["a", "c"].map(|tenant| losses.due(tenant)), [None; 2]);
        let back = now + 2 * GRACE;
        losses.is_back("b", back);
        assert_eq!(losses.due("a"), Some(back + LONG_GRACE));
        losses.add("d", 3, back + 3 * GRACE);
        assert_eq!(losses.due("d"), Some(back + LONG_GRACE), "it may have gone with the kind");
        let later = back + LONG_GRACE;
        losses.add("e", 3, later);
        assert_eq!(losses.due("e"), Some(later + GRACE));
    }

    #[test]
    fn a_second_loss_has_a_time_of_its_own() {
        let losses = Losses::default();
        let now = Instant::now();
        for (present, tenant) in ["a", "b", "c"].into_iter().rev().enumerate().rev() {
            losses.add(tenant, present, now);
        }
        ["b", "c"].iter().for_each(|tenant| losses.is_back(tenant, now));
        let again = now + LONG_GRACE / 2;
        losses.add("b", 1, again);
        assert_eq!(losses.due("b"), Some(again + GRACE));
        losses.add("c", 0, again);
        assert_eq!(["a", "b", "c"].map(|tenant| losses.due(tenant)), [None; 3], "all are lost");
    }
}
