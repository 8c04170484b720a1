//! Outcome: the one place that tells the world what became of a namespace – a line of the log, metrics, perhaps an Event.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::{self, Metrics};
use crate::planner::{Trouble, Write};
use crate::queue::Urgency;

/// Events are for people; more than so many in a window nobody reads. What went well and what needs somebody have a budget each.
const EVENTS: usize = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Bytes of a note that the API server takes.
const NOTE: usize = 1024;

/// The reason of an Event about one changed namespace.
const WRITTEN: &str = "Written";

/// See the module.
pub(crate) struct Outcomes {
    metrics: std::sync::Arc<Metrics>,
    recorder: Option<Recorder>,
    /// For the changes of single namespaces, and for all else.
    budgets: [Mutex<Budget>; 2],
}

#[derive(Debug)]
struct Budget {
    since: Instant,
    spent: usize,
}

impl Outcomes {
    /// Without a client, nothing but logs and metrics.
    pub(crate) fn new(metrics: std::sync::Arc<Metrics>, client: Option<Client>) -> Self {
        let reporter = Reporter { controller: "landlord".to_owned(), instance: std::env::var("HOSTNAME").ok() };
        let recorder = client.map(|client| Recorder::new(client, reporter));
        Self { metrics, recorder, budgets: [(); 2].map(|()| Mutex::new(Budget { since: Instant::now(), spent: 0 })) }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// A namespace was changed. `lag` is the time since its creation or since its difference was seen.
    pub(crate) async fn written(&self, write: &Write, urgency: Urgency, took: Duration, lag: Duration) {
        self.count("done", took);
        self.metrics.compliance_seconds.observe(lag.as_secs_f64());
        let tenant = write.tenant.as_deref().unwrap_or("-");
        tracing::info!(namespace = write.name, tenant, urgency = urgency.word(), took_ms = took.as_millis(), "written");
        // None in bulk: a backfill speaks by its report, a tenant's edit by its status.
        if matches!(urgency, Urgency::Placement | Urgency::Drift) {
            let note = format!("metadata of tenant {tenant:?} written");
            self.publish(&write.name, &write.uid, EventType::Normal, WRITTEN, note).await;
        }
    }

    /// A write that did not happen, and is tried again or not needed any more.
    pub(crate) fn not_written(&self, write: &Write, word: &'static str, took: Duration) {
        self.count(word, took);
        tracing::debug!(namespace = write.name, outcome = word, "not written");
    }

    /// A write that failed, and is tried again later.
    pub(crate) async fn failed(&self, write: &Write, reason: &'static str, message: &str, took: Duration) {
        self.count(reason, took);
        tracing::warn!(namespace = write.name, reason, message, "write failed");
        self.publish(&write.name, &write.uid, EventType::Warning, reason, message.to_owned()).await;
    }

    /// A namespace that cannot be made compliant by landlord alone.
    pub(crate) fn troubled(&self, name: &str, Trouble { reason, message }: &Trouble) {
        tracing::warn!(namespace = name, reason, message, "not compliant");
    }

    /// Another writer sets keys back again and again.
    pub(crate) async fn contested(&self, name: &str, uid: &str, Trouble { reason, message }: &Trouble) {
        self.metrics.contested.inc();
        tracing::warn!(namespace = name, reason, message, "contested");
        self.publish(name, uid, EventType::Warning, reason, message.clone()).await;
    }

    /// A document of settings that is not put in force.
    pub(crate) async fn settings_refused(&self, policy: &str, uid: &str, note: String) {
        let about = reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", policy, uid);
        self.publish_about(&about, EventType::Warning, "SettingsRefused", note).await;
    }

    /// The strategy of a policy changed, or would have. What somebody should look at is a warning.
    pub(crate) async fn strategy(&self, policy: &str, uid: &str, warning: bool, reason: &str, note: String) {
        let about = reference("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", policy, uid);
        self.publish_about(&about, if warning { EventType::Warning } else { EventType::Normal }, reason, note).await;
    }

    /// What an edit of a tenant, or a backfill, has written in all.
    pub(crate) async fn bulk_written(&self, api_version: &str, kind: &str, tenant: &str, uid: &str, namespaces: usize) {
        tracing::info!(tenant, namespaces, "written in bulk");
        let note = format!("metadata of {namespaces} namespaces written");
        self.publish_about(&reference(api_version, kind, tenant, uid), EventType::Normal, "NamespacesWritten", note).await;
    }

    fn count(&self, outcome: &'static str, took: Duration) {
        self.metrics.writes.get_or_create(&metrics::Outcome { outcome }).inc();
        self.metrics.write_seconds.observe(took.as_secs_f64());
    }

    async fn publish(&self, name: &str, uid: &str, type_: EventType, reason: &str, note: String) {
        self.publish_about(&reference("v1", "Namespace", name, uid), type_, reason, note).await;
    }

    async fn publish_about(&self, about: &ObjectReference, type_: EventType, reason: &str, note: String) {
        let Some(recorder) = self.recorder.as_ref().filter(|_| self.afford(reason)) else { return };
        let note = Some(shortened(note));
        let event = Event { type_, reason: reason.to_owned(), note, action: "Reconcile".to_owned(), secondary: None };
        if let Err(error) = recorder.publish(&event, about).await {
            tracing::debug!(%error, "event not written");
        }
    }

    fn afford(&self, reason: &str) -> bool {
        let [single, other] = &self.budgets;
        let mut budget = if reason == WRITTEN { single } else { other }.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.since.elapsed() > WINDOW {
            *budget = Budget { since: Instant::now(), spent: 0 };
        }
        budget.spent += 1;
        let affordable = budget.spent <= EVENTS;
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
