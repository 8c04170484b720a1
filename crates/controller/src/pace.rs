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
/// How long nothing is sent after a failure that is the API server's own; twice as long after each further one, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// One decrease answers for all requests that were under way.
const CALM: Duration = Duration::from_millis(200);

/// See the module. The clock is the caller's.
#[derive(Debug)]
pub struct Pace {
    limit: f64,
    most: f64,
    under_way: usize,
    /// In seconds.
    shortest: f64,
    decreased: Option<Instant>,
    /// Nothing is sent before this time.
    pause: Option<Instant>,
    /// Pauses in a row that no good answer came between.
    failures: u32,
    /// The least time from one write to the next, if somebody wants a bound, and when the next one's turn is.
    interval: Option<Duration>,
    turn: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limit: FIRST,
            most: MOST,
            under_way: 0,
            shortest: f64::INFINITY,
            decreased: None,
            pause: None,
            failures: 0,
            interval: None,
            turn: None,
        }
    }
}

/// What was not used of a bounded rate within this time may be caught up with; timers are not exact.
const CATCH_UP: Duration = Duration::from_millis(20);

impl Pace {
    /// One that never sends more than so many writes a second.
    pub fn at_most(per_second: Option<f64>) -> Self {
        Self { interval: per_second.map(|rate| Duration::from_secs_f64(1.0 / rate)), ..Self::default() }
    }

    /// One that never has more than so many under way at a time.
    pub fn of_few(most: usize) -> Self {
        Self { limit: FIRST.min(most as f64), most: most as f64, ..Self::default() }
    }

    /// Whether one more may be sent now; if so, it counts as under way.
    pub fn begin(&mut self, now: Instant) -> bool {
        let free = self.pause(now).is_none() && (self.under_way as f64) < self.limit;
        self.under_way += usize::from(free);
        if let Some(interval) = self.interval.filter(|_| free) {
            let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.turn = Some(self.turn.map_or(now, |turn| turn.max(earliest)) + interval);
        }
        free
    }

    /// When the pause is over that the API server asked for, or that keeps within the bound; `None` if there is none.
    pub fn pause(&self, now: Instant) -> Option<Instant> {
        self.pause.max(self.turn).filter(|until| *until > now)
    }

    /// A good answer that took this long.
    pub fn succeed(&mut self, now: Instant, took: Duration) {
        self.end();
        self.failures = 0;
        let seconds = took.as_secs_f64();
        self.shortest = (self.shortest * FORGETTING).min(seconds);
        if took > NEVER_SLOW && seconds > SLOW * self.shortest {
            self.decrease(now, SLOW_DECREASE);
        } else {
            let more = if self.decreased.is_none() { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + more).min(self.most);
        }
    }

    /// The API server is not there, or not well. Whatever was under way together counts as one failure.
    pub fn fail(&mut self, now: Instant) {
        if self.pause.is_some_and(|until| now < until) {
            return self.end();
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LAST_PAUSE);
        self.failures += 1;
        self.push_back(now, pause);
    }

    /// The API server asked to come again after this time.
    pub fn push_back(&mut self, now: Instant, after: Duration) {
        self.end();
        self.pause = Some(self.pause.map_or(now + after, |until| until.max(now + after)));
        self.decrease(now, DECREASE);
    }

    /// An end that says nothing about the load: a conflict, or nothing was sent.
    pub fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Writes that may be under way at a time.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    pub fn under_way(&self) -> usize {
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
    fn a_server_that_is_down_is_asked_ever_more_rarely() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let (mut now, mut asked) = (start, 0);
        while now < start + Duration::from_secs(60) {
            asked += usize::from(pace.begin(now));
            pace.fail(now);
            now += Duration::from_millis(1);
        }
        assert!((10..20).contains(&asked), "{asked}");
        assert!(pace.begin(now + LAST_PAUSE));
        pace.succeed(now + LAST_PAUSE, FAST);
        pace.fail(now + LAST_PAUSE);
        assert!(pace.begin(now + LAST_PAUSE + FIRST_PAUSE), "a good answer is a new beginning");
    }

    #[test]
    fn a_bound_is_kept_whatever_the_limit() {
        let (mut pace, start) = (Pace::at_most(Some(100.0)), Instant::now());
        let sent = |pace: &mut Pace, now| usize::from(pace.begin(now));
        let second: usize = (0..1000).map(|ms| sent(&mut pace, start + Duration::from_millis(ms))).sum();
        assert!(second <= 8, "answers are waited for");
        pace = Pace::at_most(Some(100.0));
        let mut second = 0;
        for ms in 0..1000 {
            second += sent(&mut pace, start + Duration::from_millis(ms));
            pace.end();
        }
        assert!((98..=103).contains(&second), "{second}");
        assert_eq!(pace.pause(start + Duration::from_secs(5)), None);
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
