//! Outcome: the one place that tells the world what became of a namespace – a line of the log,
//! metrics, perhaps an Event.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::{self, Metrics};
use crate::planner::PlannedWrite;
use crate::queue::Place;
use crate::trouble::{CONTESTED, HOOK_REJECTED, HOOK_WARNING, Trouble};
use cluster::clock;
use cluster::gated_pod::PodKey;
use guard::difference::Change;

pub mod journal;
mod pod_event;

use self::journal::{Entry, Journal, Sort};

/// Events are for people; more than so many in a window nobody reads. Each sort has a budget of its
/// own.
const EVENTS: usize = 20;
/// Those about clashing Pods are for the owner of each; they are put off, not left out.
const CLASH_EVENTS: usize = 100;
pub const WINDOW: Duration = Duration::from_secs(60);

/// How long an Event may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a note that the API server takes.
const NOTE: usize = 1024;

/// What became of a write, where it did not fail, in metrics.
pub const DONE: &str = "done";
pub const CONFLICT: &str = "conflict";
pub const GONE: &str = "gone";

/// The reason of an Event about one changed namespace.
const WRITTEN: &str = "Written";
/// Those of Events that are said once.
const SETTINGS_REFUSED: &str = "SettingsRefused";
const NAMESPACES_WRITTEN: &str = "NamespacesWritten";
const GUARD_REPAIRED: &str = "GuardRepaired";
/// The reason of an Event about a held Pod whose own node selector differs from its namespace's.
pub const SELECTOR_CLASH: &str = "SelectorClash";

/// See the module.
pub struct Outcomes {
    metrics: Arc<Metrics>,
    client: Option<Client>,
    recorder: Option<Recorder>,
    /// Where somebody may look at them.
    journal: Option<Arc<Journal>>,
    /// For the changes of single namespaces, for what is wrong with something, for clashing Pods,
    /// and for all else: that is said once, and must not be crowded out.
    budgets: [Mutex<Budget>; 4],
}

#[derive(Debug)]
struct Budget {
    since: Instant,
    spent: usize,
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
            journal: None,
            budgets: [(); 4].map(|()| Mutex::new(Budget { since: Instant::now(), spent: 0 })),
        }
    }

    /// Keeps the newest for the dashboard.
    pub fn noted_in(self, journal: Option<Arc<Journal>>) -> Self {
        Self { journal, ..self }
    }

    fn note(&self, entry: impl FnOnce() -> Entry) {
        if let Some(journal) = &self.journal {
            journal.write(entry());
        }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// A namespace was changed. `lag` is the time since its creation or since its difference was
    /// seen.
    pub fn written(
        &self,
        write: &PlannedWrite,
        place: &Place,
        live: bool,
        took: Duration,
        lag: Duration,
    ) {
        let urgency = place.urgency;
        self.count(DONE, took);
        self.metrics.compliance_seconds.observe(lag.as_secs_f64());
        self.journal.iter().for_each(|journal| journal.count_wait(lag));
        let tenant_of = write.tenant.as_deref();
        self.note(|| {
            Entry::new(Sort::Done, WRITTEN, &write.request.name, urgency.word())
                .of(tenant_of)
                .after(lag)
        });
        let tenant = write.tenant.as_deref().unwrap_or("-");
        tracing::info!(
            namespace = write.request.name,
            tenant,
            urgency = urgency.word(),
            took_ms = took.as_millis(),
            "written"
        );
        // None in bulk: a backfill speaks by its report, a tenant's edit by its status.
        if live {
            let note = format!("metadata of tenant {tenant:?} written");
            self.publish(&write.request.name, &write.request.uid, EventType::Normal, WRITTEN, note);
        }
    }

    /// A write that did not happen, and is tried again or not needed any more.
    pub fn not_written(&self, write: &PlannedWrite, word: &'static str, took: Duration) {
        self.count(word, took);
        tracing::debug!(namespace = write.request.name, outcome = word, "not written");
    }

    /// Writes that failed so often that it is time to say so. They are tried again later.
    pub fn failed(
        &self,
        write: &PlannedWrite,
        Trouble { reason, message }: &Trouble,
        took: Duration,
    ) {
        self.count(reason, took);
        let request = &write.request;
        tracing::warn!(
            namespace = request.name,
            reason,
            message = shortened(message.clone()),
            "writes fail"
        );
        self.note(|| {
            Entry::new(Sort::Trouble, reason, &request.name, message).of(write.tenant.as_deref())
        });
        self.publish(&request.name, &request.uid, EventType::Warning, reason, message.clone());
    }

    /// A namespace that cannot be made compliant by landlord alone.
    pub fn troubled(&self, name: &str, uid: &str, Trouble { reason, message }: &Trouble) {
        if [HOOK_REJECTED, HOOK_WARNING].contains(reason) {
            self.metrics.hook_failures.get_or_create(&metrics::Reason { reason }).inc();
        }
        tracing::warn!(
            namespace = name,
            reason,
            message = shortened(message.clone()),
            "not compliant"
        );
        let sort = if *reason == HOOK_WARNING { Sort::Notice } else { Sort::Trouble };
        // That one is told once it is known who the other writer is.
        if *reason != CONTESTED {
            self.note(|| Entry::new(sort, reason, name, message));
            self.publish(name, uid, EventType::Warning, reason, message.clone());
        }
    }

    /// Another writer sets keys back again and again.
    pub fn contested(&self, name: &str, uid: &str, Trouble { reason, message }: &Trouble) {
        self.metrics.contested.inc();
        tracing::warn!(namespace = name, reason, message, "contested");
        self.note(|| Entry::new(Sort::Trouble, reason, name, message));
        self.publish(name, uid, EventType::Warning, reason, message.clone());
    }

    /// A document of settings that is not put in force.
    pub fn settings_refused(&self, policy: &str, uid: &str, note: String) {
        let about = reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", policy, uid);
        self.note(|| Entry::new(Sort::Trouble, SETTINGS_REFUSED, policy, &note));
        self.publish_about(&about, EventType::Warning, SETTINGS_REFUSED, note);
    }

    /// The strategy of a policy changed, or would have. What somebody should look at is a warning.
    pub fn strategy(&self, policy: &str, uid: &str, warning: bool, reason: &str, note: String) {
        let about = reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", policy, uid);
        self.note(|| {
            Entry::new(if warning { Sort::Trouble } else { Sort::Notice }, reason, policy, &note)
        });
        self.publish_about(
            &about,
            if warning { EventType::Warning } else { EventType::Normal },
            reason,
            note,
        );
    }

    /// What an edit of a tenant, or a backfill, has written in all.
    pub fn bulk_written(
        &self,
        api_version: &str,
        kind: &str,
        tenant: &str,
        uid: &str,
        namespaces: usize,
    ) {
        tracing::info!(tenant, namespaces, "written in bulk");
        let note = format!("metadata of {namespaces} namespaces written");
        self.note(|| Entry::new(Sort::Notice, NAMESPACES_WRITTEN, tenant, &note).of(Some(tenant)));
        self.publish_about(
            &reference(api_version, kind, tenant, uid),
            EventType::Normal,
            NAMESPACES_WRITTEN,
            note,
        );
    }

    /// A held Pod was released, so long after its creation.
    pub fn released(&self, key: &PodKey, took: Duration, waited: Duration) {
        self.count_release("done");
        self.note(|| Entry::new(Sort::Done, "Released", key.to_string(), "").after(waited));
        self.metrics.pod_hold_seconds.observe(waited.as_secs_f64());
        tracing::info!(namespace = %key.namespace, pod = %key.name, took_ms = took.as_millis(), waited_ms = waited.as_millis(), "released");
    }

    /// A Pod that was not released, and is tried again or not held any more.
    pub fn not_released(&self, key: &PodKey, word: &'static str, took: Duration) {
        self.count_release(word);
        tracing::debug!(namespace = %key.namespace, pod = %key.name, outcome = word, took_ms = took.as_millis(), "not released");
    }

    /// A Pod that could not be released, and is tried again later.
    pub async fn release_failed(
        &self,
        key: &PodKey,
        uid: &str,
        reason: &'static str,
        message: &str,
        took: Duration,
    ) {
        self.count_release(reason);
        self.note(|| Entry::new(Sort::Trouble, reason, key.to_string(), message));
        tracing::warn!(namespace = %key.namespace, pod = %key.name, reason, message, took_ms = took.as_millis(), "release failed");
        self.warn_pod(key, uid, reason, message.to_owned()).await;
    }

    /// A held Pod that asks for other nodes than its namespace. False where it has to be told
    /// later.
    pub async fn clashed(&self, key: &PodKey, uid: &str, message: String) -> bool {
        tracing::debug!(namespace = %key.namespace, pod = %key.name, message, "clash");
        self.warn_pod(key, uid, SELECTOR_CLASH, message).await
    }

    /// A gated Pod that its namespace has kept waiting for long. False where it has to be told
    /// later.
    pub async fn pod_waits(&self, key: &PodKey, uid: &str, reason: &str, message: String) -> bool {
        tracing::info!(namespace = %key.namespace, pod = %key.name, message, "a Pod waits");
        self.warn_pod(key, uid, reason, message).await
    }

    /// False where the budget does not allow it.
    async fn warn_pod(&self, key: &PodKey, uid: &str, reason: &str, note: String) -> bool {
        let Some(client) = self.client.as_ref().filter(|_| self.afford(reason)) else {
            return false;
        };
        if let Err(error) = pod_event::warn(client, key, uid, reason, shortened(note)).await {
            tracing::debug!(namespace = %key.namespace, pod = %key.name, %error, "event not written");
        }
        true
    }

    fn count_release(&self, outcome: &'static str) {
        self.metrics.pods_released.get_or_create(&metrics::Outcome { outcome }).inc();
    }

    /// An object of the guard was written; `uid` is empty where it is gone.
    pub fn guard_written(&self, change: &Change, uid: &str) {
        let Change { id, news } = change;
        if !news.is_repair() {
            tracing::info!(kind = id.kind, name = id.name, outcome = news.word(), "guard");
            return;
        }
        self.metrics
            .guard_repairs
            .get_or_create(&metrics::GuardPart { part: id.part().to_owned() })
            .inc();
        tracing::warn!(kind = id.kind, name = id.name, outcome = news.word(), "guard repaired");
        let about = reference("admissionregistration.k8s.io/v1", &id.kind, &id.name, uid);
        let note = format!("{} {}: {}", id.kind, id.name, news.word());
        self.note(|| Entry::new(Sort::Trouble, GUARD_REPAIRED, &id.name, &note));
        self.publish_about(&about, EventType::Warning, GUARD_REPAIRED, note);
    }

    fn count(&self, outcome: &'static str, took: Duration) {
        self.metrics.writes.get_or_create(&metrics::Outcome { outcome }).inc();
        self.metrics.write_seconds.observe(took.as_secs_f64());
    }

    fn publish(&self, name: &str, uid: &str, type_: EventType, reason: &str, note: String) {
        self.publish_about(&reference("v1", "Namespace", name, uid), type_, reason, note);
    }

    fn publish_about(&self, about: &ObjectReference, type_: EventType, reason: &str, note: String) {
        let Some(recorder) = self.recorder.clone().filter(|_| self.afford(reason)) else { return };
        let note = Some(shortened(note));
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note,
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let about = about.clone();
        // Nobody's turn waits for it.
        tokio::spawn(async move {
            if let Err(error) = clock::within(TIMEOUT, recorder.publish(&event, &about)).await {
                tracing::debug!(%error, "event not written");
            }
        });
    }

    fn afford(&self, reason: &str) -> bool {
        let [written, told, clashes, troubles] = &self.budgets;
        let (budget, most) = match reason {
            WRITTEN => (written, EVENTS),
            CONTESTED | SETTINGS_REFUSED | NAMESPACES_WRITTEN | GUARD_REPAIRED => (told, EVENTS),
            SELECTOR_CLASH => (clashes, CLASH_EVENTS),
            _ => (troubles, EVENTS),
        };
        let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.since.elapsed() > WINDOW {
            *budget = Budget { since: Instant::now(), spent: 0 };
        }
        budget.spent += 1;
        let affordable = budget.spent <= most;
        self.metrics.events_dropped.inc_by(u64::from(!affordable));
        affordable
    }
}

fn shortened(mut note: String) -> String {
    if note.len() > NOTE {
        note.truncate(note.floor_char_boundary(NOTE - '…'.len_utf8()));
        note.push('…');
    }
    note
}

fn reference(api_version: &str, kind: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(api_version.to_owned()),
        kind: Some(kind.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}
