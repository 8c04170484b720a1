//! Strategy: which namespaces the webhook decides on as they are created, and which the controller decides on afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The part of landlord that decides on a namespace as it is created.
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
