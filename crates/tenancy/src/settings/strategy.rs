//! Strategy: which namespaces the webhook decides on as they are created, and which the controller
//! decides on afterwards. Only the controller follows it; it is checked with the rest of the
//! settings, so that a mistake is refused by all that read them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::glob::Glob;
use crate::label_selector::LabelSelector;

mod document;
mod duration;

pub(super) use self::document::read;

/// Which namespaces are decided by the webhook as they are created, and which by the controller.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(default, deny_unknown_fields)
)]
pub struct Strategy {
    /// `webhook`: every namespace by the webhook. `controller`: none. `hybrid`: the critical ones.
    /// `auto`: what the measurements say.
    pub mode: Choice,
    /// Namespaces that `hybrid` asks the webhook about; needed where `mode` or `pin` is `hybrid`.
    pub critical: Critical,
    /// What `auto` goes by.
    pub auto: Auto,
    /// Keeps `auto` in this mode.
    pub pin: Option<Mode>,
}

/// A mode, or that the measurements decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "StrategyMode", rename_all = "lowercase")
)]
pub enum Choice {
    /// Every namespace by the webhook.
    #[default]
    Webhook,
    /// Every namespace by the controller.
    Controller,
    /// The critical ones by the webhook, all others by the controller.
    Hybrid,
    /// One of these, by what is measured.
    Auto,
}

/// What decides on a namespace as it is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StrategyPin"))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The webhook, on every one.
    #[default]
    Webhook,
    /// The webhook on the critical ones, the controller on all others.
    Hybrid,
    /// The controller.
    Controller,
}

/// Namespaces that the webhook is asked about in mode `hybrid`: those that the labels or a name
/// match.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "StrategyCritical", default, deny_unknown_fields)
)]
pub struct Critical {
    /// A label selector: `matchLabels`, `matchExpressions`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub labels: Option<LabelSelector>,
    /// Globs.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>", default = "Vec::<String>::new"))]
    pub names: Vec<Glob>,
}

/// What `auto` goes by.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "StrategyAuto", rename_all = "camelCase", default, deny_unknown_fields)
)]
pub struct Auto {
    /// `hybrid` above so many namespaces of tenants.
    pub namespaces: usize,
    /// `hybrid` above so many created namespaces a second.
    pub creations_per_second: f64,
    /// `hybrid` above this time that the webhook adds to a creation.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String"),
        serde(serialize_with = "duration::serialize")
    )]
    pub admission_latency: Duration,
    /// How far below a threshold, in per cent of it, `hybrid` ends.
    pub hysteresis: u32,
    /// How often it is measured.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String"),
        serde(serialize_with = "duration::serialize")
    )]
    pub period: Duration,
    /// Time between two changes. A webhook that fails is left at once.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String"),
        serde(serialize_with = "duration::serialize")
    )]
    pub hold_for: Duration,
}

impl Default for Auto {
    fn default() -> Self {
        Self {
            namespaces: 5000,
            creations_per_second: 20.0,
            admission_latency: Duration::from_millis(100),
            hysteresis: 20,
            period: Duration::from_secs(15),
            hold_for: Duration::from_secs(600),
        }
    }
}

impl Auto {
    /// The thresholds that count in this mode: the lower ones in `hybrid`, so that a value at the
    /// edge does not sway it.
    pub fn in_mode(&self, mode: Mode) -> Self {
        if mode != Mode::Hybrid {
            return self.clone();
        }
        let share = f64::from(100_u32.saturating_sub(self.hysteresis)) / 100.0;
        let lower = |value: usize| {
            value.saturating_mul(100_usize.saturating_sub(self.hysteresis as usize)) / 100
        };
        Self {
            namespaces: lower(self.namespaces),
            creations_per_second: self.creations_per_second * share,
            admission_latency: self.admission_latency.mul_f64(share),
            ..self.clone()
        }
    }
}

impl Critical {
    /// Whether it names no namespace.
    pub fn is_empty(&self) -> bool {
        self.labels.is_none() && self.names.is_empty()
    }
}

impl Choice {
    /// The mode; `None` where the measurements decide.
    pub fn mode(self) -> Option<Mode> {
        match self {
            Self::Webhook => Some(Mode::Webhook),
            Self::Hybrid => Some(Mode::Hybrid),
            Self::Controller => Some(Mode::Controller),
            Self::Auto => None,
        }
    }
}

impl Mode {
    /// Every mode, from the one that asks the webhook most to the one that asks it nothing.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Hybrid, Self::Controller];

    /// The mode as it is written in settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Hybrid => "hybrid",
            Self::Controller => "controller",
        }
    }

    /// Who decides, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Webhook => "The webhook, on every one",
            Self::Hybrid => "The webhook on the critical ones, the controller on all others",
            Self::Controller => "The controller",
        }
    }

    /// The mode of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
