//! Strategy: which namespaces are decided by the webhook as they are created, and which by the controller afterwards. The leader measures,
//! decides, and says it to the API server by one of the policy's `matchConditions`.
//!
//! ```text
//! probe ─▶ measurement ─▶ decision (pure) ─▶ condition of the policy
//!                            └─▶ record, log, metric, Event
//! ```

use std::time::Duration;

use cluster::policy::{self, Pin};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tenancy::decode::DecodeError;
use tenancy::glob::Glob;

pub mod conditions;
pub mod decision;
mod document;
pub mod measurement;
pub mod metrics;
pub mod probe;
pub mod record;
pub mod report;
mod term;

use self::decision::{Decision, State, decide, obey};
use self::measurement::Measurement;
pub use self::term::Strategies;
pub use tenancy::settings::strategy::Mode;

/// A mode, or that the measurements decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "StrategyMode")]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    #[default]
    Webhook,
    Controller,
    Hybrid,
    Auto,
}

/// `strategy` of the settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    pub choice: Choice,
    pub pin: Option<Mode>,
    critical: Critical,
    pub limits: Limits,
    pub period: Duration,
    /// Time between two changes.
    pub hold: Duration,
}

/// Namespaces that the webhook decides on in `hybrid`: those that the labels or one of the names match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Critical {
    /// Has been checked.
    labels: Option<LabelSelector>,
    names: Vec<Glob>,
}

/// Above one of these, `hybrid`.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub namespaces: usize,
    pub creations_per_second: f64,
    pub latency: Duration,
    /// In per cent.
    pub hysteresis: u32,
}

impl Strategy {
    /// The strategy of a document of settings; `None` where it sets none.
    pub fn read(settings: &Value) -> Result<Option<Self>, DecodeError> {
        document::read(settings)
    }

    /// What was chosen by hand, the nearest hand first, else what the measurements call for.
    fn choose(&self, pin: Option<Pin>, state: &State, measurement: &Measurement, now: Timestamp) -> Decision {
        match self.chosen(pin) {
            Some((mode, by)) => obey(state, mode, &by, &measurement.guard, now),
            None => decide(state, measurement, &self.limits, self.hold, now),
        }
    }

    pub fn critical(&self) -> &Critical {
        &self.critical
    }

    /// The mode that somebody chose, and where.
    pub fn chosen(&self, pin: Option<Pin>) -> Option<(Mode, String)> {
        let by_hand = pin.map(|pin| (pin.mode, format!("`{}`, pinned by annotation {} of the policy", pin.mode, policy::PIN)));
        let by_settings = || self.pin.map(|mode| (mode, format!("`{mode}`, pinned by the settings")));
        by_hand.or_else(by_settings).or_else(|| self.choice.mode().map(|mode| (mode, format!("`{mode}`, the settings' mode"))))
    }
}

impl Critical {
    pub fn is_empty(&self) -> bool {
        self.labels.is_none() && self.names.is_empty()
    }
}

impl Choice {
    fn mode(self) -> Option<Mode> {
        match self {
            Self::Webhook => Some(Mode::Webhook),
            Self::Hybrid => Some(Mode::Hybrid),
            Self::Controller => Some(Mode::Controller),
            Self::Auto => None,
        }
    }
}

/// Describes the field in the settings' JSON Schema, where the policy's type says no more than that it is an object.
pub fn describe(settings: &mut schemars::Schema) {
    document::describe(settings);
}
