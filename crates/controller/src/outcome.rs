//! Outcome: the one place that tells the world what became of a namespace – a line of the log,
//! metrics, perhaps an Event.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::gated_pods::PodKey;
use crate::metrics::{self, Metrics};
use crate::planner::PlannedWrite;
use crate::queue::Place;
use assessment::{Fault, Reason};
use cluster::clock;
use guard::difference::Change;

mod budget;
pub mod journal;
mod pod_event;

pub use self::budget::WINDOW;
use self::budget::{Budgets, Topic};
use self::journal::{Entry, Journal, Sort};

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

/// See the module.
pub struct Outcomes {
    metrics: Arc<Metrics>,
    client: Option<Client>,
    recorder: Option<Recorder>,
    /// Where somebody may look at them.
    journal: Option<Arc<Journal>>,
    budgets: Budgets,
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
            let about = namespace(&write.request.name, &write.request.uid);
            self.publish(Topic::Write, &about, EventType::Normal, WRITTEN, note);
        }
    }

    /// A write that did not happen, and is tried again or not needed any more.
    pub fn not_written(&self, write: &PlannedWrite, word: &'static str, took: Duration) {
        self.count(word, took);
        tracing::debug!(namespace = write.request.name, outcome = word, "not written");
    }

    /// Writes that failed so often that it is time to say so. They are tried again later.
    pub fn failed(&self, write: &PlannedWrite, Fault { reason, message }: &Fault, took: Duration) {
        let reason = reason.word();
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
        self.warn(Topic::Fault, namespace(&request.name, &request.uid), reason, message.clone());
    }

    /// A namespace that cannot be made compliant by landlord alone.
    pub fn troubled(&self, name: &str, uid: &str, Fault { reason, message }: &Fault) {
        let word = reason.word();
        if matches!(reason, Reason::HookRejected | Reason::HookWarning) {
            self.metrics.hook_failures.get_or_create(&metrics::Reason { reason: word }).inc();
        }
        tracing::warn!(
            namespace = name,
            reason = word,
            message = shortened(message.clone()),
            "not compliant"
        );
        let sort = if *reason == Reason::HookWarning { Sort::Notice } else { Sort::Trouble };
        // That one is told once it is known who the other writer is.
        if *reason != Reason::Contested {
            self.note(|| Entry::new(sort, word, name, message));
            self.warn(Topic::Fault, namespace(name, uid), word, message.clone());
        }
    }

    /// Another writer sets keys back again and again.
    pub fn contested(&self, name: &str, uid: &str, Fault { reason, message }: &Fault) {
        let reason = reason.word();
        self.metrics.contested.inc();
        tracing::warn!(namespace = name, reason, message, "contested");
        self.note(|| Entry::new(Sort::Trouble, reason, name, message));
        self.warn(Topic::Notice, namespace(name, uid), reason, message.clone());
    }

    /// A document of settings that is not put in force.
    pub fn settings_refused(&self, policy: &str, uid: &str, note: String) {
        let about = reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", policy, uid);
        self.note(|| Entry::new(Sort::Trouble, SETTINGS_REFUSED, policy, &note));
        self.warn(Topic::Notice, about, SETTINGS_REFUSED, note);
    }

    /// The strategy of a policy changed.
    pub fn strategy_changed(&self, policy: &str, uid: &str, note: String) {
        self.strategy(policy, uid, Sort::Notice, "StrategyChanged", note);
    }

    /// A strategy that is not taken, or that is taken with a risk: a user should look at it.
    pub fn strategy_doubted(&self, policy: &str, uid: &str, reason: &str, note: String) {
        self.strategy(policy, uid, Sort::Trouble, reason, note);
    }

    fn strategy(&self, policy: &str, uid: &str, sort: Sort, reason: &str, note: String) {
        let about = reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", policy, uid);
        self.note(|| Entry::new(sort, reason, policy, &note));
        let type_ = if sort == Sort::Trouble { EventType::Warning } else { EventType::Normal };
        self.publish(Topic::Fault, &about, type_, reason, note);
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
        let about = reference(api_version, kind, tenant, uid);
        self.publish(Topic::Notice, &about, EventType::Normal, NAMESPACES_WRITTEN, note);
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
        reason: Reason,
        message: &str,
        took: Duration,
    ) {
        let word = reason.word();
        self.count_release(word);
        self.note(|| Entry::new(Sort::Trouble, word, key.to_string(), message));
        tracing::warn!(namespace = %key.namespace, pod = %key.name, reason = word, message, took_ms = took.as_millis(), "release failed");
        self.warn_pod(Topic::Fault, key, uid, reason, message.to_owned()).await;
    }

    /// A held Pod that asks for other nodes than its namespace. False where it has to be told
    /// later.
    pub async fn clashed(&self, key: &PodKey, uid: &str, message: String) -> bool {
        tracing::debug!(namespace = %key.namespace, pod = %key.name, message, "clash");
        self.warn_pod(Topic::Clash, key, uid, Reason::SelectorClash, message).await
    }

    /// A gated Pod that its namespace has kept waiting for long. False where it has to be told
    /// later.
    pub async fn pod_waits(&self, key: &PodKey, uid: &str, message: String) -> bool {
        tracing::info!(namespace = %key.namespace, pod = %key.name, message, "a Pod waits");
        self.warn_pod(Topic::Fault, key, uid, Reason::WaitingForNamespace, message).await
    }

    /// False where the budget does not allow it.
    async fn warn_pod(
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
        self.warn(Topic::Notice, about, GUARD_REPAIRED, note);
    }

    fn count(&self, outcome: &'static str, took: Duration) {
        self.metrics.writes.get_or_create(&metrics::Outcome { outcome }).inc();
        self.metrics.write_seconds.observe(took.as_secs_f64());
    }

    fn warn(&self, topic: Topic, about: ObjectReference, reason: &str, note: String) {
        self.publish(topic, &about, EventType::Warning, reason, note);
    }

    fn publish(
        &self,
        topic: Topic,
        about: &ObjectReference,
        type_: EventType,
        reason: &str,
        note: String,
    ) {
        let Some(recorder) = self.recorder.clone().filter(|_| self.afford(topic)) else { return };
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
            if let Err(error) =
                clock::within(clock::ANSWER_TIMEOUT, recorder.publish(&event, &about)).await
            {
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

fn shortened(mut note: String) -> String {
    if note.len() > NOTE {
        note.truncate(note.floor_char_boundary(NOTE - '…'.len_utf8()));
        note.push('…');
    }
    note
}

fn namespace(name: &str, uid: &str) -> ObjectReference {
    reference("v1", "Namespace", name, uid)
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
