//! Work: which key is next, how many are under way, and for whom. One mechanism for namespaces and
//! for gated Pods.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pace::{Pace, Permit};
use crate::queue::{Place, Queue};

/// A write that takes longer does not count against the pace any more: others must not wait for one
/// that hangs.
pub(crate) const HANGING: Duration = Duration::from_secs(1);
/// Writes under way at a time in all, hanging ones included.
const MAX_HANGING: usize = 256;
/// Writes of one group that hang, beyond which it has one more at a time that need not.
const MAX_HANGING_EACH: usize = MAX_HANGING / 8;
/// Ends the name of the group that keys of a group take turns in whose last write hung. Neither a
/// tenant nor a namespace can be called so.
const SLOW: char = '\u{1}';

/// See the module. A key whose write hangs takes turns in a group of its own from then on, so that
/// it delays no other key of its tenant.
#[derive(Debug)]
pub struct Work<K> {
    pub queue: Queue<K>,
    pub pace: Pace,
    /// Whether nothing is handed out: what is queued was planned by what does not hold any more.
    pub is_stopped: bool,
    in_flight: HashMap<Arc<str>, Slots>,
    /// Keys whose write hangs, and those whose last one did.
    hanging: HashSet<K>,
    slow: HashSet<K>,
}

/// Writes of a group that are under way.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    /// Those that are to be answered soon.
    prompt: usize,
    hanging: usize,
}

impl Slots {
    /// Whether there is room for one more, where so many may be answered soon.
    fn has_room(self, most: usize) -> bool {
        self.prompt < most && (self.hanging < MAX_HANGING_EACH || self.prompt == 0)
    }
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
        Self {
            queue: Queue::default(),
            pace,
            is_stopped: false,
            in_flight: HashMap::new(),
            hanging: HashSet::new(),
            slow: HashSet::new(),
        }
    }

    /// The group of the queue that this key of a group takes turns in.
    pub fn group_of(&self, key: &K, group: &str) -> Arc<str> {
        if self.slow.contains(key) { format!("{group}{SLOW}").into() } else { group.into() }
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
            // than half of it, and what hung before has half of that.
            queue.take(now, |group| {
                let most = if only.as_deref() == Some(group) {
                    usize::MAX
                } else if group.ends_with(SLOW) {
                    (half / 2).max(1)
                } else {
                    half
                };
                in_flight.get(group).is_none_or(|slots| slots.has_room(most))
            })
        };
        let Some((key, place)) = taken else { return Err(self.queue.next_waiting()) };
        self.in_flight.entry(Arc::clone(&place.group)).or_default().prompt += 1;
        Ok(Job { key, place, permit })
    }

    /// The write of a job hangs: it takes no room from others any more.
    pub fn hang(&mut self, key: &K, group: &Arc<str>) {
        if let Some(slots) = self.in_flight.get_mut(group)
            && self.hanging.insert(key.clone())
        {
            slots.prompt = slots.prompt.saturating_sub(1);
            slots.hanging += 1;
            self.slow.insert(key.clone());
        }
    }

    /// A job is over, whatever became of it.
    pub fn done(&mut self, key: &K, group: &Arc<str>) {
        self.queue.done(key);
        let has_hung = self.hanging.remove(key);
        if !has_hung {
            self.slow.remove(key);
        }
        if let Some(slots) = self.in_flight.get_mut(group) {
            let count = if has_hung { &mut slots.hanging } else { &mut slots.prompt };
            *count = count.saturating_sub(1);
            if slots.prompt + slots.hanging == 0 {
                self.in_flight.remove(group);
            }
        }
    }

    /// Forgets a key: its object is gone.
    pub fn forget(&mut self, key: &K) {
        self.queue.forget(key);
        if !self.hanging.contains(key) {
            self.slow.remove(key);
        }
    }

    /// Jobs under way, hanging ones included.
    pub fn total(&self) -> usize {
        self.in_flight.values().map(|slots| slots.prompt + slots.hanging).sum()
    }
}

/// Waits for this; what takes longer than [`HANGING`] gives its permit back meanwhile, and
/// `on_hang` is called.
pub(crate) async fn within_permit<T>(
    permit: Permit,
    work: impl Future<Output = T>,
    on_hang: impl FnOnce(),
) -> T {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(HANGING, &mut work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            drop(permit);
            on_hang();
            work.await
        }
    }
}

/// Runs when it is dropped, so that what a task has taken comes back even if the task panics.
pub(crate) struct OnDrop<F: FnMut()>(pub F);

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

    /// Has every write hang that is handed out at once, so many times.
    fn hang_all(work: &mut Work<String>, rounds: usize) -> Vec<Job<String>> {
        let now = Instant::now();
        let mut hanging = Vec::new();
        for _ in 0..rounds {
            let jobs: Vec<Job<String>> = std::iter::from_fn(|| work.next(now).ok()).collect();
            for job in jobs {
                work.hang(&job.key, &job.place.group);
                hanging.push(Job { permit: Pace::default().begin(now).expect("a permit"), ..job });
            }
        }
        hanging
    }

    /// Writes that hang give their permits back, so the pace alone does not bound them.
    #[test]
    fn a_group_that_is_alone_and_hangs_leaves_room() {
        let mut work = work(&[("hanging", 300)]);
        let now = Instant::now();
        hang_all(&mut work, 20);
        assert!((MAX_HANGING_EACH..MAX_HANGING / 4).contains(&work.total()), "{}", work.total());
        let place =
            Place { urgency: Urgency::Backfill, group: "healthy".into(), rank: 0, ready: now };
        work.queue.add(&"web".to_owned(), place);
        let keys: Vec<String> = (0..2).filter_map(|_| Some(work.next(now).ok()?.key)).collect();
        assert!(keys.contains(&"web".to_owned()), "{keys:?}");
    }

    /// A tenant's own namespaces whose writes hang leave room to its others; and once they are known
    /// to hang, they do not even go before them.
    #[test]
    fn keys_that_hang_leave_room_to_others_of_their_group() {
        let mut work = work(&[("solar", 40)]);
        let now = Instant::now();
        for job in hang_all(&mut work, 20) {
            let group = work.group_of(&job.key, "solar");
            assert_ne!(group, job.place.group, "it is known to hang");
            work.queue.add(&job.key, Place { group, ..job.place.clone() });
            work.done(&job.key, &job.place.group);
        }
        assert_eq!((work.total(), work.queue.len()), (0, 40));
        let hanging = hang_all(&mut work, 5);
        assert!(hanging.len() > MAX_HANGING_EACH, "{} hang again", hanging.len());
        let group = work.group_of(&"healthy".to_owned(), "solar");
        let place = Place { urgency: Urgency::Placement, group, rank: 0, ready: now };
        work.queue.add(&"healthy".to_owned(), place);
        let keys: Vec<String> = (0..3).filter_map(|_| Some(work.next(now).ok()?.key)).collect();
        assert!(keys.contains(&"healthy".to_owned()), "{keys:?}");
    }

    #[test]
    fn who_does_not_hang_any_more_is_like_others() {
        let mut work = work(&[("solar", 1)]);
        let key = "solar-0".to_owned();
        for (hangs, group) in [(true, "solar\u{1}"), (false, "solar")] {
            let job = work.next(Instant::now()).expect("a job");
            if hangs {
                work.hang(&key, &job.place.group);
            }
            work.done(&key, &job.place.group);
            assert_eq!(&*work.group_of(&key, "solar"), group);
            work.queue.add(&key, Place { group: group.into(), ..job.place });
        }
        work.hang(&key, &"solar".into());
        work.forget(&key);
        assert_eq!(&*work.group_of(&key, "solar"), "solar");
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
        let hanging = tokio::spawn(within_permit(permit, tokio::time::sleep(10 * HANGING), || {}));
        tokio::time::sleep(HANGING / 2).await;
        assert_eq!(pace.under_way(), 1);
        tokio::time::sleep(HANGING).await;
        assert_eq!(pace.under_way(), 0);
        hanging.await.expect("it ends");
    }
}
