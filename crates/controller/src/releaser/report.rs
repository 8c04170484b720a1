//! Report: what is said of a gated Pod by log, metrics, journal and Event.

use std::time::Duration;

use assessment::{Fault, Reason};
use cluster::gated_pod::PodKey;

use crate::metrics;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{DONE, Outcomes, Payer, Topic, shortened};

/// The reason of an entry about a Pod that was released.
const RELEASED: &str = "Released";

impl Outcomes {
    /// A gated Pod was released, so long after its creation.
    pub(super) fn released(&self, key: &PodKey, took: Duration, waited: Duration) {
        self.count_release(DONE);
        self.note(|| Entry::new(Sort::Done, RELEASED, key.to_string(), "").after(waited));
        self.metrics().pod_hold_seconds.observe(waited.as_secs_f64());
        tracing::info!(namespace = %key.namespace, pod = %key.name, took_ms = took.as_millis(), waited_ms = waited.as_millis(), "released");
    }

    /// A Pod that was not released, and is tried again or not gated any more.
    pub(super) fn not_released(&self, key: &PodKey, word: &'static str, took: Duration) {
        self.count_release(word);
        tracing::debug!(namespace = %key.namespace, pod = %key.name, outcome = word, took_ms = took.as_millis(), "not released");
    }

    /// A Pod that could not be released, and is tried again later.
    pub(super) fn release_failed(
        &self,
        key: &PodKey,
        uid: &str,
        payer: &Payer,
        fault: &Fault,
        took: Duration,
    ) {
        let Fault { reason, message } = fault;
        let word = reason.word();
        self.count_release(word);
        self.note(|| Entry::new(Sort::Trouble, word, key.to_string(), message));
        let message = shortened(message.clone());
        tracing::warn!(namespace = %key.namespace, pod = %key.name, reason = word, message, took_ms = took.as_millis(), "release failed");
        let note = Fault { reason: *reason, message };
        if !self.is_reported(uid, fault) && self.warn_pod(Topic::Fault, payer, key, uid, note) {
            self.set_reported(uid, fault);
        }
    }

    /// A gated Pod that asks for other nodes than its namespace. False where it has to be reported
    /// later.
    pub(super) fn clashed(&self, key: &PodKey, uid: &str, payer: &Payer, message: String) -> bool {
        tracing::debug!(namespace = %key.namespace, pod = %key.name, message, "clash");
        let fault = Fault { reason: Reason::SelectorClash, message };
        self.warn_pod(Topic::Clash, payer, key, uid, fault)
    }

    /// A gated Pod that its namespace has kept waiting for long. False where it has to be reported
    /// later: the log has as many of them as there are Events.
    pub(super) fn pod_waits(
        &self,
        key: &PodKey,
        uid: &str,
        payer: &Payer,
        message: String,
    ) -> bool {
        let message = shortened(message);
        let fault = Fault { reason: Reason::WaitingForNamespace, message: message.clone() };
        let is_sent = self.warn_pod(Topic::Wait, payer, key, uid, fault);
        if is_sent {
            tracing::info!(namespace = %key.namespace, pod = %key.name, message, "a Pod waits");
        }
        is_sent
    }

    fn count_release(&self, outcome: &'static str) {
        self.metrics().pods_released.get_or_create(&metrics::Outcome { outcome }).inc();
    }
}
