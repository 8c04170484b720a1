//! Record: what one leader leaves the next, so that nothing is counted twice: a JSON document in a
//! ConfigMap. Of bounded size, whatever happens.
//!
//! ```text
//! {"since", "until", "written", "total": LINE, "tenants": {"solar": LINE}, "outside": {"solar": [uid]}, "unlisted": 0}
//! LINE = {"inside", "outside": placements, "violations", "ended", "outsideNow", "lastViolation", "clearSince"}
//! ```

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pod::Uid;

/// Placements are counted in parts of so many seconds.
const PART_SECONDS: i64 = 10;

/// Pods outside that are remembered one by one.
pub const MAX_LISTED: usize = 1000;
/// A leader writes at least so often; a record that is older is of one who counts no more.
pub const MAX_AGE_SECONDS: i64 = 900;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When counting began.
    pub since: Timestamp,
    /// Placements before this time, in seconds since 1970, are in the lines; later ones are not.
    pub until: i64,
    pub written: Timestamp,
    #[serde(default)]
    pub total: Line,
    #[serde(default)]
    pub tenants: BTreeMap<String, Line>,
    /// Pods that are outside and have been counted, by tenant.
    #[serde(default)]
    pub outside: BTreeMap<String, Vec<String>>,
    /// How many more there are.
    #[serde(default)]
    pub unlisted: usize,
}

/// What was counted of one tenant, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Line {
    /// Placements of Pods on nodes of their pool, and on others.
    pub inside: u64,
    pub outside: u64,
    /// Pods that were found outside, and those of them that are not any more.
    pub violations: u64,
    pub ended: u64,
    pub outside_now: u64,
    pub last_violation: Option<Timestamp>,
    /// Since when none is outside.
    pub clear_since: Option<Timestamp>,
}

impl Record {
    /// An empty one.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            since: now,
            until: part_of(now.as_second()),
            written: now,
            total: Line::default(),
            tenants: BTreeMap::new(),
            outside: BTreeMap::new(),
            unlisted: 0,
        }
    }

    /// From its text; `None` where that is no record.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether another says the same, whenever it was written.
    pub fn says_what(&self, other: &Self) -> bool {
        let at =
            |record: &Self| Self { until: 0, written: Timestamp::UNIX_EPOCH, ..record.clone() };
        at(self) == at(other)
    }

    /// The Pods of it, and whose they are.
    pub(super) fn listed(&self) -> impl Iterator<Item = (Uid, &String)> {
        let of_tenant = |(tenant, uids): (_, &Vec<String>)| {
            uids.iter().map(move |uid| (Uid::parse(uid), tenant)).collect::<Vec<_>>()
        };
        self.outside.iter().flat_map(of_tenant)
    }
}

impl Line {
    /// Takes in how many are outside now; whether that is news.
    pub(super) fn set_outside(&mut self, outside: u64, now: Timestamp) -> bool {
        let before = (self.outside_now, self.clear_since);
        self.outside_now = outside;
        self.clear_since = (outside == 0).then(|| self.clear_since.unwrap_or(now));
        before != (self.outside_now, self.clear_since)
    }

    pub(super) fn place(&mut self, inside: u64, outside: u64) {
        (self.inside, self.outside) = (self.inside + inside, self.outside + outside);
    }

    pub(super) fn violate(&mut self, now: Timestamp) {
        self.violations += 1;
        self.last_violation = Some(now);
        self.clear_since = None;
    }
}

/// The second with which the part of this one begins.
pub(super) fn part_of(second: i64) -> i64 {
    second - second.rem_euclid(PART_SECONDS)
}
