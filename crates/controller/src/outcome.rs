//! Outcome: how it is reported what became of something – by metrics, in the journal, perhaps by an
//! Event. What is reported of a subject stands beside that subject, as in `reconciler/report.rs`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use assessment::{Fault, Reason};
use cluster::clock;
use cluster::gated_pod::PodKey;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::Metrics;

mod budget;
pub mod journal;
mod pod_event;

use self::budget::Budget;
pub use self::budget::WINDOW;
use self::journal::{Entry, Journal};

/// Whose share Events are taken from that are about no tenant: settings, the strategy, the guard.
pub(crate) const NOBODY: &str = "";

/// A failure that lasts is reported again after this time, as Events expire; not before, so that
/// each of many is reported once.
const REPORTED_AGAIN: Duration = Duration::from_secs(30 * 60);

/// Bytes of a note that the API server takes.
const MAX_NOTE_BYTES: usize = 1024;

/// What became of a write, where it did not fail, in metrics.
pub const DONE: &str = "done";
pub const CONFLICT: &str = "conflict";
pub const GONE: &str = "gone";

/// See the module.
pub struct Outcomes {
    metrics: Arc<Metrics>,
    client: Option<Client>,
    recorder: Option<Recorder>,
    /// Where the dashboard finds the newest.
    journal: Option<Arc<Journal>>,
    budgets: Budgets,
    /// Failures that were reported of late: by the object's uid, a digest and when.
    reported: Mutex<HashMap<String, (u64, Instant)>>,
}

/// What an Event is about. No topic crowds out another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// The change of a single namespace.
    Write,
    /// Something is wrong with an object.
    Fault,
    /// A Pod asks for other nodes than its namespace.
    Clash,
    /// What is said once.
    Notice,
}

#[derive(Default)]
struct Budgets {
    writes: Budget,
    faults: Budget,
    clashes: Budget,
    notices: Budget,
}

impl Budgets {
    fn share(&self, topic: Topic) -> &Budget {
        match topic {
            Topic::Write => &self.writes,
            Topic::Fault => &self.faults,
            Topic::Clash => &self.clashes,
            Topic::Notice => &self.notices,
        }
    }
}

/// An Event about an object, which is written if its budget allows.
pub(crate) struct Report<'a> {
    pub(crate) about: ObjectReference,
    pub(crate) topic: Topic,
    /// Whose share of the budget it is taken from: a tenant's, for one.
    pub(crate) payer: &'a str,
    pub(crate) type_: EventType,
    /// A bounded word.
    pub(crate) reason: &'a str,
    pub(crate) note: String,
}

impl Outcomes {
    /// Without a client, nothing but logs and metrics.
    pub fn new(metrics: Arc<Metrics>, client: Option<Client>) -> Self {
        let reporter = Reporter {
            controller: "landlord".to_owned(),
            instance: std::env::var("HOSTNAME").ok(),
        };
        let recorder = client.clone().map(|client| Recorder::new(client, reporter));
        let (budgets, reported) = (Budgets::default(), Mutex::default());
        Self { metrics, client, recorder, journal: None, budgets, reported }
    }

    /// Keeps the newest for the dashboard.
    pub fn noted_in(self, journal: Option<Arc<Journal>>) -> Self {
        Self { journal, ..self }
    }

    /// Writes an entry of the journal, where there is one.
    pub(crate) fn note(&self, entry: impl FnOnce() -> Entry) {
        if let Some(journal) = &self.journal {
            journal.write(entry());
        }
    }

    /// Counts how long a namespace waited to be compliant.
    pub(crate) fn count_wait(&self, waited: Duration) {
        self.metrics.compliance_seconds.observe(waited.as_secs_f64());
        if let Some(journal) = &self.journal {
            journal.count_wait(waited);
        }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Writes a warning about a Pod into its namespace. False where the budget does not allow it,
    /// so that it has to be reported later.
    pub(crate) async fn warn_pod(
        &self,
        topic: Topic,
        payer: &str,
        key: &PodKey,
        uid: &str,
        reason: Reason,
        note: String,
    ) -> bool {
        let Some(client) = self.client.as_ref().filter(|_| self.afford(topic, payer)) else {
            return false;
        };
        if let Err(error) = pod_event::warn(client, key, uid, reason.word(), shortened(note)).await
        {
            tracing::debug!(namespace = %key.namespace, pod = %key.name, %error, "event not written");
        }
        true
    }

    /// Writes an Event; nothing waits for it. False where the budget does not allow it.
    pub(crate) fn publish(&self, report: Report<'_>) -> bool {
        let Report { about, topic, payer, type_, reason, note } = report;
        let Some(recorder) = self.recorder.clone() else { return true };
        if !self.afford(topic, payer) {
            return false;
        }
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        tokio::spawn(async move {
            let answer =
                clock::within(clock::ANSWER_TIMEOUT, recorder.publish(&event, &about)).await;
            if let Err(error) = answer {
                tracing::debug!(%error, "event not written");
            }
        });
        true
    }

    /// Whether this failure of an object was reported of late. One that lasts is met again and
    /// again.
    pub(crate) fn is_reported(&self, uid: &str, fault: &Fault) -> bool {
        let reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.get(uid).is_some_and(|(digest, at)| {
            *digest == digest_of(fault) && clock::now() < *at + REPORTED_AGAIN
        })
    }

    /// The failure has an Event now.
    pub(crate) fn set_reported(&self, uid: &str, fault: &Fault) {
        let now = clock::now();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.retain(|_, (_, at)| now < *at + REPORTED_AGAIN);
        reported.insert(uid.to_owned(), (digest_of(fault), now));
    }

    /// The failure is over.
    pub(crate) fn forget_reported(&self, uid: &str) {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn afford(&self, topic: Topic, payer: &str) -> bool {
        let affordable = self.budgets.share(topic).afford(payer, clock::now());
        self.metrics.events_dropped.inc_by(u64::from(!affordable));
        affordable
    }
}

fn digest_of(fault: &Fault) -> u64 {
    let mut hasher = DefaultHasher::new();
    (fault.reason, &fault.message).hash(&mut hasher);
    hasher.finish()
}

/// A text of a length that the API server takes as a note.
pub(crate) fn shortened(mut note: String) -> String {
    if note.len() > MAX_NOTE_BYTES {
        note.truncate(note.floor_char_boundary(MAX_NOTE_BYTES - '…'.len_utf8()));
        note.push('…');
    }
    note
}

/// What an Event is about.
pub(crate) fn reference(api_version: &str, kind: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(api_version.to_owned()),
        kind: Some(kind.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

/// The same for a ClusterAdmissionPolicy.
pub(crate) fn policy_reference(name: &str, uid: &str) -> ObjectReference {
    reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", name, uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_topic_nor_payer_crowds_out_another() {
        let outcomes = Outcomes::new(Arc::default(), None);
        for topic in [Topic::Write, Topic::Fault, Topic::Clash, Topic::Notice] {
            for payer in ["solar", "lunar"] {
                let afforded = (0..25).filter(|_| outcomes.afford(topic, payer)).count();
                assert_eq!(afforded, 20, "{topic:?} of {payer}");
            }
        }
        assert_eq!(outcomes.metrics().events_dropped.get(), 2 * 4 * 5);
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = shortened("ü".repeat(MAX_NOTE_BYTES));
        assert!(note.len() <= MAX_NOTE_BYTES && note.ends_with("ü…"), "{}", note.len());
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
