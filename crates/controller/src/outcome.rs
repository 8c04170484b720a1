//! Outcome: how it is reported what became of something – by metrics, in the journal, perhaps by an
//! Event. What is reported of a subject stands beside that subject, as in `reconciler/report.rs`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use assessment::Reason;
use cluster::clock;
use cluster::gated_pod::PodKey;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::Metrics;

pub mod journal;
mod pod_event;

use self::journal::{Entry, Journal};

/// Events of one topic in a window: they are for people, and more of them nobody reads.
const EVENTS: usize = 20;
/// Those about clashing Pods are for the owner of each; they are put off, not left out.
const CLASH_EVENTS: usize = 100;
/// After this time a budget is full again.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Bytes of a note that the API server takes.
const NOTE: usize = 1024;

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
    writes: Mutex<Budget>,
    faults: Mutex<Budget>,
    clashes: Mutex<Budget>,
    notices: Mutex<Budget>,
}

/// Events of the window that began then.
#[derive(Debug)]
struct Budget {
    since: Instant,
    spent: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { since: Instant::now(), spent: 0 }
    }
}

impl Budgets {
    /// Spends one Event; false where there were too many.
    fn spend(&self, topic: Topic) -> bool {
        let (budget, most) = match topic {
            Topic::Write => (&self.writes, EVENTS),
            Topic::Fault => (&self.faults, EVENTS),
            Topic::Clash => (&self.clashes, CLASH_EVENTS),
            Topic::Notice => (&self.notices, EVENTS),
        };
        let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.since.elapsed() > WINDOW {
            *budget = Budget::default();
        }
        budget.spent += 1;
        budget.spent <= most
    }
}

/// An Event about an object, which is written if its budget allows.
pub(crate) struct Report<'a> {
    pub(crate) about: ObjectReference,
    pub(crate) topic: Topic,
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
        Self { metrics, client, recorder, journal: None, budgets: Budgets::default() }
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
        key: &PodKey,
        uid: &str,
        reason: Reason,
        note: String,
    ) -> bool {
        let Some(client) = self.client.as_ref().filter(|_| self.afford(topic)) else {
            return false;
        };
        if let Err(error) = pod_event::warn(client, key, uid, reason.word(), shortened(note)).await
        {
            tracing::debug!(namespace = %key.namespace, pod = %key.name, %error, "event not written");
        }
        true
    }

    /// Writes an Event; nothing waits for it.
    pub(crate) fn publish(&self, report: Report<'_>) {
        let Report { about, topic, type_, reason, note } = report;
        let Some(recorder) = self.recorder.clone().filter(|_| self.afford(topic)) else { return };
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
    }

    fn afford(&self, topic: Topic) -> bool {
        let affordable = self.budgets.spend(topic);
        self.metrics.events_dropped.inc_by(u64::from(!affordable));
        affordable
    }
}

/// A text of a length that the API server takes as a note.
pub(crate) fn shortened(mut note: String) -> String {
    if note.len() > NOTE {
        note.truncate(note.floor_char_boundary(NOTE - '…'.len_utf8()));
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
    fn no_topic_crowds_out_another() {
        let outcomes = Outcomes::new(Arc::default(), None);
        let topics = [
            (Topic::Write, EVENTS),
            (Topic::Fault, EVENTS),
            (Topic::Clash, CLASH_EVENTS),
            (Topic::Notice, EVENTS),
        ];
        for (topic, size) in topics {
            let afforded = (0..size + 5).filter(|_| outcomes.afford(topic)).count();
            assert_eq!(afforded, size, "{topic:?}");
        }
        assert_eq!(outcomes.metrics().events_dropped.get(), 4 * 5);
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = shortened("ü".repeat(NOTE));
        assert!(note.len() <= NOTE && note.ends_with("ü…"), "{}", note.len());
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
