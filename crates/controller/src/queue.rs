//! A queue of keys, one entry a key, fair between groups. Used for namespaces and for gated Pods; a
//! group is a tenant.
//!
//! ```text
//! add ─▶ waiting (ready time) ─▶ ready (urgency ─▶ group, in turns ─▶ rank, then first come) ─▶ taken ─▶ done
//!                                      ▲ what is added meanwhile ─────────────────────────────────────────┘
//! ```
//!
//! Adding a key again keeps the higher urgency, the lower rank and the earlier ready time. A key
//! that was taken is handed out again only after it is done; what was added in between counts then.
//! Within an urgency groups take turns, and a lower urgency gets at least every eighth turn, so
//! that nobody's flood is another's delay. The clock is the caller's: every call says what time it
//! is.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

mod lane;

use self::lane::Lane;

/// Turns that more urgent keys may have in a row while a less urgent one is ready.
const TURNS_BEFORE_OTHERS: u32 = 7;

/// How much a key matters; the smaller, the sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Pods would land outside of the pool: a placement key is missing or wrong.
    Placement,
    /// Another difference of a namespace that just changed.
    Drift,
    /// A difference that was there before landlord looked.
    Backfill,
}

impl Urgency {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Placement, Self::Drift, Self::Backfill];

    /// A bounded word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Drift => "drift",
            Self::Backfill => "backfill",
        }
    }
}

/// Where a key stands in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub urgency: Urgency,
    /// Who takes turns with others: a tenant, or empty.
    pub group: Arc<str>,
    /// What goes first within the group; then it is first come, first served.
    pub rank: u64,
    /// Before this time it is not handed out.
    pub ready: Instant,
}

/// A place and when it was first asked for.
#[derive(Clone, Debug)]
struct Entry {
    place: Place,
    arrival: u64,
    is_ready: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Queue<K> {
    entries: HashMap<K, Entry>,
    lanes: [Lane<K>; Urgency::ALL.len()],
    waiting: BTreeSet<(Instant, u64, K)>,
    /// Keys that were handed out, and what was added to them meanwhile.
    taken: HashMap<K, Option<(Place, u64)>>,
    arrivals: u64,
    /// Keys that are ready or waiting, by urgency.
    depths: [usize; Urgency::ALL.len()],
    /// Turns in a row that each urgency was ready and not served.
    passed_over: [u32; Urgency::ALL.len()],
    /// How many hold back what is least urgent.
    bulk_holds: usize,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            lanes: Default::default(),
            waiting: BTreeSet::new(),
            taken: HashMap::new(),
            arrivals: 0,
            depths: [0; Urgency::ALL.len()],
            passed_over: [0; Urgency::ALL.len()],
            bulk_holds: 0,
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    /// Adds a key.
    pub fn add(&mut self, key: &K, place: Place) {
        self.arrivals += 1;
        let arrival = self.arrivals;
        if let Some(again) = self.taken.get_mut(key) {
            let merged = again
                .take()
                .map_or((place.clone(), arrival), |(earlier, at)| (earlier.merged(place), at));
            *again = Some(merged);
            return;
        }
        match self.remove(key) {
            Some(Entry { place: earlier, arrival, .. }) => {
                self.insert(key.clone(), earlier.merged(place), arrival)
            }
            None => self.insert(key.clone(), place, arrival),
        }
    }

    /// Puts a key at another time, later or earlier, if it is queued or was added since it was
    /// taken.
    pub fn reschedule(&mut self, key: &K, ready: Instant) {
        if let Some(Some((place, _))) = self.taken.get_mut(key) {
            place.ready = ready;
        } else if let Some(Entry { place, arrival, .. }) = self.remove(key) {
            self.insert(key.clone(), Place { ready, ..place }, arrival);
        }
    }

    /// Hands out nothing of the least urgency until [`Self::release_bulk`]: something more urgent
    /// may be found meanwhile.
    pub fn hold_bulk(&mut self) {
        self.bulk_holds += 1;
    }

    /// Ends one [`Self::hold_bulk`].
    pub fn release_bulk(&mut self) {
        self.bulk_holds = self.bulk_holds.saturating_sub(1);
    }

    /// Whether anyone holds it back.
    pub fn is_bulk_held(&self) -> bool {
        self.bulk_holds > 0
    }

    /// Whether keys of this urgency wait for [`Self::release_bulk`].
    fn is_held(&self, level: usize) -> bool {
        self.bulk_holds > 0 && level == Urgency::Backfill as usize
    }

    /// Hands out the next key whose time has come, of a group that may have one more. It stays
    /// taken until [`Self::done`].
    pub fn take(&mut self, now: Instant, may_take: impl Fn(&str) -> bool) -> Option<(K, Place)> {
        self.promote(now);
        let mut order: Vec<usize> =
            (0..self.lanes.len()).filter(|level| !self.is_held(*level)).collect();
        // Who was passed over too often comes first.
        order.sort_by_key(|level| {
            self.passed_over.get(*level).is_none_or(|turns| *turns < TURNS_BEFORE_OTHERS)
        });
        let (level, key) = order
            .into_iter()
            .find_map(|level| Some((level, self.lanes.get_mut(level)?.pop(&may_take)?)))?;
        self.count_turn(level);
        let entry = self.entries.remove(&key)?;
        self.count_out(entry.place.urgency);
        self.taken.insert(key.clone(), None);
        Some((key, entry.place))
    }

    /// Gives a taken key back; it is handed out again only if it was added in between.
    pub fn done(&mut self, key: &K) {
        if let Some(Some((place, arrival))) = self.taken.remove(key) {
            self.insert(key.clone(), place, arrival);
        }
    }

    /// Forgets a key: its object is gone. If it is taken, it will not come again.
    pub fn forget(&mut self, key: &K) {
        self.remove(key);
        if let Some(again) = self.taken.get_mut(key) {
            *again = None;
        }
    }

    /// When the next key's time comes; the past if it has come already, `None` if there is none.
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        let mut lanes = self.lanes.iter().enumerate();
        let is_ready = lanes.any(|(level, lane)| !lane.is_empty() && !self.is_held(level));
        if is_ready { Some(now) } else { self.next_waiting() }
    }

    /// When the next key becomes ready that is not yet.
    pub fn next_waiting(&self) -> Option<Instant> {
        self.waiting.first().map(|(ready, ..)| *ready)
    }

    /// The group of all keys that are ready; `None` where there are several, or none.
    pub fn only_ready_group(&mut self, now: Instant) -> Option<Arc<str>> {
        self.promote(now);
        let mut groups = self.lanes.iter().flat_map(Lane::groups);
        let first = groups.next()?;
        groups.all(|group| group == first).then(|| Arc::clone(first))
    }

    /// Where the keys stand that are ready or waiting.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.entries.values().map(|entry| &entry.place)
    }

    /// How many keys are ready or waiting, by urgency.
    pub fn depths(&self) -> [(Urgency, usize); Urgency::ALL.len()] {
        Urgency::ALL
            .map(|urgency| (urgency, self.depths.get(urgency as usize).copied().unwrap_or(0)))
    }

    /// How many keys there are, taken ones included.
    pub fn len(&self) -> usize {
        self.entries.len() + self.taken.len()
    }

    /// Whether there is none, not even a taken one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, key: K, place: Place, arrival: u64) {
        if let Some(depth) = self.depths.get_mut(place.urgency as usize) {
            *depth += 1;
        }
        self.waiting.insert((place.ready, arrival, key.clone()));
        self.entries.insert(key, Entry { place, arrival, is_ready: false });
    }

    fn remove(&mut self, key: &K) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.count_out(entry.place.urgency);
        if entry.is_ready {
            let lane = self.lanes.get_mut(entry.place.urgency as usize)?;
            lane.remove(&entry.place.group, &(entry.place.rank, entry.arrival, key.clone()));
        } else {
            self.waiting.remove(&(entry.place.ready, entry.arrival, key.clone()));
        }
        Some(entry)
    }

    /// Makes ready whose time has come.
    fn promote(&mut self, now: Instant) {
        while self.waiting.first().is_some_and(|(ready, ..)| *ready <= now) {
            let Some((_, arrival, key)) = self.waiting.pop_first() else { return };
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.is_ready = true;
            if let Some(lane) = self.lanes.get_mut(entry.place.urgency as usize) {
                lane.push(&entry.place.group, (entry.place.rank, arrival, key));
            }
        }
    }

    fn count_out(&mut self, urgency: Urgency) {
        if let Some(depth) = self.depths.get_mut(urgency as usize) {
            *depth = depth.saturating_sub(1);
        }
    }

    fn count_turn(&mut self, served: usize) {
        for (level, (turns, lane)) in self.passed_over.iter_mut().zip(&self.lanes).enumerate() {
            *turns = if level == served || lane.is_empty() { 0 } else { *turns + 1 };
        }
    }
}

impl Place {
    /// The higher urgency, the lower rank, the earlier time; the group is the newer one's.
    fn merged(self, newer: Self) -> Self {
        Self {
            urgency: self.urgency.min(newer.urgency),
            group: newer.group,
            rank: self.rank.min(newer.rank),
            ready: self.ready.min(newer.ready),
        }
    }
}

#[cfg(test)]
mod tests;
