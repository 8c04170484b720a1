//! Pace: how many writes are under way at a time. Twice as many for each round of good answers until the API server shows that it has
//! enough; from then on far fewer at such a sign, and one more for each good round (additive increase, multiplicative decrease).

use std::time::{Duration, Instant};

/// Writes at a time that are always allowed.
const LEAST: f64 = 1.0;
/// Where to begin; a small cluster stands this at once.
const FIRST: f64 = 8.0;
/// What one API server gains nothing beyond.
const MOST: f64 = 64.0;
/// What is left of the limit after a push back.
const DECREASE: f64 = 0.5;
/// The same after an answer that took too long; gentler, as slowness has other causes too.
const SLOW_DECREASE: f64 = 0.9;
/// An answer is slow if it takes longer than this many times the shortest of late …
const SLOW: f64 = 2.0;
/// … and longer than this, below which nobody is hurt.
const NEVER_SLOW: Duration = Duration::from_millis(200);
/// How much the shortest time of late grows with each answer, so that it forgets.
const FORGETTING: f64 = 1.002;
/// One decrease answers for all requests that were under way.
const CALM: Duration = Duration::from_millis(200);

/// See the module. The clock is the caller's.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: f64,
    under_way: usize,
    /// In seconds.
    shortest: f64,
    decreased: Option<Instant>,
    /// Nothing is sent before this time.
    pause: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: FIRST, under_way: 0, shortest: f64::INFINITY, decreased: None, pause: None }
    }
}

impl Pace {
    /// Whether one more may be sent now; if so, it counts as under way.
    pub(crate) fn begin(&mut self, now: Instant) -> bool {
        let free = self.pause.is_none_or(|until| until <= now) && (self.under_way as f64) < self.limit;
        self.under_way += usize::from(free);
        free
    }

    /// When the pause that the API server asked for is over; `None` if there is none.
    pub(crate) fn pause(&self, now: Instant) -> Option<Instant> {
        self.pause.filter(|until| *until > now)
    }

    /// A good answer that took this long.
    pub(crate) fn succeed(&mut self, now: Instant, took: Duration) {
        self.end();
        let seconds = took.as_secs_f64();
        self.shortest = (self.shortest * FORGETTING).min(seconds);
        if took > NEVER_SLOW && seconds > SLOW * self.shortest {
            self.decrease(now, SLOW_DECREASE);
        } else {
            let more = if self.decreased.is_none() { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + more).min(MOST);
        }
    }

    /// The API server asked to come again after this time, or failed.
    pub(crate) fn push_back(&mut self, now: Instant, after: Duration) {
        self.end();
        self.pause = Some(self.pause.map_or(now + after, |until| until.max(now + after)));
        self.decrease(now, DECREASE);
    }

    /// An end that says nothing about the load: a conflict, or nothing was sent.
    pub(crate) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Writes that may be under way at a time.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    fn decrease(&mut self, now: Instant, factor: f64) {
        if self.decreased.is_some_and(|at| now < at + CALM) {
            return;
        }
        self.decreased = Some(now);
        self.limit = (self.limit * factor).max(LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(2);

    #[test]
    fn it_doubles_until_the_first_sign_of_load() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let before = pace.limit();
        (0..before).for_each(|_| pace.succeed(now, FAST));
        assert_eq!(pace.limit(), 2 * before);
    }

    #[test]
    fn then_it_grows_by_one_a_round_up_to_its_bound() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.push_back(now, Duration::ZERO);
        let before = pace.limit();
        for _ in 0..before {
            assert!(pace.begin(now));
        }
        assert!(!pace.begin(now), "the limit holds");
        for _ in 0..=before {
            pace.succeed(now, FAST);
        }
        assert_eq!(pace.limit(), before + 1);
        for _ in 0..100_000 {
            pace.succeed(now, FAST);
        }
        assert_eq!(pace.limit(), MOST as usize);
    }

    #[test]
    fn a_push_back_halves_it_once_and_pauses() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let before = pace.limit();
        pace.push_back(now, Duration::from_secs(3));
        pace.push_back(now, Duration::from_secs(1));
        assert_eq!(pace.limit(), before / 2);
        assert!(!pace.begin(now + Duration::from_secs(2)));
        assert!(pace.begin(now + Duration::from_secs(3)));
        for _ in 0..100 {
            pace.push_back(now + Duration::from_secs(10), Duration::ZERO);
        }
        assert!(pace.limit() >= 1, "it never stands still");
    }

    #[test]
    fn slow_answers_slow_it_down() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        pace.succeed(now, FAST);
        let before = pace.limit;
        for _ in 0..5 {
            now += CALM;
            pace.succeed(now, Duration::from_secs(1));
        }
        assert!(pace.limit < before * 0.7, "{} of {before}", pace.limit);
    }
}
