//! Budget: how many Events are written in a window. Each topic has a budget of its own, so that none
//! crowds out another.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Events are for people; more than so many in a window nobody reads. Each topic has a budget of its
/// own.
const EVENTS: usize = 20;
/// Those about clashing Pods are for the owner of each; they are put off, not left out.
const CLASH_EVENTS: usize = 100;
pub const WINDOW: Duration = Duration::from_secs(60);

/// What an Event is about.
#[derive(Clone, Copy)]
pub(super) enum Topic {
    /// The change of a single namespace.
    Write,
    /// Something is wrong with an object.
    Fault,
    /// A Pod asks for other nodes than its namespace.
    Clash,
    /// What is said once.
    Notice,
}

#[derive(Default)]
pub(super) struct Budgets {
    writes: Mutex<Budget>,
    faults: Mutex<Budget>,
    clashes: Mutex<Budget>,
    notices: Mutex<Budget>,
}

#[derive(Debug)]
struct Budget {
    since: Instant,
    spent: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { since: Instant::now(), spent: 0 }
    }
}

impl Budgets {
    /// Spends one Event; false where there were too many.
    pub(super) fn spend(&self, topic: Topic) -> bool {
        let (budget, most) = match topic {
            Topic::Write => (&self.writes, EVENTS),
            Topic::Fault => (&self.faults, EVENTS),
            Topic::Clash => (&self.clashes, CLASH_EVENTS),
            Topic::Notice => (&self.notices, EVENTS),
        };
        let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.since.elapsed() > WINDOW {
            *budget = Budget::default();
        }
        budget.spent += 1;
        budget.spent <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_spends_what_is_its_own() {
        let budgets = Budgets::default();
        let spend = |topic, times| (0..times).filter(|_| budgets.spend(topic)).count();
        assert_eq!(spend(Topic::Fault, 2 * EVENTS), EVENTS);
        assert_eq!(spend(Topic::Clash, 2 * CLASH_EVENTS), CLASH_EVENTS);
        assert_eq!(spend(Topic::Write, 1) + spend(Topic::Notice, 1), 2);
    }
}
