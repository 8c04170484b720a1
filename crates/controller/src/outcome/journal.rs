//! Journal: the newest outcomes and how long namespaces waited, for anyone who looks at the
//! dashboard. Of bounded size, whatever happens.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// Entries that are kept.
const MAX_ENTRIES: usize = 500;
/// Characters of a message that are kept: an error of the API server can be long.
const MAX_MESSAGE_BYTES: usize = 600;
/// Bounds of the counts of waits, in milliseconds; what took longer than the last is counted beyond
/// it.
pub const BOUNDS: [u64; 8] = [10, 50, 100, 500, 1_000, 5_000, 30_000, 300_000];

/// See the module.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// How many there have ever been.
    count: u64,
    waits: [u64; BOUNDS.len() + 1],
}

/// What became of something.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Grows by one from entry to entry.
    pub number: u64,
    pub at: Timestamp,
    pub sort: Sort,
    /// A bounded word.
    pub reason: String,
    /// The namespace, `namespace/pod`, tenant or policy that it is about.
    pub object: String,
    pub tenant: Option<String>,
    pub message: String,
    /// How long it waited for that.
    pub waited: Option<Duration>,
}

/// How it is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It was done.
    Done,
    /// A user should know.
    Notice,
    /// A user should do something.
    Trouble,
}

impl Sort {
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Notice => "notice",
            Self::Trouble => "trouble",
        }
    }
}

impl Entry {
    pub fn new(sort: Sort, reason: &str, object: impl Into<String>, message: &str) -> Self {
        let message = message.chars().take(MAX_MESSAGE_BYTES).collect();
        Self {
            number: 0,
            at: Timestamp::now(),
            sort,
            reason: reason.to_owned(),
            object: object.into(),
            tenant: None,
            message,
            waited: None,
        }
    }

    pub fn with_tenant(self, tenant: Option<&str>) -> Self {
        Self { tenant: tenant.map(str::to_owned), ..self }
    }

    pub fn after(self, waited: Duration) -> Self {
        Self { waited: Some(waited), ..self }
    }
}

impl Journal {
    pub fn write(&self, mut entry: Entry) {
        let mut pages = self.pages();
        pages.count += 1;
        entry.number = pages.count;
        pages.entries.push_back(entry);
        if pages.entries.len() > MAX_ENTRIES {
            pages.entries.pop_front();
        }
    }

    /// Counts how long a namespace waited to be as its tenant wants it.
    pub fn count_wait(&self, waited: Duration) {
        let place = BOUNDS
            .iter()
            .position(|bound| waited <= Duration::from_millis(*bound))
            .unwrap_or(BOUNDS.len());
        if let Some(count) = self.pages().waits.get_mut(place) {
            *count += 1;
        }
    }

    /// The newest first, and how many there have ever been.
    pub fn entries(&self) -> (Vec<Entry>, u64) {
        let pages = self.pages();
        (pages.entries.iter().rev().cloned().collect(), pages.count)
    }

    /// How many there have ever been.
    pub fn count(&self) -> u64 {
        self.pages().count
    }

    /// How many waited up to each of [`BOUNDS`], and longer.
    pub fn waits(&self) -> [u64; BOUNDS.len() + 1] {
        self.pages().waits
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_bounded_size() {
        let journal = Journal::default();
        for number in 0..2000 {
            journal.write(Entry::new(
                Sort::Done,
                "Written",
                format!("web-{number}"),
                &"x".repeat(10_000),
            ));
        }
        let (entries, count) = journal.entries();
        assert_eq!((entries.len(), count), (MAX_ENTRIES, 2000));
        assert_eq!(
            entries.first().map(|one| (one.number, one.object.as_str())),
            Some((2000, "web-1999"))
        );
        assert!(entries.iter().all(|one| one.message.len() == MAX_MESSAGE_BYTES));
    }

    #[test]
    fn each_wait_has_its_place() {
        let journal = Journal::default();
        for milliseconds in [0, 10, 11, 1_000, 400_000, 4_000_000] {
            journal.count_wait(Duration::from_millis(milliseconds));
        }
        assert_eq!(journal.waits(), [2, 1, 0, 0, 1, 0, 0, 0, 2]);
    }
}
