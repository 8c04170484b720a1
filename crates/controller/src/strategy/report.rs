//! Report: which mode is in force, by whose choice, and what would change it.

use k8s_openapi::jiff::{SignedDuration, Timestamp, Unit};

use super::decision::AGREEING;
use super::record::Record;
use super::{Mode, Strategy, chosen};
use cluster::policy::Policy;

/// All that is known of a strategy at one moment.
pub struct Report<'a> {
    pub strategy: &'a Strategy,
    pub policy: &'a Policy,
    pub record: &'a Record,
    pub now: Timestamp,
}

impl Report<'_> {
    /// The mode that is in force, whatever the record says.
    pub fn mode(&self) -> Mode {
        self.policy.mode.unwrap_or_default()
    }

    pub fn chosen(&self) -> Option<String> {
        chosen(self.strategy, self.policy.pin).map(|(_, by)| by)
    }

    /// Which mode would come next, and when.
    pub fn next(&self) -> Vec<(Mode, String)> {
        let mode = self.mode();
        if let Some((chosen, by)) = chosen(self.strategy, self.policy.pin) {
            let change = if self.policy.pin.is_some() {
                "`landlord strategy --unpin`"
            } else {
                "an edit of the settings"
            };
            return if chosen == mode {
                vec![(mode, format!("stays until {change}"))]
            } else {
                vec![(chosen, format!("as soon as the guard is enforced: it is {by}"))]
            };
        }
        let often = format!("in {AGREEING} measurements in a row");
        let rested = self.rested();
        let failing = (Mode::Controller, format!("more than half of the probes fail {often}"));
        match mode {
            Mode::Webhook => vec![
                (Mode::Hybrid, format!("a number is over its threshold {often}{rested}")),
                failing,
            ],
            Mode::Hybrid => vec![
                (Mode::Webhook, format!("no number is over its lower threshold {often}{rested}")),
                failing,
            ],
            Mode::Controller => vec![
                (
                    Mode::Webhook,
                    format!("no probe fails and no number is over its threshold {often}{rested}"),
                ),
                (
                    Mode::Hybrid,
                    format!("no probe fails, and a number is over its threshold {often}{rested}"),
                ),
            ],
        }
    }

    /// When the last change is old enough.
    fn rested(&self) -> String {
        let hold =
            SignedDuration::try_from(self.strategy.auto.hold_for).unwrap_or(SignedDuration::MAX);
        let until = self
            .record
            .state
            .changed
            .and_then(|at| at.checked_add(hold).ok())
            .filter(|until| *until > self.now);
        until.map(|until| format!(", not before {}", rounded(until))).unwrap_or_default()
    }
}

/// A time in whole seconds.
pub fn rounded(at: Timestamp) -> Timestamp {
    at.round(Unit::Second).unwrap_or(at)
}
