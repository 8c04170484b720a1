//! Queue: which namespace is next. One entry a namespace; the most urgent first, and among equals the one that waits longest.
//!
//! ```text
//! add ─▶ waiting (ready time) ─▶ ready (urgency, then first come) ─▶ taken ─▶ done
//!                                      ▲ what is added meanwhile ──────┘
//! ```
//!
//! Adding a key again keeps the higher urgency and the earlier ready time. A key that was taken is handed out again only after it
//! is done; what was added in between counts then. The clock is the caller's: every call says what time it is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

/// How much a namespace's plan matters; the smaller, the sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Pods would land outside of the pool: a placement key is missing or wrong.
    Placement,
    /// Another difference of a namespace that just changed.
    Drift,
    /// A difference that was there before landlord looked.
    Backfill,
    /// Something failed and is tried again.
    Retry,
}

impl Urgency {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Placement, Self::Drift, Self::Backfill, Self::Retry];

    /// A bounded word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Drift => "drift",
            Self::Backfill => "backfill",
            Self::Retry => "retry",
        }
    }
}

/// A key's place: what for, from when on, and who came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    urgency: Urgency,
    ready: Instant,
    arrival: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    places: HashMap<String, Place>,
    ready: BTreeSet<(Urgency, u64, String)>,
    waiting: BTreeSet<(Instant, u64, String)>,
    taken: HashSet<String>,
    /// What was added to keys that are taken.
    again: HashMap<String, Place>,
    arrivals: u64,
}

impl Queue {
    /// Adds a key that may be taken from `ready` on.
    pub fn add(&mut self, key: &str, urgency: Urgency, ready: Instant) {
        self.arrivals += 1;
        let place = Place { urgency, ready, arrival: self.arrivals };
        if self.taken.contains(key) {
            let merged = self.again.get(key).map_or(place, |earlier| earlier.merged(place));
            self.again.insert(key.to_owned(), merged);
            return;
        }
        let merged = self.remove(key).map_or(place, |earlier| earlier.merged(place));
        self.insert(key.to_owned(), merged);
    }

    /// Hands out the next key whose time has come. It stays taken until [`Self::done`].
    pub fn take(&mut self, now: Instant) -> Option<(String, Urgency)> {
        self.promote(now);
        let (urgency, _, key) = self.ready.pop_first()?;
        self.places.remove(&key);
        self.taken.insert(key.clone());
        Some((key, urgency))
    }

    /// Gives a taken key back; it is handed out again only if it was added in between.
    pub fn done(&mut self, key: &str) {
        if self.taken.remove(key)
            && let Some(place) = self.again.remove(key)
        {
            self.insert(key.to_owned(), place);
        }
    }

    /// Forgets a key: its namespace is gone. If it is taken, it will not come again.
    pub fn forget(&mut self, key: &str) {
        self.remove(key);
        self.again.remove(key);
    }

    /// When the next key's time comes; the past if it has come already, `None` if there is none.
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        if self.ready.is_empty() { self.waiting.first().map(|(ready, ..)| *ready) } else { Some(now) }
    }

    /// How many keys are ready or waiting, by urgency.
    pub fn depths(&self) -> [(Urgency, usize); 4] {
        Urgency::ALL.map(|urgency| (urgency, self.places.values().filter(|place| place.urgency == urgency).count()))
    }

    /// How many keys there are, taken ones included.
    pub fn len(&self) -> usize {
        self.places.len() + self.taken.len()
    }

    fn insert(&mut self, key: String, place: Place) {
        self.waiting.insert((place.ready, place.arrival, key.clone()));
        self.places.insert(key, place);
    }

    fn remove(&mut self, key: &str) -> Option<Place> {
        let place = self.places.remove(key)?;
        self.waiting.remove(&(place.ready, place.arrival, key.to_owned()));
        self.ready.remove(&(place.urgency, place.arrival, key.to_owned()));
        Some(place)
    }

    /// Makes ready whose time has come.
    fn promote(&mut self, now: Instant) {
        while self.waiting.first().is_some_and(|(ready, ..)| *ready <= now) {
            let Some((_, arrival, key)) = self.waiting.pop_first() else { return };
            if let Some(place) = self.places.get(&key) {
                self.ready.insert((place.urgency, arrival, key));
            }
        }
    }
}

impl Place {
    /// The higher urgency, the earlier time, and the older claim to a turn.
    fn merged(self, other: Self) -> Self {
        Self { urgency: self.urgency.min(other.urgency), ready: self.ready.min(other.ready), arrival: self.arrival.min(other.arrival) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(u8, usize, u64),
        Take,
        Done(usize),
        Forget(u8),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..6u8, 0..4usize, 0..5u64).prop_map(|(key, urgency, delay)| Step::Add(key, urgency, delay)),
            3 => Just(Step::Take),
            2 => (0..3usize).prop_map(Step::Done),
            1 => (0..6u8).prop_map(Step::Forget),
            2 => (0..4u64).prop_map(Step::Wait),
        ]
    }

    /// The queue as one would write it down: a list that is searched.
    #[derive(Default)]
    struct Model {
        queued: BTreeMap<String, Place>,
        taken: Vec<String>,
        again: BTreeMap<String, Place>,
        arrivals: u64,
    }

    impl Model {
        fn add(&mut self, key: &str, urgency: Urgency, ready: Instant) {
            self.arrivals += 1;
            let place = Place { urgency, ready, arrival: self.arrivals };
            let map = if self.taken.iter().any(|one| one == key) { &mut self.again } else { &mut self.queued };
            let merged = map.get(key).map_or(place, |old| Place {
                urgency: old.urgency.min(urgency),
                ready: old.ready.min(ready),
                arrival: old.arrival,
            });
            map.insert(key.to_owned(), merged);
        }

        fn take(&mut self, now: Instant) -> Option<(String, Urgency)> {
            let ready = self.queued.iter().filter(|(_, place)| place.ready <= now);
            let (key, place) = ready.min_by_key(|(_, place)| (place.urgency, place.arrival))?;
            let (key, urgency) = (key.clone(), place.urgency);
            self.queued.remove(&key);
            self.taken.push(key.clone());
            Some((key, urgency))
        }

        fn done(&mut self, key: &str) {
            self.taken.retain(|one| one != key);
            if let Some(place) = self.again.remove(key) {
                self.queued.insert(key.to_owned(), place);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// No key is lost, none is handed out twice, urgency goes before arrival, and nothing comes before its time.
        #[test]
        fn it_does_what_the_model_does(steps in prop::collection::vec(step(), 0..80)) {
            let (mut queue, mut model, mut now) = (Queue::default(), Model::default(), Instant::now());
            for step in steps {
                match step {
                    Step::Add(key, urgency, delay) => {
                        let (key, ready) = (key.to_string(), now + Duration::from_secs(delay));
                        queue.add(&key, Urgency::ALL[urgency], ready);
                        model.add(&key, Urgency::ALL[urgency], ready);
                    }
                    Step::Take => {
                        let taken = queue.take(now);
                        prop_assert_eq!(&taken, &model.take(now));
                    }
                    Step::Done(index) => {
                        let Some(key) = model.taken.get(index).cloned() else { continue };
                        queue.done(&key);
                        model.done(&key);
                    }
                    Step::Forget(key) => {
                        queue.forget(&key.to_string());
                        model.queued.remove(&key.to_string());
                        model.again.remove(&key.to_string());
                    }
                    Step::Wait(seconds) => now += Duration::from_secs(seconds),
                }
                prop_assert_eq!(queue.len(), model.queued.len() + model.taken.len());
                prop_assert_eq!(queue.depths().iter().map(|(_, count)| count).sum::<usize>(), model.queued.len());
                let next = model.queued.values().map(|place| place.ready).min();
                prop_assert_eq!(queue.next_ready(now).map(|at| at.max(now)), next.map(|at| at.max(now)));
            }
        }
    }

    /// A namespace that waited for its backfill moves to the front when its node selector goes wrong.
    #[test]
    fn a_key_is_promoted() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add("old", Urgency::Backfill, now);
        queue.add("broken", Urgency::Backfill, now);
        queue.add("broken", Urgency::Placement, now);
        assert_eq!(queue.take(now), Some(("broken".to_owned(), Urgency::Placement)));
        assert_eq!(queue.take(now), Some(("old".to_owned(), Urgency::Backfill)));
        assert_eq!(queue.take(now), None);
    }

    #[test]
    fn a_taken_key_waits_until_it_is_done() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add("a", Urgency::Drift, now);
        queue.take(now);
        queue.add("a", Urgency::Placement, now);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.take(now), None);
        queue.done("a");
        assert_eq!(queue.take(now), Some(("a".to_owned(), Urgency::Placement)));
    }
}
