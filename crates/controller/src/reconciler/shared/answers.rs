//! What the API server's answers to writes make of a namespace.

use std::time::{Duration, Instant, SystemTime};

use assessment::{Fault, Reason};
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use cluster::writer::Failure;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Shared;
use crate::planner::{Decision, PlannedWrite, pods_of_unready};
use crate::queue::Place;
use crate::store::{Compliance, Standing};

/// How often progress that is over is forgotten.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

impl Shared {
    /// Takes in the namespace as it is now. The lag is counted from its creation, if that was after
    /// landlord began to wait for it.
    pub(in crate::reconciler) fn succeed(
        &mut self,
        write: &PlannedWrite,
        live: bool,
        answer: CachedNamespace,
        epoch: u64,
        took: Duration,
    ) -> Duration {
        let now = clock::now();
        let name = &write.request.name;
        if !write.withdraws {
            self.written += 1;
            self.count(write, live);
        }
        let since = self
            .progress
            .get(name)
            .and_then(|progress| progress.since)
            .map_or(took, |since| now.duration_since(since));
        let created = answer.created.as_ref().map(|created| SystemTime::from(created.0));
        let age = created.and_then(|created| SystemTime::now().duration_since(created).ok());
        let carried = write.request.changes.iter().map(|(key, _)| key);
        self.progress.update(name, |progress| progress.contention.carried(carried));
        self.contend(write, now);
        self.progress.note(name, None);
        self.progress.settle(name, now);
        self.store.update_namespace(answer, epoch);
        match self.decide(name) {
            // The tenant has changed meanwhile, or another client wrote.
            Decision::Write(next) => self.queue(&next, true, now),
            Decision::Rest { trouble } => {
                self.progress.note(name, trouble);
                self.look_again(name, now, false);
            }
            Decision::Ignore => {}
        }
        self.prune(now);
        // Kubernetes counts creation in whole seconds, so the age of a young namespace says little.
        age.filter(|age| *age < since).unwrap_or(since)
    }

    fn count(&mut self, write: &PlannedWrite, live: bool) {
        if live {
            return;
        }
        self.written_in_bulk += 1;
        if let Some(tenant) = &write.tenant {
            *self.bulk.entry(tenant.clone()).or_default() += 1;
        }
    }

    /// Remembers what was written, so that another writer who sets it back is found out.
    pub(in crate::reconciler) fn contend(&mut self, write: &PlannedWrite, now: Instant) {
        self.progress.update(&write.request.name, |progress| {
            if write.withdraws {
                return progress.contention.withdraw();
            }
            for (key, value) in &write.request.changes {
                let is_reversal = write.reversed.contains(key);
                progress.contention.wrote(key, value.as_deref(), is_reversal, now);
            }
        });
    }

    /// Takes in an answer that carries the write no more: admission set it back.
    pub(in crate::reconciler) fn take_reverted(
        &mut self,
        write: &PlannedWrite,
        meta: &ObjectMeta,
        epoch: u64,
    ) {
        self.contend(write, clock::now());
        let missing = write.request.missing_in(meta);
        self.progress.update(&write.request.name, |progress| progress.contention.undone(&missing));
        self.store.update_namespace(CachedNamespace::from_meta(meta), epoch);
    }

    fn prune(&mut self, now: Instant) {
        if self.pruned.is_none_or(|at| now > at + PRUNE_INTERVAL) {
            self.pruned = Some(now);
            self.progress.prune(now);
        }
    }

    /// A write failed: it is tried again later, unless it was tried often enough. The trouble, once
    /// it is time to report it.
    pub(in crate::reconciler) fn fail(
        &mut self,
        write: &PlannedWrite,
        live: bool,
        failure: &Failure,
        retries: Option<u32>,
    ) -> Option<Fault> {
        let name = &write.request.name;
        let now = clock::now();
        let held = self.store.namespace(name)?;
        let message = if write.placement {
            format!("{}; {}", failure.message, pods_of_unready(&self.store, held))
        } else {
            failure.message.clone()
        };
        self.failures += 1;
        let (again, is_given_up, is_reported) = self.progress.update(name, |progress| {
            if failure.reason.is_size() {
                progress.attempts.report();
            }
            let again = progress.attempts.fail(now, failure.retry_after);
            progress.is_given_up =
                retries.is_some_and(|retries| progress.attempts.failures() > retries);
            (again, progress.is_given_up, progress.attempts.are_reported())
        });
        let report =
            (is_reported || is_given_up).then_some(Fault { reason: failure.reason, message });
        if !is_given_up {
            self.queue(write, live, again);
        }
        let state = if report.is_some() { Compliance::Failed } else { Compliance::Pending };
        self.store.stand(
            name,
            Some(Standing {
                tenant: write.tenant.clone(),
                state,
                reason: report.as_ref().map(|trouble| trouble.reason),
            }),
        );
        if report.is_some() {
            self.progress.note(name, report.clone());
        }
        report
    }

    /// Another client wrote in between.
    pub(in crate::reconciler) fn plan_again(&mut self, name: &str, place: &Place) {
        if self.store.namespace(name).is_none() {
            return;
        }
        let now = clock::now();
        let (ready, put_off) = self.progress.update(name, |progress| {
            (progress.attempts.conflict(now), progress.attempts.not_before(now))
        });
        self.work.queue.add(&name.to_owned(), Place { ready, ..place.clone() });
        if let Some(until) = put_off {
            self.work.queue.reschedule(&name.to_owned(), until);
        }
    }

    /// Takes in who the other writer is. Returns the namespace's uid and what there is to report,
    /// if the contention is still on.
    pub(in crate::reconciler) fn contest(
        &mut self,
        name: &str,
        other: Option<String>,
    ) -> Option<(String, Fault)> {
        self.progress.update(name, |progress| progress.contention.set_other(other));
        let trouble = self
            .decide(name)
            .trouble()
            .filter(|trouble| trouble.reason == Reason::Contested)
            .cloned()?;
        self.progress.note(name, Some(trouble.clone()));
        Some((self.store.namespace(name)?.uid.clone(), trouble))
    }
}
