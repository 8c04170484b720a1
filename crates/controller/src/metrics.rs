//! Metrics of the controller, in Prometheus' text form. Labels are bounded: of objects only
//! tenants' names are some, in [`AuditMetrics`].

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use guard::form::Form;

use crate::audit::metrics::AuditMetrics;
use crate::audit::summary::Summary;
use crate::gated_pods;
use crate::queue::Urgency;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    /// done, conflict, gone or a reason of a failure.
    pub outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Depth {
    urgency: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    /// compliant, pending, conflicted or failed.
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Held {
    /// waiting, clashing or failing.
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Reason {
    /// HookRejected or HookWarning; Unverified, Contested, UnknownTenant …
    pub reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct GuardPart {
    /// stamp, seal, deny …
    pub part: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct GuardForm {
    /// mutating, mutating-v1beta1, validating or beside-webhook.
    form: &'static str,
}

/// See the module.
pub struct Metrics {
    registry: Registry,
    pub writes: Family<Outcome, Counter>,
    pub write_seconds: Histogram,
    pub compliance_seconds: Histogram,
    namespaces: Family<State, Gauge>,
    troubled: Family<Reason, Gauge>,
    pace: Gauge,
    pub leader: Gauge,
    pub ready: Gauge,
    pub settings_valid: Gauge,
    pub account_valid: Gauge,
    pub lists: Counter<u64, AtomicU64>,
    pub contested: Counter,
    pub hook_failures: Family<Reason, Counter>,
    pub events_dropped: Counter,
    pub guard_repairs: Family<GuardPart, Counter>,
    guard_form: Family<GuardForm, Gauge>,
    depths: Family<Depth, Gauge>,
    held_pods: Family<Held, Gauge>,
    pub pods_released: Family<Outcome, Counter>,
    pub pod_hold_seconds: Histogram,
    audit: AuditMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::with(|_| {})
    }
}

impl Metrics {
    /// Those here, and those that a component above registers for itself.
    pub fn with(register: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::with_prefix("landlord");
        let mut metrics = Self {
            writes: Family::default(),
            // 1 ms to 16 s.
            write_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            compliance_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 20)),
            namespaces: Family::default(),
            troubled: Family::default(),
            pace: Gauge::default(),
            leader: Gauge::default(),
            ready: Gauge::default(),
            settings_valid: Gauge::default(),
            account_valid: Gauge::default(),
            lists: Counter::default(),
            contested: Counter::default(),
            hook_failures: Family::default(),
            events_dropped: Counter::default(),
            guard_repairs: Family::default(),
            guard_form: Family::default(),
            depths: Family::default(),
            held_pods: Family::default(),
            pods_released: Family::default(),
            // 5 ms to 1.5 hours.
            pod_hold_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 21)),
            audit: AuditMetrics::default(),
            registry: Registry::default(),
        };
        // Until the API server says otherwise.
        metrics.account_valid.set(1);
        metrics.register(&mut registry);
        register(&mut registry);
        metrics.registry = registry;
        metrics
    }

    /// With those of the audit.
    pub fn audited(mut self) -> Self {
        self.audit.register(&mut self.registry);
        self
    }

    /// Sets those of the audit.
    pub fn show_audit(&self, summary: &Summary) {
        self.audit.show(summary);
    }

    fn register(&self, registry: &mut Registry) {
        self.register_namespaces(registry);
        self.register_replica(registry);
        self.register_guard(registry);
    }

    fn register_namespaces(&self, registry: &mut Registry) {
        registry.register(
            "namespace_writes",
            "Patches of namespaces by outcome",
            self.writes.clone(),
        );
        registry.register(
            "namespace_write_seconds",
            "Time of one patch",
            self.write_seconds.clone(),
        );
        let compliance = "Time from a namespace's creation, or from the first sight of its difference, to its compliance";
        registry.register(
            "namespace_compliance_seconds",
            compliance,
            self.compliance_seconds.clone(),
        );
        registry.register(
            "namespaces",
            "Namespaces that landlord looks after, by how they stand",
            self.namespaces.clone(),
        );
        registry.register(
            "troubled_namespaces",
            "Namespaces that are not compliant, by what is wrong with them",
            self.troubled.clone(),
        );
        registry.register(
            "queue_depth",
            "Namespaces that wait for their turn, by urgency",
            self.depths.clone(),
        );
        registry.register("pace", "Patches that may be under way at a time", self.pace.clone());
    }

    fn register_replica(&self, registry: &mut Registry) {
        registry.register("leader", "Whether this replica writes", self.leader.clone());
        registry.register(
            "ready",
            "Whether all that is watched has been listed once",
            self.ready.clone(),
        );
        registry.register(
            "settings_valid",
            "Whether the newest settings are in force; 0 = the last good ones are",
            self.settings_valid.clone(),
        );
        registry.register(
            "account_valid",
            "Whether the settings let the controller's account write; 0 = guard and policy undo or refuse what it writes",
            self.account_valid.clone(),
        );
        registry.register(
            "contested",
            "Namespaces of which a key became contested by another writer",
            self.contested.clone(),
        );
        registry.register(
            "hook_failures",
            "Namespaces that hooks began to reject, or to warn about",
            self.hook_failures.clone(),
        );
        registry.register("lists", "Full lists of namespaces, tenants or Pods", self.lists.clone());
        registry.register(
            "events_dropped",
            "Events left out or put off, to keep within the budget",
            self.events_dropped.clone(),
        );
    }

    fn register_guard(&self, registry: &mut Registry) {
        let repairs =
            "Objects of the guard that another client changed or deleted, repaired, by part";
        registry.register("guard_repairs", repairs, self.guard_repairs.clone());
        registry.register(
            "guard_form",
            "1 for the form of the guard that --guard keeps; none while it cannot be installed",
            self.guard_form.clone(),
        );
        registry.register(
            "held_pods",
            "Pods that landlord's scheduling gate holds, by how they stand",
            self.held_pods.clone(),
        );
        registry.register(
            "pods_released",
            "Patches that release held Pods by outcome",
            self.pods_released.clone(),
        );
        registry.register(
            "pod_hold_seconds",
            "Time from a held Pod's creation to its release",
            self.pod_hold_seconds.clone(),
        );
    }

    /// Sets how many namespaces stand so.
    pub fn set_namespaces(&self, state: &'static str, count: usize) {
        self.namespaces.get_or_create(&State { state }).set(gauge(count));
    }

    /// Sets how many namespaces are not compliant, by reason.
    pub fn set_troubled(&self, reasons: &[(assessment::Reason, usize)]) {
        self.troubled.clear();
        for (reason, count) in reasons {
            self.troubled.get_or_create(&Reason { reason: reason.word() }).set(gauge(*count));
        }
    }

    /// Sets how many Pods are held, in each state.
    pub fn set_held_pods(&self, counts: [(&'static str, usize); gated_pods::State::WORDS.len()]) {
        for (state, count) in counts {
            self.held_pods.get_or_create(&Held { state }).set(gauge(count));
        }
    }

    /// Sets how many namespaces wait for their turn, by urgency, and how many of all wait until
    /// they are tried again (`retry`).
    pub fn set_depths(&self, depths: [(Urgency, usize); 3], backing_off: usize) {
        self.depths.get_or_create(&Depth { urgency: "retry" }).set(gauge(backing_off));
        for (urgency, depth) in depths {
            self.depths.get_or_create(&Depth { urgency: urgency.word() }).set(gauge(depth));
        }
    }

    /// Sets the form of the guard that is kept; `None` while there is none.
    pub fn set_guard_form(&self, form: Option<Form>) {
        self.guard_form.clear();
        if let Some(form) = form {
            self.guard_form.get_or_create(&GuardForm { form: form.word() }).set(1);
        }
    }

    /// Sets how many patches may be under way at a time.
    pub fn set_pace(&self, limit: usize) {
        self.pace.set(gauge(limit));
    }

    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A count as a gauge has it.
pub(crate) fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
