//! Counters: what the engine did on this thread, so that tests can say what a decision costs. Only
//! with the feature `counters`, which no program has.

use std::cell::Cell;

/// What was counted on this thread since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Namespaces that were planned, whatever the plan: for a tenant, unclaimed, released, left.
    pub plans: usize,
    /// Texts of ledgers that were parsed.
    pub ledgers: usize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { plans: 0, ledgers: 0 }) };
}

/// The counts of this thread, which begin at zero again.
pub fn take() -> Counts {
    COUNTS.take()
}

pub(crate) fn count_plan() {
    COUNTS.with(|counts| counts.set(Counts { plans: counts.get().plans + 1, ..counts.get() }));
}

pub(crate) fn count_ledger() {
    COUNTS.with(|counts| counts.set(Counts { ledgers: counts.get().ledgers + 1, ..counts.get() }));
}
