//! Attempts: writes of one key in a row that did not succeed, and when the next one may be made.

use std::time::{Duration, Instant, SystemTime};

use cluster::clock;

/// The first wait after a failure; each further one is twice as long, up to the last.
pub(crate) const FIRST_RETRY: Duration = Duration::from_secs(1);
pub(crate) const LAST_RETRY: Duration = Duration::from_secs(300);
/// Conflicts in a row that are planned again at once; a busy namespace or Pod waits a moment then.
const QUICK_CONFLICTS: u32 = 5;
/// A failure is reported from the third attempt on: what passes by itself is no news. Conflicts are
/// once another client has been faster for seconds.
const REPORTED: u32 = 3;
const REPORTED_CONFLICTS: u32 = 2 * QUICK_CONFLICTS;

/// See the module. The clock is the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    failures: u32,
    conflicts: u32,
    not_before: Option<Instant>,
}

impl Attempts {
    /// One more failure; when it may be tried again. What the answer asked for counts, up to
    /// [`LAST_RETRY`].
    pub fn fail(&mut self, now: Instant, retry_after: Option<Duration>) -> Instant {
        self.failures = self.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default().min(LAST_RETRY);
        self.put_off(now + backoff(self.failures).max(asked))
    }

    /// The failure to come is certain: it is reported at once.
    pub fn report(&mut self) {
        self.failures = self.failures.max(REPORTED - 1);
    }

    /// Another client was faster; when to plan again. The wait does not grow: a client that writes
    /// the object all the time would else put off what landlord writes for minutes.
    pub fn conflict(&mut self, now: Instant) -> Instant {
        self.conflicts = self.conflicts.saturating_add(1);
        if self.are_many_conflicts() { self.put_off(now + backoff(1)) } else { now }
    }

    /// Conflicts so far were about something else.
    pub fn forget_conflicts(&mut self) {
        self.conflicts = 0;
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether there were so many, of failures or of conflicts, that it is time to say so.
    pub fn are_reported(&self) -> bool {
        self.failures >= REPORTED || self.are_conflicts_reported()
    }

    /// Whether another client was faster so often that it is time to say so.
    pub fn are_conflicts_reported(&self) -> bool {
        self.conflicts >= REPORTED_CONFLICTS
    }

    /// Whether there were more conflicts than planning again at once can settle.
    pub fn are_many_conflicts(&self) -> bool {
        self.conflicts > QUICK_CONFLICTS
    }

    /// The time before which nothing may be tried, if it is not over.
    pub(crate) fn not_before(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }

    /// The time before which nothing was to be tried, over or not.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.not_before
    }

    fn put_off(&mut self, until: Instant) -> Instant {
        self.not_before = Some(until);
        until
    }
}

/// Doubles with each attempt; up to a tenth more, so that those who failed together do not come
/// together.
fn backoff(attempts: u32) -> Duration {
    let wait = clock::backoff(FIRST_RETRY, attempts.saturating_sub(1), LAST_RETRY);
    let share = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos() % 100);
    wait + wait * share / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_sees_few_of_them() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        let mut now = start;
        let mut tries = 0;
        while now < start + Duration::from_secs(60) {
            tries += 1;
            now = attempts.fail(now, None);
        }
        assert!(tries <= 7, "{tries}");
        assert_eq!(attempts.not_before(now - Duration::from_millis(1)), Some(now));
        assert_eq!(attempts.not_before(now), None);
    }

    #[test]
    fn the_answers_own_wait_counts_within_bounds() {
        let now = Instant::now();
        let wait =
            |asked: u64| Attempts::default().fail(now, Some(Duration::from_secs(asked))) - now;
        assert_eq!(wait(60), Duration::from_secs(60));
        assert_eq!(wait(86_400), LAST_RETRY);
        assert!(wait(0) < Duration::from_secs(2));
    }

    #[test]
    fn the_third_failure_is_reported() {
        let mut attempts = Attempts::default();
        let reported: Vec<bool> = (0..4)
            .map(|_| {
                attempts.fail(Instant::now(), None);
                attempts.are_reported()
            })
            .collect();
        assert_eq!(reported, [false, false, true, true]);
    }

    #[test]
    fn a_few_conflicts_cost_no_time() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        assert!((0..QUICK_CONFLICTS).all(|_| attempts.conflict(now) == now));
        assert!(attempts.conflict(now) > now);
        let longest = (0..100).map(|_| attempts.conflict(now) - now).max();
        assert!(longest < Some(2 * FIRST_RETRY), "{longest:?}");
        assert!(attempts.are_reported() && attempts.failures() == 0);
        attempts.forget_conflicts();
        assert!(!attempts.are_reported());
    }
}
