//! Outcome: how it is reported what became of something – by metrics, in the journal, perhaps by an
//! Event. What is reported of a subject stands beside that subject, as in `reconciler/report.rs`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cluster::clock;
use cluster::gated_pod::PodKey;
use cluster::writer::Failure;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::Metrics;

pub mod journal;
mod pod_event;

use self::journal::{Entry, Journal};

/// Events of one topic in a window: they are for people, and more of them nobody reads.
const EVENTS: usize = 100;
/// Those of them that one tenant gets at most, so that its faults do not hide another's.
const TENANT_EVENTS: usize = 20;
/// Those about clashing Pods are for the owner of each; they are put off, not left out.
const TENANT_CLASH_EVENTS: usize = 50;
/// After this time a budget is full again.
pub const WINDOW: Duration = Duration::from_secs(60);
/// A failure that lasts is reported again after this time, as Events expire; not before, so that
/// each of many is reported once.
const REPORTED_AGAIN: Duration = Duration::from_secs(30 * 60);

/// How long an Event may take.
const TIMEOUT: Duration = Duration::from_secs(10);

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
    /// What each tenant has spent of it.
    shares: HashMap<String, usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::from(clock::now())
    }
}

impl From<Instant> for Budget {
    fn from(since: Instant) -> Self {
        Self { since, spent: 0, shares: HashMap::new() }
    }
}

impl Budget {
    /// Spends one Event of this tenant; false where it is not within the budget or the share.
    fn spend(&mut self, tenant: &str, share: usize, now: Instant) -> bool {
        if now >= self.since + WINDOW {
            *self = Self::from(now);
        }
        let spent = self.shares.entry(tenant.to_owned()).or_default();
        let affordable = self.spent < EVENTS && *spent < share;
        *spent += usize::from(affordable);
        self.spent += usize::from(affordable);
        affordable
    }
}

impl Budgets {
    /// Spends one Event; false where there were too many.
    fn spend(&self, topic: Topic, tenant: &str) -> bool {
        let (budget, share) = match topic {
            Topic::Write => (&self.writes, TENANT_EVENTS),
            Topic::Fault => (&self.faults, TENANT_EVENTS),
            Topic::Clash => (&self.clashes, TENANT_CLASH_EVENTS),
            Topic::Notice => (&self.notices, TENANT_EVENTS),
        };
        let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.spend(tenant, share, clock::now())
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
        key: &PodKey,
        uid: &str,
        tenant: &str,
        reason: &str,
        note: String,
    ) -> bool {
        let Some(client) = self.client.as_ref().filter(|_| self.afford(topic, tenant)) else {
            return false;
        };
        if let Err(error) = pod_event::warn(client, key, uid, reason, shortened(note)).await {
            tracing::debug!(namespace = %key.namespace, pod = %key.name, %error, "event not written");
        }
        true
    }

    /// Writes an Event about what is no tenant's; nothing waits for it.
    pub(crate) fn publish(&self, report: Report<'_>) {
        self.publish_for("", report);
    }

    /// The same about something of this tenant. False where its share of the budget does not allow
    /// it.
    pub(crate) fn publish_for(&self, tenant: &str, report: Report<'_>) -> bool {
        let is_affordable = self.afford(report.topic, tenant);
        if is_affordable {
            self.record(report);
        }
        is_affordable
    }

    fn record(&self, Report { about, type_, reason, note, .. }: Report<'_>) {
        let Some(recorder) = self.recorder.clone() else { return };
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        tokio::spawn(async move {
            if let Err(error) = clock::within(TIMEOUT, recorder.publish(&event, &about)).await {
                tracing::debug!(%error, "event not written");
            }
        });
    }

    fn afford(&self, topic: Topic, tenant: &str) -> bool {
        let affordable = self.budgets.spend(topic, tenant);
        self.metrics.events_dropped.inc_by(u64::from(!affordable));
        affordable
    }

    /// Whether this failure of an object was reported of late. One that lasts is met again and
    /// again.
    pub(crate) fn is_reported(&self, uid: &str, failure: &Failure) -> bool {
        let reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.get(uid).is_some_and(|(digest, at)| {
            *digest == digest_of(failure) && clock::now() < *at + REPORTED_AGAIN
        })
    }

    pub(crate) fn set_reported(&self, uid: &str, failure: &Failure) {
        let now = clock::now();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.retain(|_, (_, at)| now < *at + REPORTED_AGAIN);
        reported.insert(uid.to_owned(), (digest_of(failure), now));
    }

    /// The failure is over.
    pub(crate) fn forget_reported(&self, uid: &str) {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

fn digest_of(failure: &Failure) -> u64 {
    let mut hasher = DefaultHasher::new();
    (failure.reason, &failure.message).hash(&mut hasher);
    hasher.finish()
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
            (Topic::Write, TENANT_EVENTS),
            (Topic::Fault, TENANT_EVENTS),
            (Topic::Clash, TENANT_CLASH_EVENTS),
            (Topic::Notice, TENANT_EVENTS),
        ];
        for (topic, size) in topics {
            let afforded = (0..size + 5).filter(|_| outcomes.afford(topic, "solar")).count();
            assert_eq!(afforded, size, "{topic:?}");
        }
        assert_eq!(outcomes.metrics().events_dropped.get(), 4 * 5);
    }

    #[test]
    fn no_tenant_crowds_out_another() {
        let now = Instant::now();
        let mut budget = Budget::from(now);
        let afforded = |budget: &mut Budget, tenant: &str, now| {
            (0..200).filter(|_| budget.spend(tenant, TENANT_EVENTS, now)).count()
        };
        assert_eq!(afforded(&mut budget, "solar", now), TENANT_EVENTS);
        assert_eq!(afforded(&mut budget, "lunar", now), TENANT_EVENTS);
        let others: usize =
            ["a", "b", "c", "d"].map(|one| afforded(&mut budget, one, now)).iter().sum();
        assert_eq!(others, EVENTS - 2 * TENANT_EVENTS, "in all they are bounded, too");
        assert_eq!(afforded(&mut budget, "solar", now + WINDOW), TENANT_EVENTS);
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = shortened("ü".repeat(NOTE));
        assert!(note.len() <= NOTE && note.ends_with("ü…"), "{}", note.len());
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
