use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn place(urgency: Urgency, group: &str, ready: Instant) -> Place {
    Place { urgency, group: group.into(), rank: 0, ready }
}

fn take(queue: &mut Queue<String>, now: Instant) -> Option<String> {
    queue.take(now, |_| true).map(|(key, _)| key)
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, usize, u64),
    Take,
    Done(usize),
    Forget(u8),
    Reschedule(u8, u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u8, 0..3usize, 0..5u64).prop_map(|(key, urgency, delay)| Step::Add(key, urgency, delay)),
        3 => Just(Step::Take),
        2 => (0..3usize).prop_map(Step::Done),
        1 => (0..6u8).prop_map(Step::Forget),
        1 => (0..6u8, 0..5u64).prop_map(|(key, delay)| Step::Reschedule(key, delay)),
        2 => (0..4u64).prop_map(Step::Wait),
    ]
}

/// The queue of one group as one would write it down: a list that is searched.
#[derive(Default)]
struct Model {
    queued: BTreeMap<String, (Urgency, Instant, u64)>,
    taken: Vec<String>,
    again: BTreeMap<String, (Urgency, Instant, u64)>,
    arrivals: u64,
    passed_over: [u32; 3],
}

impl Model {
    fn add(&mut self, key: &str, urgency: Urgency, ready: Instant) {
        self.arrivals += 1;
        let map = if self.taken.iter().any(|one| one == key) {
            &mut self.again
        } else {
            &mut self.queued
        };
        let merged = map.get(key).map_or((urgency, ready, self.arrivals), |old| {
            (old.0.min(urgency), old.1.min(ready), old.2)
        });
        map.insert(key.to_owned(), merged);
    }

    fn take(&mut self, now: Instant) -> Option<String> {
        let ready = |urgency: Urgency| {
            self.queued.iter().filter(move |(_, one)| one.1 <= now && one.0 == urgency)
        };
        let starving =
            |urgency: &Urgency| self.passed_over[*urgency as usize] >= TURNS_BEFORE_OTHERS;
        let levels = Urgency::ALL.into_iter().filter(starving).chain(Urgency::ALL);
        let (urgency, key) = levels.into_iter().find_map(|urgency| {
            Some((urgency, ready(urgency).min_by_key(|(_, one)| one.2)?.0.clone()))
        })?;
        self.queued.remove(&key);
        self.taken.push(key.clone());
        for level in Urgency::ALL {
            let left = self.queued.values().any(|one| one.1 <= now && one.0 == level);
            let turns = &mut self.passed_over[level as usize];
            *turns = if level == urgency || !left { 0 } else { *turns + 1 };
        }
        Some(key)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No key is lost, none is handed out twice, urgency goes before arrival, and nothing comes
    /// before its time.
    #[test]
    fn it_does_what_the_model_does(steps in prop::collection::vec(step(), 0..80)) {
        let mut queue = Queue::default();
        let mut model = Model::default();
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Add(key, urgency, delay) => {
                    let key = key.to_string();
                    let ready = now + Duration::from_secs(delay);
                    queue.add(&key, place(Urgency::ALL[urgency], "one", ready));
                    model.add(&key, Urgency::ALL[urgency], ready);
                }
                Step::Take => prop_assert_eq!(take(&mut queue, now), model.take(now)),
                Step::Done(index) => {
                    let Some(key) = model.taken.get(index).cloned() else { continue };
                    queue.done(&key);
                    model.taken.retain(|one| *one != key);
                    if let Some(place) = model.again.remove(&key) {
                        model.queued.insert(key, place);
                    }
                }
                Step::Forget(key) => {
                    let key = key.to_string();
                    queue.forget(&key);
                    model.queued.remove(&key);
                    model.again.remove(&key);
                }
                Step::Reschedule(key, delay) => {
                    let key = key.to_string();
                    let ready = now + Duration::from_secs(delay);
                    queue.reschedule(&key, ready);
                    let map = if model.taken.contains(&key) { &mut model.again } else { &mut model.queued };
                    if let Some(one) = map.get_mut(&key) {
                        one.1 = ready;
                    }
                }
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
            }
            prop_assert_eq!(queue.len(), model.queued.len() + model.taken.len());
            for (urgency, depth) in queue.depths() {
                prop_assert_eq!(depth, model.queued.values().filter(|one| one.0 == urgency).count());
            }
        }
    }
}

/// A namespace that waited for its backfill moves to the front when its node selector goes wrong.
#[test]
fn a_key_is_promoted() {
    let mut queue = Queue::default();
    let now = Instant::now();
    queue.add(&"old".to_owned(), place(Urgency::Backfill, "", now));
    queue.add(&"broken".to_owned(), place(Urgency::Backfill, "", now));
    queue.add(&"broken".to_owned(), place(Urgency::Placement, "", now));
    assert_eq!(take(&mut queue, now).as_deref(), Some("broken"));
    assert_eq!(take(&mut queue, now).as_deref(), Some("old"));
    assert_eq!(take(&mut queue, now), None);
}

#[test]
fn a_taken_key_waits_until_it_is_done() {
    let mut queue = Queue::default();
    let now = Instant::now();
    let key = "a".to_owned();
    queue.add(&key, place(Urgency::Drift, "", now));
    assert!(take(&mut queue, now).is_some());
    queue.add(&key, place(Urgency::Placement, "", now));
    assert_eq!(queue.len(), 1);
    assert_eq!(take(&mut queue, now), None);
    queue.done(&key);
    assert_eq!(take(&mut queue, now), Some(key));
}

/// One tenant's flood delays another's only namespace by one round.
#[test]
fn groups_take_turns() {
    let mut queue = Queue::default();
    let now = Instant::now();
    for number in 0..1000 {
        queue.add(&format!("flood-{number:04}"), place(Urgency::Placement, "flood", now));
    }
    queue.add(&"single".to_owned(), place(Urgency::Placement, "other", now));
    let first = [take(&mut queue, now), take(&mut queue, now)];
    assert!(first.contains(&Some("single".to_owned())), "{first:?}");
    let next = take(&mut queue, now);
    assert_eq!(next.as_deref(), Some("flood-0001"), "the rest in its own order");
}

/// What is urgent all the time does not keep the rest from being done.
#[test]
fn a_lower_urgency_gets_every_eighth_turn() {
    let mut queue = Queue::default();
    let now = Instant::now();
    for number in 0..100 {
        queue.add(&format!("urgent-{number}"), place(Urgency::Placement, "", now));
        queue.add(&format!("old-{number}"), place(Urgency::Backfill, "", now));
    }
    let taken: Vec<String> = std::iter::from_fn(|| take(&mut queue, now)).take(80).collect();
    assert_eq!(taken.iter().filter(|key| key.starts_with("old")).count(), 10);
}

#[test]
fn a_group_that_may_not_have_more_is_passed_over() {
    let mut queue = Queue::default();
    let now = Instant::now();
    queue.add(&"a".to_owned(), place(Urgency::Placement, "full", now));
    queue.add(&"b".to_owned(), place(Urgency::Backfill, "free", now));
    assert_eq!(queue.take(now, |group| group != "full").map(|(key, _)| key).as_deref(), Some("b"));
    assert_eq!(queue.take(now, |group| group != "full"), None);
    assert_eq!(queue.only_ready_group(now).as_deref(), Some("full"));
    queue.add(&"c".to_owned(), place(Urgency::Drift, "free", now));
    assert_eq!(queue.only_ready_group(now), None);
    assert_eq!(take(&mut queue, now).as_deref(), Some("a"));
}

#[test]
fn the_lower_rank_goes_first_within_its_group() {
    let mut queue = Queue::default();
    let now = Instant::now();
    queue.add(&"found".to_owned(), Place { rank: 1, ..place(Urgency::Placement, "", now) });
    queue.add(&"live".to_owned(), place(Urgency::Placement, "", now));
    assert_eq!(take(&mut queue, now).as_deref(), Some("live"));
}

/// What is found last may be what decides where Pods run.
#[test]
fn bulk_that_is_held_waits_and_holds_up_nothing() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.add(&"bulk".to_owned(), place(Urgency::Backfill, "a", now));
    queue.hold_bulk();
    queue.hold_bulk();
    assert_eq!((take(&mut queue, now), queue.next_ready(now)), (None, None));
    queue.add(&"placed".to_owned(), place(Urgency::Placement, "a", now));
    assert_eq!(queue.next_ready(now), Some(now));
    assert_eq!(take(&mut queue, now).as_deref(), Some("placed"));
    queue.release_bulk();
    assert_eq!(take(&mut queue, now), None, "another plan is under way");
    queue.release_bulk();
    assert_eq!(queue.next_ready(now), Some(now));
    assert_eq!(take(&mut queue, now).as_deref(), Some("bulk"));
}
