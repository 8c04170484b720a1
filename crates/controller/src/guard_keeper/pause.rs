//! Pause: when the keeper writes again, so that a rival writer does not make it busy.

use std::time::{Duration, Instant};

use cluster::clock;

/// The wait after a write. Where two writers undo each other's work again and again, it doubles
/// after so many rounds, so that they do not keep the API server busy.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const QUICK_ROUNDS: u32 = 10;
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// Contention is over after so long without a write.
const QUIET_PERIOD: Duration = Duration::from_secs(120);

/// When to write again.
#[derive(Debug, Default)]
pub(super) struct Pause {
    rounds: u32,
    last: Option<Instant>,
}

impl Pause {
    pub(super) fn is_over(&self) -> bool {
        let further = self.rounds.saturating_sub(QUICK_ROUNDS);
        let pause = clock::backoff(FIRST_PAUSE, further, LAST_PAUSE);
        self.last.is_none_or(|last| clock::now().saturating_duration_since(last) >= pause)
    }

    pub(super) fn begin(&mut self) {
        let contended = self
            .last
            .is_some_and(|last| clock::now().saturating_duration_since(last) < QUIET_PERIOD);
        self.rounds = if contended { self.rounds.saturating_add(1) } else { 1 };
        self.last = Some(clock::now());
    }
}
