//! Budget: how many Events are written. They are for people; more than so many in a window nobody
//! reads. Each payer has a share of its own, so that the noise of one takes nobody else's. Who is a
//! payer is not for a user to invent: tenants that exist are, and a few creators of namespaces.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a share has to last.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Events of one payer in a window.
pub(super) const EACH: usize = 20;
/// Events of all payers in a window; beyond it, a payer who has had none yet may have one.
const ALL: usize = 100;
/// Creators who are counted apart in a window; all further ones share what others share.
const MAX_CREATORS: usize = 50;

/// Whose share an Event is taken from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// Landlord itself: settings, the strategy, the guard. Others' noise takes nothing of it.
    Controller,
    /// A tenant that exists.
    Tenant(String),
    /// A user who created a namespace that no tenant has taken in.
    Creator(String),
    /// All others share one: what they claim need not exist.
    Others,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    since: Option<Instant>,
    total: usize,
    creators: usize,
    by_payer: HashMap<Payer, usize>,
}

impl Budget {
    /// Whether this payer may have one more Event, which is then counted. The clock is the
    /// caller's.
    pub(super) fn afford(&self, payer: &Payer, now: Instant) -> bool {
        let mut spent = self.spent(now);
        let payer = spent.payer(payer);
        let is_affordable = spent.allows(payer);
        if is_affordable {
            let own = spent.own(payer);
            spent.total += 1;
            spent.creators += usize::from(own == 0 && matches!(payer, Payer::Creator(_)));
            spent.by_payer.insert(payer.clone(), own + 1);
        }
        is_affordable
    }

    /// The same, and nothing is counted.
    pub(super) fn allows(&self, payer: &Payer, now: Instant) -> bool {
        let spent = self.spent(now);
        spent.allows(spent.payer(payer))
    }

    fn spent(&self, now: Instant) -> MutexGuard<'_, Spent> {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.since.is_none_or(|since| now > since + WINDOW) {
            *spent = Spent { since: Some(now), ..Spent::default() };
        }
        spent
    }
}

impl Spent {
    fn own(&self, payer: &Payer) -> usize {
        self.by_payer.get(payer).copied().unwrap_or(0)
    }

    fn allows(&self, payer: &Payer) -> bool {
        let own = self.own(payer);
        own < EACH && (own == 0 || self.total < ALL || *payer == Payer::Controller)
    }

    fn payer<'a>(&self, payer: &'a Payer) -> &'a Payer {
        let is_one_too_many = matches!(payer, Payer::Creator(_))
            && self.creators >= MAX_CREATORS
            && !self.by_payer.contains_key(payer);
        if is_one_too_many { &Payer::Others } else { payer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Payer {
        Payer::Tenant(name.to_owned())
    }

    fn count(budget: &Budget, payer: &Payer, wanted: usize, now: Instant) -> usize {
        (0..wanted).filter(|_| budget.afford(payer, now)).count()
    }

    #[test]
    fn the_noise_of_one_takes_nobody_elses_events() {
        let (budget, now) = (Budget::default(), Instant::now());
        assert_eq!(count(&budget, &tenant("noisy"), 1000, now), EACH);
        assert_eq!(count(&budget, &tenant("quiet"), 5, now), 5);
        let later = now + WINDOW + Duration::from_millis(1);
        assert_eq!(count(&budget, &tenant("noisy"), 10, later), 10);
    }

    #[test]
    fn many_noisy_payers_leave_one_to_each_other_and_all_to_the_controller() {
        let (budget, now) = (Budget::default(), Instant::now());
        let noise: usize =
            (0..50).map(|payer| count(&budget, &tenant(&format!("noisy-{payer}")), 100, now)).sum();
        assert!((ALL..ALL + 50).contains(&noise), "{noise}");
        assert_eq!(count(&budget, &tenant("quiet"), 5, now), 1);
        assert_eq!(count(&budget, &Payer::Controller, 100, now), EACH);
    }

    /// Who may create namespaces by many accounts has no more than a few shares, and takes none of
    /// the tenants'.
    #[test]
    fn creators_are_bounded() {
        let (budget, now) = (Budget::default(), Instant::now());
        let creator = |number: usize| Payer::Creator(number.to_string());
        let all: usize = (0..100_000).map(|one| count(&budget, &creator(one), 2, now)).sum();
        assert!(all <= ALL + MAX_CREATORS, "{all}");
        assert_eq!(count(&budget, &tenant("quiet"), 5, now), 1);
    }
}
