//! Outcome: how it is reported what became of something – by metrics, in the journal, perhaps by an
//! Event. What is reported of a subject stands beside that subject, as in `reconciler/report.rs`.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assessment::Fault;
use cluster::clock;
use cluster::gated_pod::PodKey;
use cluster::lease::Leadership;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::Metrics;

mod budget;
pub mod journal;
mod pod_event;
mod post;

use self::budget::Budget;
pub use self::budget::{Payer, WINDOW};
use self::journal::{Entry, Journal};
use self::post::Post;

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
    /// Who does not lead finds the same faults, and writes no Events of them.
    leadership: Leadership,
    /// Where the dashboard finds the newest.
    journal: Option<Arc<Journal>>,
    budgets: Budgets,
    post: Post,
    /// Namespaces whose fault the budget did not allow an Event for, and whose share it was.
    put_off: Mutex<BTreeMap<String, Payer>>,
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
    /// A Pod waits for its namespace.
    Wait,
    /// A Pod is outside its pool.
    Violation,
    /// What is said once.
    Notice,
}

#[derive(Default)]
struct Budgets {
    writes: Budget,
    faults: Budget,
    clashes: Budget,
    waits: Budget,
    violations: Budget,
    notices: Budget,
}

impl Budgets {
    fn share(&self, topic: Topic) -> &Budget {
        match topic {
            Topic::Write => &self.writes,
            Topic::Fault => &self.faults,
            Topic::Clash => &self.clashes,
            Topic::Wait => &self.waits,
            Topic::Violation => &self.violations,
            Topic::Notice => &self.notices,
        }
    }
}

/// An Event about an object, which is written if its budget allows.
pub(crate) struct Report<'a> {
    pub(crate) about: ObjectReference,
    pub(crate) topic: Topic,
    /// Whose share of the budget it is taken from.
    pub(crate) payer: &'a Payer,
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
        Self {
            metrics,
            client,
            recorder,
            leadership: Leadership::forever(),
            journal: None,
            budgets: Budgets::default(),
            post: Post::default(),
            put_off: Mutex::default(),
            reported: Mutex::default(),
        }
    }

    /// Writes Events for as long as this replica leads.
    pub fn led_by(self, leadership: Leadership) -> Self {
        Self { leadership, ..self }
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

    /// Writes a warning about a Pod into its namespace; nothing waits for it. False where the
    /// budget does not allow it, so that it has to be reported later.
    pub(crate) fn warn_pod(
        &self,
        topic: Topic,
        payer: &Payer,
        key: &PodKey,
        uid: &str,
        Fault { reason, message }: Fault,
    ) -> bool {
        self.warn_of_pod(topic, payer, (key, uid), reason.word(), message)
    }

    /// The same with a reason that is no fault of a namespace.
    pub(crate) fn warn_of_pod(
        &self,
        topic: Topic,
        payer: &Payer,
        (key, uid): (&PodKey, &str),
        reason: &'static str,
        message: String,
    ) -> bool {
        if !self.afford(topic, payer) {
            return false;
        }
        let Some(client) = self.client.clone() else { return true };
        let event = pod_event::warning(key, uid, reason, shortened(message));
        self.post.send(move || pod_event::create(client.clone(), event.clone()))
    }

    /// Writes an Event; nothing waits for it. False where the budget does not allow it.
    pub(crate) fn publish(&self, report: Report<'_>) -> bool {
        let Report { about, topic, payer, type_, reason, note } = report;
        if !self.afford(topic, payer) {
            return false;
        }
        let Some(recorder) = self.recorder.clone() else { return true };
        let event = Arc::new(Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        });
        self.post.send(move || {
            let (recorder, event, about) = (recorder.clone(), Arc::clone(&event), about.clone());
            async move { recorder.publish(&event, &about).await }
        })
    }

    /// The budget does not allow an Event about this namespace's fault now: one is written later.
    pub(crate) fn put_off(&self, name: &str, payer: Payer) {
        self.lock_put_off().insert(name.to_owned(), payer);
    }

    /// It has one, or needs none any more.
    pub(crate) fn drop_put_off(&self, name: &str) {
        self.lock_put_off().remove(name);
    }

    /// Namespaces whose Event was put off: of each payer not more than it can afford.
    pub(crate) fn next_put_off(&self) -> Vec<String> {
        let mut counts: HashMap<Payer, usize> = HashMap::new();
        let put_off = self.lock_put_off();
        let next = put_off.iter().filter(|(_, payer)| {
            let count = counts.entry((*payer).clone()).or_default();
            *count += 1;
            *count <= budget::EACH
        });
        next.map(|(name, _)| name.clone()).collect()
    }

    fn lock_put_off(&self) -> MutexGuard<'_, BTreeMap<String, Payer>> {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an Event would be written now. What was put off once is not counted again for as long
    /// as it has to wait.
    pub(crate) fn would_afford(&self, topic: Topic, payer: &Payer) -> bool {
        self.leadership.holds()
            && self.post.has_room()
            && self.budgets.share(topic).allows(payer, clock::now())
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

    fn afford(&self, topic: Topic, payer: &Payer) -> bool {
        if !self.leadership.holds() {
            return false;
        }
        let affordable =
            self.post.has_room() && self.budgets.share(topic).afford(payer, clock::now());
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
        for topic in
            [Topic::Write, Topic::Fault, Topic::Clash, Topic::Wait, Topic::Violation, Topic::Notice]
        {
            for payer in ["solar", "lunar"] {
                let payer = Payer::Tenant(payer.to_owned());
                let afforded = (0..25).filter(|_| outcomes.afford(topic, &payer)).count();
                assert_eq!(afforded, 20, "{topic:?} of {payer:?}");
            }
        }
        assert_eq!(outcomes.metrics().events_dropped.get(), 2 * 6 * 5);
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = shortened("ü".repeat(MAX_NOTE_BYTES));
        assert!(note.len() <= MAX_NOTE_BYTES && note.ends_with("ü…"), "{}", note.len());
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
