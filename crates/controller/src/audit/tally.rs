//! Tally: placements and violations, counted once, whichever replica leads.
//!
//! A leader leaves a record of all placements before a time, and of the Pods that it counted as
//! outside. Every replica counts what it sees by the second in which a Pod got its node; what is
//! before the record's time is in the record, and what is after it is added. So a new leader, which
//! saw the same Pods, or lists them, counts none of them again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::jiff::Timestamp;

use super::Stray;
use super::pod::Uid;
use super::record::{Line, MAX_LISTED, Record, part_of};

/// Parts are kept until a leader has them in its record; the last hour at most.
const MAX_PARTS: usize = 360;
/// So many seconds after a placement its record is final: by then it was seen and judged.
const MARGIN_SECONDS: i64 = 60;

/// Placements inside and outside, by tenant.
type Part = BTreeMap<String, (u64, u64)>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What leaders have left, and what this one has added; `None` until it was read.
    record: Option<Record>,
    /// By the second with which they begin.
    parts: BTreeMap<i64, Part>,
    /// Pods that were counted as violations and are not over, and whose they are.
    counted: HashMap<Uid, String>,
    /// Pods of which not each is in the record, so that all that were placed before this are taken
    /// to be counted.
    counted_before: Option<Timestamp>,
}

impl Tally {
    /// A Pod was placed in this second. One that came by the watch was placed now, whatever clocks
    /// say.
    pub(super) fn place(&mut self, tenant: &str, is_inside: bool, second: i64, is_live: bool) {
        let part = part_of(second);
        let until = self.record.as_ref().filter(|_| is_live).map_or(part, |record| record.until);
        let counts = self.parts.entry(part.max(until)).or_default();
        let (inside, outside) = counts.entry(tenant.to_owned()).or_default();
        *if is_inside { inside } else { outside } += 1;
        while self.parts.len() > MAX_PARTS {
            self.parts.pop_first();
        }
    }

    /// Takes in what leaders have counted.
    pub(super) fn adopt(&mut self, record: Record) {
        self.counted = record.listed().map(|(uid, tenant)| (uid, tenant.clone())).collect();
        self.counted_before = (record.unlisted > 0).then_some(record.written);
        self.record = Some(record);
    }

    pub(super) fn is_adopted(&self) -> bool {
        self.record.is_some()
    }

    pub(super) fn has_counted(&self, uid: Uid) -> bool {
        self.counted.contains_key(&uid)
    }

    pub(super) fn counted(&self) -> impl Iterator<Item = Uid> {
        self.counted.keys().copied()
    }

    /// Counts a Pod outside, if it was not; whether it was not.
    pub(super) fn count_violation(&mut self, stray: &Stray, now: Timestamp) -> bool {
        let is_known = self.counted.insert(stray.uid, stray.tenant.clone()).is_some();
        if is_known || self.counted_before.is_some_and(|time| stray.since <= time) {
            return false;
        }
        self.each_line(&stray.tenant, |line| line.violate(now));
        true
    }

    /// It is inside, or gone.
    pub(super) fn end_violation(&mut self, uid: Uid) {
        if let Some(tenant) = self.counted.remove(&uid) {
            self.each_line(&tenant, |line| line.ended += 1);
        }
    }

    /// How many are outside now, by tenant; whether that is news.
    pub(super) fn set_outside(&mut self, outside: &BTreeMap<String, u64>, now: Timestamp) -> bool {
        let Some(record) = &mut self.record else { return false };
        for tenant in outside.keys() {
            record.tenants.entry(tenant.clone()).or_default();
        }
        let mut is_news = record.total.set_outside(outside.values().sum(), now);
        for (tenant, line) in &mut record.tenants {
            is_news |= line.set_outside(outside.get(tenant).copied().unwrap_or_default(), now);
        }
        is_news
    }

    fn each_line(&mut self, tenant: &str, change: impl Fn(&mut Line)) {
        if let Some(record) = &mut self.record {
            change(&mut record.total);
            change(record.tenants.entry(tenant.to_owned()).or_default());
        }
    }

    /// Since when is counted.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.record.as_ref().map(|record| record.since)
    }

    /// All, and by tenant: what leaders have left, and what was placed since.
    pub(super) fn lines(&self) -> (Line, BTreeMap<String, Line>) {
        let Some(mut record) = self.record.clone() else { return Default::default() };
        for (_, part) in self.parts.range(record.until..) {
            record.add(part);
        }
        (record.total, record.tenants)
    }

    /// What the next leader has to know. Tenants that are gone are forgotten.
    pub(super) fn record(&mut self, now: Timestamp, tenants: &BTreeSet<String>) -> Option<Record> {
        let record = self.record.as_mut()?;
        let until = record.until.max(part_of(now.as_second() - MARGIN_SECONDS));
        let later = self.parts.split_off(&until);
        let before = std::mem::replace(&mut self.parts, later);
        for (_, part) in before.range(record.until..) {
            record.add(part);
        }
        (record.until, record.written) = (until, now);
        let present: BTreeSet<&String> = self.counted.values().collect();
        record.tenants.retain(|name, _| tenants.contains(name) || present.contains(name));
        let mut counted: Vec<(&Uid, &String)> = self.counted.iter().collect();
        counted.sort_unstable();
        record.unlisted = counted.len().saturating_sub(MAX_LISTED);
        record.outside.clear();
        for (uid, tenant) in counted.into_iter().take(MAX_LISTED) {
            record.outside.entry(tenant.clone()).or_default().push(uid.to_string());
        }
        Some(record.clone())
    }
}

impl Record {
    fn add(&mut self, part: &Part) {
        for (tenant, (inside, outside)) in part {
            self.total.place(*inside, *outside);
            self.tenants.entry(tenant.clone()).or_default().place(*inside, *outside);
        }
    }
}
