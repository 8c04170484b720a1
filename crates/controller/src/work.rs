//! Work: which key is next, how many are under way, and for whom. One mechanism for namespaces and
//! for gated Pods.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pace::{Pace, Permit};
use crate::queue::{Place, Queue};

/// A write that takes longer does not count against the pace any more: others must not wait for one
/// that hangs.
pub const HANGING: Duration = Duration::from_secs(1);
/// Writes under way at a time in all, hanging ones included.
const MAX_HANGING: usize = 256;
/// Those of one group that is alone: anyone who comes next finds room.
const MAX_HANGING_ALONE: usize = MAX_HANGING / 2;

/// See the module.
#[derive(Debug)]
pub struct Work<K> {
    pub queue: Queue<K>,
    pub pace: Pace,
    /// Whether nothing is handed out: what is queued was planned by what does not hold any more.
    pub is_stopped: bool,
    in_flight: HashMap<Arc<str>, usize>,
}

/// A key to work on. It has to be given back by [`Work::done`].
#[derive(Debug)]
pub struct Job<K> {
    pub key: K,
    pub place: Place,
    pub permit: Permit,
}

impl<K: Clone + Eq + Hash + Ord> Work<K> {
    /// Nothing to do, at this pace.
    pub fn new(pace: Pace) -> Self {
        Self { queue: Queue::default(), pace, is_stopped: false, in_flight: HashMap::new() }
    }

    /// The next job; else until when there is none, if that is known.
    pub fn next(&mut self, now: Instant) -> Result<Job<K>, Option<Instant>> {
        if self.is_stopped {
            return Err(None);
        }
        let due = self.queue.next_ready(now);
        if due.is_none_or(|due| due > now) {
            return Err(due);
        }
        if self.total() >= MAX_HANGING {
            return Err(None);
        }
        let Some(permit) = self.pace.begin(now) else {
            // A write that hangs gives its permit back without a word.
            return Err(self.pace.pause(now).or(Some(now + HANGING)));
        };
        let half = (self.pace.limit() / 2).max(1);
        let only = self.queue.only_ready_group(now);
        let taken = {
            let Self { queue, in_flight, .. } = self;
            // A group that nobody else waits beside may have all of the pace; else none has more
            // than half of it.
            queue.take(now, |group| {
                let is_only = only.as_deref() == Some(group);
                let most = if is_only { MAX_HANGING_ALONE } else { half };
                in_flight.get(group).is_none_or(|count| *count < most)
            })
        };
        let Some((key, place)) = taken else { return Err(self.queue.next_waiting()) };
        *self.in_flight.entry(Arc::clone(&place.group)).or_default() += 1;
        Ok(Job { key, place, permit })
    }

    /// A job is over, whatever became of it.
    pub fn done(&mut self, key: &K, group: &Arc<str>) {
        self.queue.done(key);
        if let Some(count) = self.in_flight.get_mut(group) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.in_flight.remove(group);
            }
        }
    }

    /// Jobs under way, hanging ones included.
    pub fn total(&self) -> usize {
        self.in_flight.values().sum()
    }
}

/// Waits for this; what takes longer than [`HANGING`] gives its permit back meanwhile.
pub async fn within_permit<T>(permit: Permit, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(HANGING, &mut work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            drop(permit);
            work.await
        }
    }
}

/// Runs when it is dropped, so that what a task has taken comes back even if the task panics.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Urgency;

    fn work(groups: &[(&str, usize)]) -> Work<String> {
        let mut work = Work::new(Pace::default());
        for (group, count) in groups {
            for number in 0..*count {
                let place = Place {
                    urgency: Urgency::Placement,
                    group: (*group).into(),
                    rank: 0,
                    ready: Instant::now(),
                };
                work.queue.add(&format!("{group}-{number}"), place);
            }
        }
        work
    }

    fn groups(jobs: &[Job<String>], group: &str) -> usize {
        jobs.iter().filter(|job| &*job.place.group == group).count()
    }

    /// Writes of one tenant that hang leave half of the pace to the others.
    #[test]
    fn a_group_has_at_most_half_of_the_pace() {
        let mut work = work(&[("hanging", 80), ("healthy", 40)]);
        let now = Instant::now();
        let mut jobs: Vec<Job<String>> = std::iter::from_fn(|| work.next(now).ok()).collect();
        assert_eq!((groups(&jobs, "hanging"), groups(&jobs, "healthy")), (4, 4));
        for _ in 0..9 {
            for job in jobs.extract_if(.., |job| &*job.place.group == "healthy") {
                work.done(&job.key, &job.place.group);
            }
            jobs.extend(std::iter::from_fn(|| work.next(now).ok()));
            assert!(groups(&jobs, "hanging") <= 4);
        }
    }

    /// What is under way needs no more room; only what waits does.
    #[test]
    fn one_write_of_another_group_leaves_all_the_rest() {
        let mut work = work(&[("one", 1), ("many", 80)]);
        let now = Instant::now();
        let jobs: Vec<Job<String>> = std::iter::from_fn(|| work.next(now).ok()).collect();
        assert_eq!((groups(&jobs, "one"), groups(&jobs, "many")), (1, work.pace.limit() - 1));
    }

    #[test]
    fn a_group_that_is_alone_has_all_of_it() {
        let mut work = work(&[("only", 80)]);
        let now = Instant::now();
        let jobs: Vec<Job<String>> = std::iter::from_fn(|| work.next(now).ok()).collect();
        assert_eq!(jobs.len(), work.pace.limit());
        jobs.iter().for_each(|job| work.done(&job.key, &job.place.group));
        assert_eq!(work.total(), 0);
    }

    /// Writes that hang give their permits back, so the pace alone does not bound them.
    #[test]
    fn a_group_that_is_alone_and_hangs_leaves_room() {
        let mut work = work(&[("hanging", 300)]);
        let now = Instant::now();
        while let Ok(job) = work.next(now) {
            drop(job.permit);
        }
        assert_eq!(work.total(), MAX_HANGING_ALONE);
        let place =
            Place { urgency: Urgency::Backfill, group: "healthy".into(), rank: 0, ready: now };
        work.queue.add(&"web".to_owned(), place);
        assert_eq!(work.next(now).expect("room").key, "web");
    }

    #[test]
    fn who_finds_no_permit_looks_again_when_one_may_be_back() {
        let mut work = work(&[("one", 80), ("other", 80)]);
        let now = Instant::now();
        let jobs: Vec<Job<String>> = std::iter::from_fn(|| work.next(now).ok()).collect();
        assert_eq!(jobs.len(), work.pace.limit());
        let again = work.next(now).err().flatten().expect("a time");
        assert!(again <= now + HANGING, "{:?}", again - now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_hangs_makes_room() {
        let mut pace = Pace::of_few(1);
        let permit = pace.begin(Instant::now()).expect("a permit");
        let hanging = tokio::spawn(within_permit(permit, tokio::time::sleep(10 * HANGING)));
        tokio::time::sleep(HANGING / 2).await;
        assert_eq!(pace.under_way(), 1);
        tokio::time::sleep(HANGING).await;
        assert_eq!(pace.under_way(), 0);
        hanging.await.expect("it ends");
    }
}
