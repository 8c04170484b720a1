//! Budget: how many Events are written. They are for people; more than so many in a window nobody
//! reads. Each payer has a share of its own, so that the noise of one takes nobody else's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a share has to last.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Events of one payer in a window.
const EACH: usize = 20;
/// Events of all payers in a window; beyond it, a payer who has had none yet may have one.
const ALL: usize = 100;
/// Payers who are told apart in a window. What they may cost is bounded by it.
const MAX_PAYERS: usize = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    since: Option<Instant>,
    total: usize,
    by_payer: HashMap<String, usize>,
}

impl Budget {
    /// Whether this payer may have one more Event, which is then counted. The clock is the
    /// caller's.
    pub(super) fn afford(&self, payer: &str, now: Instant) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.since.is_none_or(|since| now > since + WINDOW) {
            *spent = Spent { since: Some(now), ..Spent::default() };
        }
        let own = spent.by_payer.get(payer).copied().unwrap_or(0);
        let is_affordable = match own {
            0 => spent.by_payer.len() < MAX_PAYERS,
            _ => own < EACH && spent.total < ALL,
        };
        if is_affordable {
            spent.total += 1;
            spent.by_payer.insert(payer.to_owned(), own + 1);
        }
        is_affordable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(budget: &Budget, payer: &str, wanted: usize, now: Instant) -> usize {
        (0..wanted).filter(|_| budget.afford(payer, now)).count()
    }

    #[test]
    fn the_noise_of_one_takes_nobody_elses_events() {
        let (budget, now) = (Budget::default(), Instant::now());
        assert_eq!(count(&budget, "noisy", 1000, now), EACH);
        assert_eq!(count(&budget, "quiet", 5, now), 5);
        assert_eq!(count(&budget, "noisy", 10, now + WINDOW + Duration::from_millis(1)), 10);
    }

    #[test]
    fn many_noisy_payers_leave_one_to_each_other() {
        let (budget, now) = (Budget::default(), Instant::now());
        let noise: usize =
            (0..50).map(|payer| count(&budget, &format!("noisy-{payer}"), 100, now)).sum();
        assert!((ALL..ALL + 50).contains(&noise), "{noise}");
        assert_eq!(count(&budget, "quiet", 5, now), 1);
    }

    #[test]
    fn all_together_are_bounded() {
        let (budget, now) = (Budget::default(), Instant::now());
        let all: usize = (0..100_000).map(|payer| count(&budget, &payer.to_string(), 2, now)).sum();
        assert!(all <= ALL + MAX_PAYERS, "{all}");
    }
}
