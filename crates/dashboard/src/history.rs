//! History: what the dashboard remembers of the last hour, and of the backfill that runs or ran
//! last. Of bounded size; nothing is asked of anybody for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;

use super::Dashboard;
use cluster::clock;
use controller::snapshot::{Figures, Totals, Urgency};

/// How often it is looked.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);
/// Looks that are kept, for rates: five minutes.
const MAX_RECENT_SAMPLES: usize = 150;
/// One look of so many becomes a sample …
const THINNED_EVERY: u64 = 5;
/// … and so many are kept: an hour.
const MAX_THINNED_SAMPLES: usize = 360;
/// How far back a rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(20);

/// What is seen at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) at: Timestamp,
    pub(super) instant: Instant,
    pub(super) totals: Totals,
    /// How long the namespace that waits longest has been waiting.
    pub(super) lag: Duration,
    /// Writes so far, those of backfill, and those that failed.
    pub(super) written: u64,
    pub(super) in_bulk: u64,
    pub(super) failures: u64,
    /// Namespaces that wait for their backfill.
    pub(super) remaining: usize,
}

impl Look {
    pub(super) fn build(figures: &Figures, leads: bool) -> Self {
        Self {
            at: Timestamp::now(),
            instant: clock::now(),
            totals: figures.totals,
            lag: if leads { figures.lag } else { Duration::ZERO },
            written: figures.written,
            in_bulk: figures.written_in_bulk,
            failures: figures.failures,
            remaining: if leads { figures.depth(Urgency::Backfill) } else { 0 },
        }
    }
}

/// A backfill that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) began: Timestamp,
    instant: Instant,
    in_bulk: u64,
    failures: u64,
}

/// One that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) done: u64,
    pub(super) failed: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    looks: VecDeque<Look>,
    samples: VecDeque<Look>,
    count: u64,
    run: Option<Run>,
    last: Option<Finished>,
}

impl Run {
    pub(super) fn done(&self, now: &Look) -> u64 {
        now.in_bulk.saturating_sub(self.in_bulk)
    }

    pub(super) fn failed(&self, now: &Look) -> u64 {
        now.failures.saturating_sub(self.failures)
    }
}

impl History {
    /// Takes in what is seen.
    pub(super) fn add(&mut self, look: Look) {
        self.follow(&look);
        push(&mut self.looks, look, MAX_RECENT_SAMPLES);
        if self.count.is_multiple_of(THINNED_EVERY) {
            push(&mut self.samples, look, MAX_THINNED_SAMPLES);
        }
        self.count += 1;
    }

    /// A backfill begins with the first namespace that waits for it or has had it, and ends when
    /// none waits and none came since the last look: a large one is planned in parts, and the
    /// writer may be done with one before the next is there.
    fn follow(&mut self, look: &Look) {
        let before = self.looks.back().unwrap_or(look);
        if self.run.is_none() && (look.remaining > 0 || look.in_bulk > before.in_bulk) {
            self.run = Some(Run {
                began: before.at,
                instant: before.instant,
                in_bulk: before.in_bulk,
                failures: before.failures,
            });
        }
        if let Some(run) =
            self.run.filter(|_| look.remaining == 0 && look.in_bulk == before.in_bulk)
        {
            self.last = Some(Finished {
                began: run.began,
                ended: before.at,
                done: run.done(look),
                failed: run.failed(look),
            });
            self.run = None;
        }
    }

    /// How many samples there have ever been.
    pub(super) fn count(&self) -> u64 {
        self.count.div_ceil(THINNED_EVERY)
    }

    /// The oldest first.
    pub(super) fn samples(&self) -> impl Iterator<Item = &Look> {
        self.samples.iter()
    }

    /// The oldest first, each with the one before it.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&Look, &Look)> {
        self.looks.iter().zip(self.looks.iter().skip(1))
    }

    pub(super) fn run(&self) -> Option<Run> {
        self.run
    }

    pub(super) fn last(&self) -> Option<Finished> {
        self.last
    }

    /// Namespaces a second that a backfill writes at the moment.
    pub(super) fn rate(&self, now: &Look) -> Option<f64> {
        let run = self.run?;
        let earliest = now.instant.checked_sub(RATE_WINDOW).unwrap_or(run.instant).max(run.instant);
        let from = self.looks.iter().find(|look| look.instant >= earliest)?;
        let seconds = now.instant.saturating_duration_since(from.instant).as_secs_f64();
        (seconds > 0.5).then(|| now.in_bulk.saturating_sub(from.in_bulk) as f64 / seconds)
    }
}

fn push(ring: &mut VecDeque<Look>, look: Look, most: usize) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(look);
}

impl Dashboard {
    /// What is to be seen now. A replica that follows writes nothing, and what waits there does not
    /// wait.
    pub(super) fn sample(&self) -> Look {
        Look::build(&self.subject.snapshots.figures(), self.leads())
    }
}

/// Looks again and again. Does not return.
pub(super) async fn record(dashboard: Arc<Dashboard>) {
    loop {
        if dashboard.subject.readiness.is_complete() {
            let look = dashboard.sample();
            dashboard.history().add(look);
            // A little now and then, rather than much when a page asks.
            dashboard.read(|dashboard| dashboard.subject.snapshots.refresh_namespaces()).await;
        }
        tokio::time::sleep(SAMPLE_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64, in_bulk: u64, remaining: usize) -> Look {
        Look {
            at: Timestamp::from_second(i64::try_from(seconds).expect("a time")).expect("a time"),
            instant: start + Duration::from_secs(seconds),
            totals: Totals::default(),
            lag: Duration::ZERO,
            written: in_bulk,
            in_bulk,
            failures: 0,
            remaining,
        }
    }

    #[test]
    fn a_backfill_is_followed_from_its_first_to_its_last_namespace() {
        let (mut history, start) = (History::default(), Instant::now());
        history.add(at(start, 0, 5, 0));
        assert_eq!((history.run(), history.last()), (None, None));
        history.add(at(start, 2, 105, 300));
        let now = at(start, 4, 205, 200);
        history.add(now);
        let run = history.run().expect("one runs");
        assert_eq!((run.began, run.done(&now)), (Timestamp::UNIX_EPOCH, 200));
        assert_eq!(history.rate(&now), Some(50.0));
        history.add(at(start, 6, 305, 0));
        history.add(at(start, 8, 405, 0));
        history.add(at(start, 10, 405, 0));
        let last = history.last().expect("it is over");
        assert_eq!((last.done, last.ended.as_second(), history.run()), (400, 8, None));
    }

    #[test]
    fn one_that_is_over_between_two_looks_is_not_missed() {
        let (mut history, start) = (History::default(), Instant::now());
        history.add(at(start, 0, 0, 0));
        history.add(at(start, 2, 3, 0));
        history.add(at(start, 4, 3, 0));
        assert_eq!(history.last().map(|last| last.done), Some(3));
    }

    #[test]
    fn it_is_of_bounded_size() {
        let (mut history, start) = (History::default(), Instant::now());
        (0..10_000).for_each(|second| history.add(at(start, second, 0, 0)));
        assert_eq!(
            (history.looks.len(), history.samples.len(), history.count()),
            (MAX_RECENT_SAMPLES, MAX_THINNED_SAMPLES, 2000)
        );
    }
}
