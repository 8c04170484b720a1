//! Pace: how many writes are under way at a time. Twice as many for each round of good answers
//! until the API server shows that it has enough; from then on far fewer at such a sign, and one
//! more for each good round (additive increase, multiplicative decrease).
//!
//! It slows or pauses for all only on evidence about all: the API server is not reached, it says
//! itself that it is busy, or the same failure (or slowness) shows on several keys of several
//! tenants at once. What one webhook does to one namespace is no such evidence.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cluster::clock;
use cluster::writer::{Failure, Scope, Written};

mod evidence;

pub use self::evidence::Subject;
use self::evidence::{Evidence, Symptom};

/// Writes at a time that are always allowed: one that hangs leaves room for another.
const LEAST: f64 = 2.0;
/// Where to begin; a small cluster stands this at once.
const FIRST: f64 = 8.0;
/// What one API server gains nothing beyond.
const MAX_IN_FLIGHT: f64 = 64.0;
/// What is left of the limit after a push back.
const DECREASE: f64 = 0.5;
/// The same after an answer that took too long; gentler, as slowness has other causes too.
const SLOW_DECREASE: f64 = 0.9;
/// An answer is slow if it takes longer than this many times the shortest of late …
const SLOW_FACTOR: f64 = 2.0;
/// … and longer than this, below which nobody is hurt.
const NEVER_SLOW: Duration = Duration::from_millis(200);
/// How much the shortest time of late grows with each answer, so that it forgets.
const FORGETTING: f64 = 1.002;
/// How long nothing is sent after a failure that is the API server's own; twice as long after each
/// further one, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause that the API server can ask of everybody.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// One decrease answers for all requests that were under way.
const CALM: Duration = Duration::from_millis(200);
/// What was not used of a bounded rate within this time may be caught up with; timers are not
/// exact.
const CATCH_UP: Duration = Duration::from_millis(20);

/// A write that may be under way. Dropping it makes room for another, whatever became of the task
/// that had it.
#[derive(Debug)]
pub struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See the module. The clock is the caller's.
#[derive(Debug)]
pub struct Pace {
    limit: f64,
    most: f64,
    under_way: Arc<AtomicUsize>,
    /// In seconds.
    shortest: f64,
    decreased: Option<Instant>,
    /// Nothing is sent before this time.
    pause: Option<Instant>,
    /// Pauses in a row that no good answer came between.
    failures: u32,
    /// The least time from one write to the next, if a rate is set, and when the next one's turn
    /// is.
    interval: Option<Duration>,
    turn: Option<Instant>,
    evidence: Evidence,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limit: FIRST,
            most: MAX_IN_FLIGHT,
            under_way: Arc::default(),
            shortest: f64::INFINITY,
            decreased: None,
            pause: None,
            failures: 0,
            interval: None,
            turn: None,
            evidence: Evidence::default(),
        }
    }
}

impl Pace {
    /// One that never sends more than so many writes a second.
    pub fn at_most(per_second: Option<f64>) -> Self {
        Self {
            interval: per_second.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            ..Self::default()
        }
    }

    /// One that never has more than so many under way at a time.
    pub fn of_few(most: usize) -> Self {
        Self { limit: FIRST.min(most as f64), most: most as f64, ..Self::default() }
    }

    /// One more write, if it may be sent now.
    pub fn begin(&mut self, now: Instant) -> Option<Permit> {
        if self.pause(now).is_some() || (self.under_way() as f64) >= self.limit {
            return None;
        }
        if let Some(interval) = self.interval {
            let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.turn = Some(self.turn.map_or(now, |turn| turn.max(earliest)) + interval);
        }
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Some(Permit(Arc::clone(&self.under_way)))
    }

    /// When the pause is over that the API server asked for, or that keeps within the bound; `None`
    /// if there is none.
    pub fn pause(&self, now: Instant) -> Option<Instant> {
        self.pause.max(self.turn).filter(|until| *until > now)
    }

    /// Takes in an answer that took this long.
    pub fn book(&mut self, now: Instant, subject: Subject<'_>, written: &Written, took: Duration) {
        match written {
            Written::Done(_) | Written::Reverted(..) => self.succeed(now, subject, took),
            Written::Dry | Written::Conflict(_) | Written::Gone => {}
            Written::Failed(Failure { scope: Scope::Server, retry_after: Some(after), .. }) => {
                self.push_back(now, *after)
            }
            Written::Failed(Failure { scope: Scope::Server, .. }) => self.fail(now),
            Written::Failed(failure) if failure.is_denial() => {}
            // However many there are, they say nothing about the API server.
            Written::Failed(Failure { reason, .. }) if reason.is_size() => {}
            Written::Failed(Failure { reason, .. }) => {
                if self.evidence.add(now, Symptom::Failed(*reason), subject) {
                    self.fail(now);
                }
            }
        }
    }

    /// A good answer that took this long.
    pub fn succeed(&mut self, now: Instant, subject: Subject<'_>, took: Duration) {
        self.failures = 0;
        let seconds = took.as_secs_f64();
        self.shortest = (self.shortest * FORGETTING).min(seconds);
        if took > NEVER_SLOW && seconds > SLOW_FACTOR * self.shortest {
            if self.evidence.add(now, Symptom::Slow, subject) {
                self.decrease(now, SLOW_DECREASE);
            }
        } else {
            let more = if self.decreased.is_none() { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + more).min(self.most);
        }
    }

    /// The API server is not there, or not well. Whatever was under way together counts as one
    /// failure.
    pub fn fail(&mut self, now: Instant) {
        if self.pause.is_some_and(|until| now < until) {
            return;
        }
        let pause = clock::backoff(FIRST_PAUSE, self.failures, LAST_PAUSE);
        self.failures += 1;
        self.push_back(now, pause);
    }

    /// The API server asked to come again after this time.
    fn push_back(&mut self, now: Instant, after: Duration) {
        let until = now + after.min(MAX_PAUSE);
        self.pause = Some(self.pause.map_or(until, |earlier| earlier.max(until)));
        self.decrease(now, DECREASE);
    }

    /// Writes that may be under way at a time.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Writes that are under way and count.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    fn decrease(&mut self, now: Instant, factor: f64) {
        if self.decreased.is_some_and(|at| now < at + CALM) {
            return;
        }
        self.decreased = Some(now);
        self.limit = (self.limit * factor).max(LEAST.min(self.most));
    }
}

#[cfg(test)]
mod tests;
