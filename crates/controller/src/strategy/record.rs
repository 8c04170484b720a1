//! Record: what the leader remembers and tells of the strategy. Of bounded size, whatever happens.

use cluster::leader_record::STRATEGY;
use k8s_openapi::jiff::Timestamp;
use kube::{Client, Error};
use serde::{Deserialize, Serialize};

use super::Mode;
use super::decision::{Decision, State};
use super::measurement::Measurement;

/// Changes that are remembered.
const MAX_CHANGES: usize = 20;
/// Characters of a reason that are remembered: an error of the API server can be long.
const MAX_REASON_BYTES: usize = 400;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    pub state: State,
    /// Why the mode is what it is, or what keeps it from being another.
    pub reason: String,
    /// Whether another mode is called for and the guard is missing.
    pub refused: bool,
    pub measured: Option<Timestamp>,
    pub measurement: Option<Measurement>,
    /// The newest last.
    pub history: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    pub from: Mode,
    pub to: Mode,
    pub reason: String,
}

impl Record {
    /// Takes in what was decided; the change, if it is one.
    pub fn note(
        &mut self,
        decision: &Decision,
        measurement: Measurement,
        now: Timestamp,
    ) -> Option<Change> {
        let (from, reason) = (self.state.mode, shortened(&decision.reason));
        self.state = decision.next.clone();
        self.reason.clone_from(&reason);
        self.refused = decision.refused;
        self.measured = Some(now);
        self.measurement = Some(measurement);
        if from == decision.mode {
            return None;
        }
        let change = Change { at: now, from, to: decision.mode, reason };
        self.history.push(change.clone());
        let surplus = self.history.len().saturating_sub(MAX_CHANGES);
        self.history.drain(..surplus);
        Some(change)
    }

    /// The record in the cluster; none is an empty one, and so is one that cannot be understood.
    pub async fn read(client: &Client, namespace: &str) -> Result<Self, Error> {
        let stored = STRATEGY.read(client, namespace).await?;
        Ok(stored.and_then(|stored| serde_json::from_str(&stored.text).ok()).unwrap_or_default())
    }

    pub async fn write(&self, client: &Client, namespace: &str) -> Result<(), Error> {
        let text = serde_json::to_string(self).map_err(Error::SerdeError)?;
        STRATEGY.write(client, namespace, &text, None).await.map(drop)
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(MAX_REASON_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::measurement::Admission;
    use cluster::admission_policies::trial::Enforcement;
    use std::time::Duration;

    #[test]
    fn it_is_of_bounded_size_and_can_be_read_again() {
        let mut record = Record::default();
        let admission = Admission::Probed {
            probes: 3,
            failures: 1,
            latency: Duration::from_millis(4),
            fault: Some("no".to_owned()),
        };
        let guard = Enforcement::Missing { why: "none".to_owned() };
        let measurement = Measurement {
            admission,
            namespaces: 1,
            creations_per_second: 0.5,
            lag: Duration::from_secs(1),
            guard,
        };
        for number in 0..100 {
            let mode = if number % 2 == 0 { Mode::Hybrid } else { Mode::Webhook };
            let next = State { mode, ..State::default() };
            let decision = Decision { mode, reason: "x".repeat(10_000), refused: false, next };
            assert!(record.note(&decision, measurement.clone(), Timestamp::UNIX_EPOCH).is_some());
            assert!(record.note(&decision, measurement.clone(), Timestamp::UNIX_EPOCH).is_none());
        }
        let text = serde_json::to_string(&record).expect("JSON");
        assert!(record.history.len() == MAX_CHANGES && text.len() < 16_384, "{}", text.len());
        assert_eq!(serde_json::from_str::<Record>(&text).expect("a record"), record);
    }
}
