//! Report: what is said of a namespace by log, metrics, journal and Event.

use std::time::Duration;

use cluster::writer::Failure;
use kube::runtime::events::EventType;

use crate::metrics;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{DONE, Outcomes, Report, Topic, reference, shortened};
use crate::planner::PlannedWrite;
use crate::queue::Place;
use crate::trouble::{CONTESTED, HOOK_REJECTED, HOOK_WARNING, Trouble};

/// The reason of an Event about one changed namespace.
const WRITTEN: &str = "Written";

impl Outcomes {
    /// A namespace was changed. `lag` is the time since its creation or since its difference was
    /// seen.
    pub(super) fn written(
        &self,
        write: &PlannedWrite,
        place: &Place,
        live: bool,
        took: Duration,
        lag: Duration,
    ) {
        let name = &write.request.name;
        let urgency = place.urgency.word();
        let tenant = write.tenant.as_deref();
        self.count(DONE, took);
        self.count_wait(lag);
        self.forget_reported(&write.request.uid);
        self.note(|| Entry::new(Sort::Done, WRITTEN, name, urgency).of(tenant).after(lag));
        let tenant = tenant.unwrap_or("-");
        tracing::info!(namespace = name, tenant, urgency, took_ms = took.as_millis(), "written");
        // None in bulk: a backfill speaks by its report, a tenant's edit by its status.
        if live {
            let report = Report {
                about: reference("v1", "Namespace", name, &write.request.uid),
                topic: Topic::Write,
                type_: EventType::Normal,
                reason: WRITTEN,
                note: format!("metadata of tenant {tenant:?} written"),
            };
            self.publish_for(tenant, report);
        }
    }

    /// A write that did not happen, and is tried again or not needed any more.
    pub(super) fn not_written(&self, write: &PlannedWrite, word: &'static str, took: Duration) {
        self.count(word, took);
        tracing::debug!(namespace = write.request.name, outcome = word, "not written");
    }

    /// Writes that failed so often that it is time to say so. They are tried again later.
    pub(super) fn failed(&self, write: &PlannedWrite, failure: &Failure, took: Duration) {
        let Failure { reason, message, .. } = failure;
        let (name, uid) = (&write.request.name, &write.request.uid);
        self.count(reason, took);
        tracing::warn!(
            namespace = name,
            reason,
            message = shortened(message.clone()),
            "writes fail"
        );
        self.note(|| Entry::new(Sort::Trouble, reason, name, message).of(write.tenant.as_deref()));
        let trouble = Trouble { reason, message: message.clone() };
        if !self.is_reported(uid, failure)
            && self.warn(Topic::Fault, name, uid, write.tenant.as_deref(), &trouble)
        {
            self.set_reported(uid, failure);
        }
    }

    /// A namespace, of this tenant or of none, that cannot be made compliant by landlord alone.
    pub(super) fn troubled(&self, name: &str, uid: &str, tenant: Option<&str>, trouble: &Trouble) {
        let Trouble { reason, message } = trouble;
        if [HOOK_REJECTED, HOOK_WARNING].contains(reason) {
            self.metrics().hook_failures.get_or_create(&metrics::Reason { reason }).inc();
        }
        tracing::warn!(
            namespace = name,
            reason,
            message = shortened(message.clone()),
            "not compliant"
        );
        let sort = if *reason == HOOK_WARNING { Sort::Notice } else { Sort::Trouble };
        // That one is reported once it is known who the other writer is.
        if *reason != CONTESTED {
            self.note(|| Entry::new(sort, reason, name, message));
            self.warn(Topic::Fault, name, uid, tenant, trouble);
        }
    }

    /// Another writer sets keys back again and again.
    pub(super) fn contested(&self, name: &str, uid: &str, tenant: Option<&str>, trouble: &Trouble) {
        let Trouble { reason, message } = trouble;
        self.metrics().contested.inc();
        tracing::warn!(namespace = name, reason, message, "contested");
        self.note(|| Entry::new(Sort::Trouble, reason, name, message));
        self.warn(Topic::Notice, name, uid, tenant, trouble);
    }

    fn count(&self, outcome: &'static str, took: Duration) {
        self.metrics().writes.get_or_create(&metrics::Outcome { outcome }).inc();
        self.metrics().write_seconds.observe(took.as_secs_f64());
    }

    /// False where the budget does not allow it.
    fn warn(
        &self,
        topic: Topic,
        name: &str,
        uid: &str,
        tenant: Option<&str>,
        trouble: &Trouble,
    ) -> bool {
        let report = Report {
            about: reference("v1", "Namespace", name, uid),
            topic,
            type_: EventType::Warning,
            reason: trouble.reason,
            note: trouble.message.clone(),
        };
        self.publish_for(tenant.unwrap_or_default(), report)
    }
}
