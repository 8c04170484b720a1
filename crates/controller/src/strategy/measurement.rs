//! Measurement: how the webhook, the cluster and the controller are doing at one moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use cluster::admission_policies::trial::Enforcement;
use cluster::clock::duration_text;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    pub admission: Admission,
    /// Namespaces that a tenant is known of.
    pub namespaces: usize,
    /// Since the measurement before.
    pub creations_per_second: f64,
    /// How long the namespace that waits longest for the controller has been waiting.
    #[serde(with = "seconds")]
    pub lag: Duration,
    pub guard: Enforcement,
}

/// What dry-run creations for real tenants say of the webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Admission {
    Probed {
        probes: u32,
        /// Those that were not answered with a ledger.
        failures: u32,
        /// What the slowest took longer than a creation that the webhook is not asked about.
        #[serde(with = "seconds")]
        latency: Duration,
        /// What the last failure said.
        fault: Option<String>,
    },
    /// It is not the webhook's fault that nothing is known of it.
    Unknown { why: String },
}

impl Measurement {
    /// All numbers in one line.
    pub fn describe(&self) -> String {
        let admission = match &self.admission {
            Admission::Probed { latency, .. } => {
                format!("{} added by the webhook", duration_text(*latency))
            }
            Admission::Unknown { .. } => "latency unknown".to_owned(),
        };
        format!(
            "{} namespaces, {:.1} creations a second, {admission}",
            self.namespaces, self.creations_per_second
        )
    }
}

/// Times as numbers of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}
