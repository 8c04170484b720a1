//! Tally: how much was played and looked at, for the end of a report.

use std::collections::BTreeMap;
use std::fmt;

use super::laws::Laws;
use super::schedule::Schedule;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    schedules: usize,
    kinds: BTreeMap<String, usize>,
    checks: usize,
    writes: usize,
    allowed: usize,
}

impl Tally {
    /// Counts a schedule that was played to its end.
    pub fn count(&mut self, schedule: &Schedule, laws: &Laws) {
        self.schedules += 1;
        for step in &schedule.steps {
            *self.kinds.entry(step.event.kind()).or_default() += 1;
        }
        self.checks += laws.checks();
        self.writes += laws.writes;
        self.allowed += laws.allowed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedules, checks, writes, allowed, .. } = self;
        let steps: usize = self.kinds.values().sum();
        let kinds: Vec<String> =
            self.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "{schedules} schedules of {steps} steps: {}", kinds.join(", "))?;
        write!(
            f,
            "{checks} comparisons with the laws; {writes} writes of namespaces, where the changes allowed {allowed}"
        )
    }
}
