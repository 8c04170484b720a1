//! Verdict: whether a controller grows, and whether it writes more than it has to.
//!
//! What a program needs goes up and down with what it does, and up at first. So the medians of two
//! quarters of the time are compared: of the second, when it is warm, and of the last. A median
//! does not see single peaks, nor the short lives of a controller that is killed again and again. A
//! leader needs more than a follower, so each is compared with its like.
//! What grows by less than the tolerance in half of the time is not found: an hour finds 6 MiB in
//! half an hour, a night finds them in four hours.

use std::fmt;

use super::fleet::NAMES;
use super::record::{Row, State, series};

/// Growth that counts as none: this share, or so much, what is more.
const SHARE: f64 = 0.1;
/// Samples without which a quarter says nothing.
const MIN_SAMPLES: usize = 3;
/// Changes without which writes say nothing.
const MIN_CHANGES: usize = 10;
/// Writes for one that is necessary: the tenant of a namespace that is created may be edited before
/// it is written, a failover may repeat what was under way, and an edit that changes a placement is
/// written before all other keys.
const MAX_WRITES: f64 = 1.5;
/// Writes beyond that, whatever happens: a new leader looks at everything.
const MORE_WRITES: f64 = 20.0;

/// A figure that must not grow for ever, in which unit, and by how much it may vary.
struct Figure {
    name: &'static str,
    unit: &'static str,
    read: fn(&State) -> f64,
    /// Memory: what the allocator keeps, and what only the leader needs. Descriptors: connections
    /// of clients that come and go. Threads: those for blocking calls, which end when idle.
    floor: f64,
}

const FIGURES: [Figure; 3] = [
    Figure { name: "memory", unit: " MiB", read: |state| state.memory, floor: 6.0 },
    Figure { name: "descriptors", unit: "", read: |state| state.descriptors, floor: 8.0 },
    Figure { name: "threads", unit: "", read: |state| state.threads, floor: 4.0 },
];

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) subject: String,
    pub(super) words: String,
    pub(super) is_broken: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.words)
    }
}

/// Everything that is judged.
pub(super) fn judge(rows: &[Row]) -> Vec<Check> {
    let growth = NAMES.iter().flat_map(|name| FIGURES.iter().map(|one| one.check(rows, name)));
    growth.chain([check_writes(rows), check_pods(rows)]).collect()
}

impl Figure {
    /// Of a controller, as a leader and as a follower: the worse of both, of those that can be told.
    fn check(&self, rows: &[Row], name: &str) -> Check {
        let growths = [true, false].map(|leads| self.growth(rows, name, leads));
        let worst = growths.into_iter().flatten().max_by(|a, b| a.excess().total_cmp(&b.excess()));
        let subject = format!("{name}, {}", self.name);
        let Some(growth) = worst else {
            return Check { subject, words: "too few samples, as a leader or as a follower, in the second quarter and the last: take more time, or more failovers".to_owned(), is_broken: true };
        };
        let (is_broken, unit) = (growth.excess() > 0.0, self.unit);
        let words = format!(
            "{} as a {}: {:.1}{unit} in the second quarter, {:.1}{unit} in the last; {:.1}{unit} more would count as none",
            if is_broken { "grows" } else { "levels off" },
            if growth.leads { "leader" } else { "follower" },
            growth.early,
            growth.late,
            growth.allowed
        );
        Check { subject, words, is_broken }
    }

    /// Nothing where there are too few samples.
    fn growth(&self, rows: &[Row], name: &str, leads: bool) -> Option<Growth> {
        let end = rows.last()?.at;
        let quarter = |from: f64, to: f64| {
            let within = rows.iter().filter(|row| (from..=to).contains(&(row.at / end)));
            let states = within.flat_map(|row| &row.controllers);
            let alike = states.filter(|one| one.name == name && one.leads == leads && !one.frozen);
            median(alike.map(self.read).collect())
        };
        let (early, late) = quarter(0.25, 0.5).zip(quarter(0.75, 1.0))?;
        Some(Growth { leads, early, late, allowed: (early * SHARE).max(self.floor) })
    }
}

/// Medians of the second quarter and of the last.
struct Growth {
    leads: bool,
    early: f64,
    late: f64,
    allowed: f64,
}

impl Growth {
    /// By how much it is more than allowed.
    fn excess(&self) -> f64 {
        self.late - self.early - self.allowed
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.len() < MIN_SAMPLES {
        return None;
    }
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn check_writes(rows: &[Row]) -> Check {
    let subject = "writes".to_owned();
    let needed = rows.last().map_or(0, |row| row.churn.needed);
    let written: f64 =
        NAMES.iter().filter_map(|name| Some(series(rows, name, |one| one.writes).last()?.1)).sum();
    let allowed = needed as f64 * MAX_WRITES + MORE_WRITES;
    let words = format!(
        "{written:.0} of namespaces for {needed} that were necessary, {allowed:.0} at most"
    );
    let is_broken = needed < MIN_CHANGES || written > allowed || written < 1.0;
    Check { subject, words, is_broken }
}

fn check_pods(rows: &[Row]) -> Check {
    let churn = rows.last().map(|row| row.churn).unwrap_or_default();
    let words = format!("{} of {} ran outside their pool", churn.strays, churn.deleted);
    Check { subject: "Pods".to_owned(), words, is_broken: churn.strays > 0 }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::record::Counts;
    use super::*;

    const SAMPLES: usize = 240;

    /// An hour in which controller `two` is so at each share of the time, and `one` always the same.
    fn hour(of: impl Fn(f64, &mut State)) -> Vec<Row> {
        let row = |number: usize| {
            let share = number as f64 / SAMPLES as f64;
            let state = |name| State {
                name,
                memory: 30.0,
                descriptors: 20.0,
                threads: 6.0,
                leads: name == NAMES[number / 20 % 2],
                writes: 500.0 * share,
                ..State::default()
            };
            let (one, mut two) = (state(NAMES[0]), state(NAMES[1]));
            of(share, &mut two);
            let needed = (1000.0 * share) as usize;
            let churn = Counts { created: needed, deleted: needed, needed, ..Counts::default() };
            Row { at: 3600.0 * share, controllers: vec![one, two], churn, ..Row::default() }
        };
        (0..=SAMPLES).map(row).collect()
    }

    fn broken(rows: &[Row]) -> Vec<String> {
        let broken = judge(rows).into_iter().filter(|check| check.is_broken);
        broken.map(|check| check.subject).collect()
    }

    #[rstest]
    #[case::flat(|_: f64| 30.0)]
    #[case::levels_off(|share: f64| 60.0 - 40.0 * (-20.0 * share).exp())]
    #[case::a_sawtooth(|share: f64| 30.0 + 25.0 * (share * 9.7).fract())]
    #[case::a_sawtooth_of_lives(|share: f64| 10.0 + 20.0 * (share * 30.3).fract())]
    #[case::one_peak(|share: f64| if share > 0.99 { 300.0 } else { 30.0 })]
    #[case::falls(|share: f64| 90.0 - 40.0 * share)]
    fn memory_that_levels_off(#[case] memory: fn(f64) -> f64) {
        assert_eq!(broken(&hour(|share, two| two.memory = memory(share))), [""; 0]);
    }

    #[rstest]
    #[case::grows(|share: f64| 30.0 + 30.0 * share)]
    #[case::grows_slowly(|share: f64| 30.0 + 13.0 * share)]
    #[case::grows_in_steps(|share: f64| 30.0 + 10.0 * (share * 5.0).floor())]
    #[case::a_sawtooth_that_grows(|share: f64| 30.0 + 30.0 * share + 10.0 * (share * 40.3).fract())]
    #[case::grows_late(|share: f64| if share > 0.7 { 60.0 } else { 30.0 })]
    fn memory_that_grows(#[case] memory: fn(f64) -> f64) {
        assert_eq!(broken(&hour(|share, two| two.memory = memory(share))), ["two, memory"]);
    }

    #[test]
    fn descriptors_and_threads_that_grow() {
        let rows = hour(|share, two| {
            two.descriptors += 40.0 * share;
            two.threads += 20.0 * share;
        });
        assert_eq!(broken(&rows), ["two, descriptors", "two, threads"]);
        let words = judge(&rows).into_iter().find(|check| check.is_broken).expect("broken").words;
        assert!(
            words.starts_with(
                "grows as a follower: 35.0 in the second quarter, 55.0 in the last; 8.0 more"
            ),
            "{words}"
        );
    }

    /// It leads more often in the last quarter than in the second.
    #[test]
    fn a_leader_may_need_more() {
        let rows = |growth: f64| {
            hour(move |share, two| {
                two.leads = if share < 0.6 {
                    share * 240.0 % 20.0 < 5.0
                } else {
                    share * 240.0 % 20.0 >= 5.0
                };
                two.descriptors = if two.leads { 40.0 + growth * share } else { 20.0 };
            })
        };
        assert_eq!(broken(&rows(0.0)), [""; 0]);
        assert_eq!(broken(&rows(30.0)), ["two, descriptors"]);
    }

    /// One that stands still cannot grow, and hides nothing.
    #[test]
    fn frozen_samples_do_not_count() {
        let rows = hour(|share, two| {
            two.frozen = share > 0.8 && share < 0.95;
            two.memory = if two.frozen { 900.0 } else { 30.0 };
        });
        assert_eq!(broken(&rows), [""; 0]);
    }

    #[rstest]
    #[case::as_many_as_changes(500.0, true)]
    #[case::some_more(900.0, true)]
    #[case::twice_as_many(1600.0, false)]
    fn writes_beyond_the_changes(#[case] of_two: f64, #[case] is_kept: bool) {
        let rows = hour(|share, two| two.writes = of_two * share);
        assert_eq!(broken(&rows).is_empty(), is_kept, "{:?}", broken(&rows));
    }

    #[test]
    fn what_did_not_happen_shows_nothing() {
        let few: Vec<Row> = hour(|_, _| {}).into_iter().step_by(60).collect();
        let all = ["one, memory", "one, descriptors", "one, threads"];
        assert_eq!(broken(&few).iter().take(3).collect::<Vec<_>>(), all.each_ref());
        assert!(broken(&[]).contains(&"writes".to_owned()));
        let mut idle = hour(|_, _| {});
        idle.iter_mut().for_each(|row| row.churn = Counts::default());
        assert_eq!(broken(&idle), ["writes"]);
    }

    #[test]
    fn one_pod_outside_its_pool_is_too_many() {
        let mut rows = hour(|_, _| {});
        rows.last_mut().expect("a row").churn.strays = 1;
        assert_eq!(broken(&rows), ["Pods"]);
    }
}
