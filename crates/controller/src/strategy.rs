//! Strategy: which namespaces are decided by the webhook as they are created, and which by the
//! controller afterwards. The leader measures, decides, and says it to the API server by one of the
//! policy's `matchConditions`.
//!
//! ```text
//! probe ─▶ measurement ─▶ decision (pure) ─▶ condition of the policy
//!                            └─▶ record, log, metric, Event
//! ```

use cluster::policy::{self, Pin};
use k8s_openapi::jiff::Timestamp;

pub mod conditions;
pub mod decision;
pub mod measurement;
pub mod metrics;
pub mod probe;
pub mod record;
pub mod report;
mod term;

use self::decision::{Decision, State, decide, obey};
use self::measurement::Measurement;
pub use self::term::Strategies;
pub use tenancy::settings::Strategy;
pub use tenancy::settings::strategy::{Auto, Critical, Mode};

/// What was chosen by hand, the nearest hand first, else what the measurements call for.
fn choose(
    strategy: &Strategy,
    pin: Option<Pin>,
    state: &State,
    measurement: &Measurement,
    now: Timestamp,
) -> Decision {
    match chosen(strategy, pin) {
        Some((mode, by)) => obey(state, mode, &by, &measurement.guard, now),
        None => decide(state, measurement, &strategy.auto, now),
    }
}

/// The mode that an annotation or the settings choose, and where it was chosen.
pub fn chosen(strategy: &Strategy, pin: Option<Pin>) -> Option<(Mode, String)> {
    let by_hand = pin.map(|pin| {
        (pin.mode, format!("`{}`, pinned by annotation {} of the policy", pin.mode, policy::PIN))
    });
    let by_settings =
        || strategy.pin.map(|mode| (mode, format!("`{mode}`, pinned by the settings")));
    by_hand.or_else(by_settings).or_else(|| {
        strategy.mode.mode().map(|mode| (mode, format!("`{mode}`, the settings' mode")))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tenancy::settings::Settings;

    use super::*;

    /// What users copy is read, and its `auto` is what the defaults are.
    #[test]
    fn the_documentations_example() {
        let text = include_str!("../../../docs/strategies.md");
        let yaml = text
            .split("```yaml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .expect("an example");
        let document: Value = serde_saphyr::from_str(yaml).expect("YAML");
        let strategy = Settings::from_value(&document["settings"])
            .expect("settings")
            .strategy
            .expect("a strategy");
        assert!(strategy.critical.labels.is_some() && strategy.critical.names.len() == 1);
        assert_eq!((strategy.auto, strategy.pin), (Auto::default(), Some(Mode::Webhook)));
    }
}
