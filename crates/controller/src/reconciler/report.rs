//! Report: what is said of a namespace by log, metrics, journal and Event.

use std::time::Duration;

use assessment::{Fault, Reason};
use kube::runtime::events::EventType;

use crate::metrics;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{DONE, Outcomes, Payer, Report, Topic, reference, shortened};
use crate::planner::PlannedWrite;
use crate::queue::Place;

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
        (took, lag): (Duration, Duration),
        payer: &Payer,
    ) {
        let name = &write.request.name;
        let urgency = place.urgency.word();
        let tenant = write.tenant.as_deref();
        self.count(DONE, took);
        if write.withdraws {
            // Its trouble has been reported.
            tracing::info!(namespace = name, took_ms = took.as_millis(), "not ready");
            return;
        }
        self.count_wait(lag);
        self.forget_reported(&write.request.uid);
        self.note(|| Entry::new(Sort::Done, WRITTEN, name, urgency).with_tenant(tenant).after(lag));
        let tenant = tenant.unwrap_or("-");
        tracing::info!(namespace = name, tenant, urgency, took_ms = took.as_millis(), "written");
        // None in bulk: a backfill speaks by its report, a tenant's edit by its status.
        if live {
            self.publish(Report {
                about: reference("v1", "Namespace", name, &write.request.uid),
                topic: Topic::Write,
                payer,
                type_: EventType::Normal,
                reason: WRITTEN,
                note: format!("metadata of tenant {tenant:?} written"),
            });
        }
    }

    /// A write that did not happen, and is tried again or not needed any more.
    pub(super) fn not_written(&self, write: &PlannedWrite, word: &'static str, took: Duration) {
        self.count(word, took);
        tracing::debug!(namespace = write.request.name, outcome = word, "not written");
    }

    /// Writes that failed so often that it is time to say so. They are tried again later.
    pub(super) fn failed(
        &self,
        write: &PlannedWrite,
        fault: &Fault,
        took: Duration,
        payer: &Payer,
    ) {
        let Fault { reason, message } = fault;
        let word = reason.word();
        let name = &write.request.name;
        self.count(word, took);
        tracing::warn!(
            namespace = name,
            reason = word,
            message = shortened(message.clone()),
            "writes fail"
        );
        self.note(|| {
            Entry::new(Sort::Trouble, word, name, message).with_tenant(write.tenant.as_deref())
        });
        let uid = &write.request.uid;
        if !self.is_reported(uid, fault) && self.warn(Topic::Fault, payer, name, uid, fault) {
            self.set_reported(uid, fault);
        }
    }

    /// A namespace that cannot be made compliant by landlord alone. Its Event is the payer's.
    pub(super) fn troubled(&self, name: &str, uid: &str, payer: &Payer, fault: &Fault) {
        let Fault { reason, message } = fault;
        let word = reason.word();
        if matches!(reason, Reason::HookRejected | Reason::HookWarning) {
            self.metrics().hook_failures.get_or_create(&metrics::Reason { reason: word }).inc();
        }
        tracing::warn!(
            namespace = name,
            reason = word,
            message = shortened(message.clone()),
            "not compliant"
        );
        let sort = if *reason == Reason::HookWarning { Sort::Notice } else { Sort::Trouble };
        // That one is reported once it is known who the other writer is.
        if *reason != Reason::Contested {
            self.note(|| Entry::new(sort, word, name, message));
            self.warn_or_put_off(name, uid, payer, fault);
        }
    }

    /// Writes the Event about a fault that is there, now or when the budget allows it.
    pub(super) fn warn_or_put_off(&self, name: &str, uid: &str, payer: &Payer, fault: &Fault) {
        if self.warn(topic_of(fault), payer, name, uid, fault) {
            self.drop_put_off(name);
        } else {
            self.put_off(name, payer.clone());
        }
    }

    /// Another writer sets keys back again and again. The Event is the payer's.
    pub(super) fn contested(&self, name: &str, uid: &str, payer: &Payer, fault: &Fault) {
        let Fault { reason, message } = fault;
        let word = reason.word();
        self.metrics().contested.inc();
        tracing::warn!(
            namespace = name,
            reason = word,
            message = shortened(message.clone()),
            "contested"
        );
        self.note(|| Entry::new(Sort::Trouble, word, name, message));
        self.warn_or_put_off(name, uid, payer, fault);
    }

    fn count(&self, outcome: &'static str, took: Duration) {
        self.metrics().writes.get_or_create(&metrics::Outcome { outcome }).inc();
        self.metrics().write_seconds.observe(took.as_secs_f64());
    }

    /// False where the budget does not allow it.
    fn warn(&self, topic: Topic, payer: &Payer, name: &str, uid: &str, fault: &Fault) -> bool {
        self.publish(Report {
            about: reference("v1", "Namespace", name, uid),
            topic,
            payer,
            type_: EventType::Warning,
            reason: fault.reason.word(),
            note: fault.message.clone(),
        })
    }
}

/// What an Event about a fault of a namespace is about.
pub(super) fn topic_of(fault: &Fault) -> Topic {
    if fault.reason == Reason::Contested { Topic::Notice } else { Topic::Fault }
}
