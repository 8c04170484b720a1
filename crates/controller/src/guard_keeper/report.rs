//! Report: what is said of an object of the guard by log, metrics, journal and Event.

use guard::difference::Change;
use kube::runtime::events::EventType;

use crate::metrics::GuardPart;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{Outcomes, Payer, Report, Topic, reference};

/// The reason of an Event about an object that another client changed or deleted.
const GUARD_REPAIRED: &str = "GuardRepaired";

impl Outcomes {
    /// An object of the guard was written; `uid` is empty where it is gone.
    pub(super) fn guard_written(&self, change: &Change, uid: &str) {
        let Change { id, news } = change;
        if !news.is_repair() {
            tracing::info!(kind = id.kind, name = id.name, outcome = news.word(), "guard");
            return;
        }
        let part = GuardPart { part: id.part().to_owned() };
        self.metrics().guard_repairs.get_or_create(&part).inc();
        tracing::warn!(kind = id.kind, name = id.name, outcome = news.word(), "guard repaired");
        let note = format!("{} {}: {}", id.kind, id.name, news.word());
        self.note(|| Entry::new(Sort::Trouble, GUARD_REPAIRED, &id.name, &note));
        self.publish(Report {
            about: reference("admissionregistration.k8s.io/v1", &id.kind, &id.name, uid),
            topic: Topic::Notice,
            payer: &Payer::Controller,
            type_: EventType::Warning,
            reason: GUARD_REPAIRED,
            note,
        });
    }
}
