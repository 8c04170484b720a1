//! Withdrawal, carried out: a namespace that could not be written as its tenant wants it stops being
//! ready at once, in the same turn as the write that failed. So does one that another client changes
//! so often that no write arrives in time.

use assessment::{Fault, Reason};
use cluster::cached_namespace::CachedNamespace;
use cluster::write::Write;
use cluster::writer::{Failure, Scope, Written};

use super::{Reconciler, Shared};
use crate::planner::{PlannedWrite, of_failed, pods_of_unready};

/// What is said of a namespace that others change all the time.
const OVERTAKEN: &str = "another client changes it before each write arrives: end that, or let it leave a second between its changes; \
    the API server's audit log names it";
/// How often a withdrawal is tried after a failed write, where others write in between.
const WITHDRAWAL_TRIES: usize = 6;

/// Of the write that withdraws.
struct Form {
    /// Whether it resets `managedFields`.
    smallest: bool,
    at_any_version: bool,
}

impl Reconciler {
    /// What was to be written was not, so that the namespace is not what its tenant wants: it stops
    /// being ready, by a write that fits where any does.
    pub(super) async fn withdraw(&self, failed: &PlannedWrite, failure: &Failure, epoch: u64) {
        // A withdrawal that was itself too large begins with the smallest one.
        let smallest = failed.withdraws && failure.reason.is_size();
        if !failed.withdraws || smallest {
            self.try_to_withdraw(failed, failure, epoch, Form { smallest, at_any_version: false })
                .await;
        }
    }

    async fn try_to_withdraw(
        &self,
        failed: &PlannedWrite,
        failure: &Failure,
        epoch: u64,
        Form { mut smallest, mut at_any_version }: Form,
    ) {
        for _ in 0..WITHDRAWAL_TRIES {
            let planned = self.shared().plan_withdrawal(failed, failure, at_any_version);
            let Some(request) = planned else { return };
            let request = if smallest { request.without_managers() } else { request };
            match self.writer.write(&request).await.0 {
                Written::Done(meta) => {
                    let reason = failure.reason.word();
                    tracing::warn!(namespace = request.name, reason, "not ready");
                    let now = CachedNamespace::from_meta(&meta);
                    return self.shared().take_withdrawn(&request.name, now, epoch);
                }
                Written::Failed(failure) if failure.reason.is_size() && !smallest => {
                    smallest = true;
                }
                Written::Conflict(_) => match self.writer.read(&request.name).await {
                    Ok(Some(meta)) => {
                        let now = CachedNamespace::from_meta(&meta);
                        self.shared().store.update_namespace(now, epoch);
                        at_any_version = true;
                    }
                    _ => return,
                },
                _ => return,
            }
        }
    }

    /// Reports a namespace that another client changes before each write arrives, and withdraws it.
    pub(super) async fn report_overtaken(&self, write: &PlannedWrite, epoch: u64) {
        let name = &write.request.name;
        let (news, payer) = {
            let mut shared = self.shared();
            let Some(fault) = shared.find_overtaken(name) else { return };
            // One that has a fault of its own has been reported.
            let fault = Some(fault).filter(|_| write.trouble.is_none());
            let news = fault.and_then(|fault| shared.progress.note(name, Some(fault)));
            (news, shared.store.payer(name))
        };
        if let Some(fault) = news {
            self.outcomes.troubled(name, &write.request.uid, &payer, &fault);
        }
        let failure = Failure::of_object(Reason::Refused, OVERTAKEN.to_owned());
        let form = Form { smallest: false, at_any_version: true };
        self.try_to_withdraw(write, &failure, epoch, form).await;
    }
}

impl Shared {
    /// The fault of a namespace that others change all the time.
    fn find_overtaken(&self, name: &str) -> Option<Fault> {
        let held = self.store.namespace(name)?;
        let attempts = self.progress.get(name)?.attempts;
        let message = || format!("{OVERTAKEN}; {}", pods_of_unready(&self.store, held));
        attempts
            .are_conflicts_reported()
            .then(|| Fault { reason: Reason::Refused, message: message() })
    }

    /// The write by which a namespace stops being ready, after one that failed and will not pass by
    /// itself; `None` where it is not ready, or what failed is no matter of placement.
    fn plan_withdrawal(
        &self,
        failed: &PlannedWrite,
        failure: &Failure,
        at_any_version: bool,
    ) -> Option<Write> {
        let name = &failed.request.name;
        let failures = self.progress.get(name).map_or(0, |progress| progress.attempts.failures());
        let may_pass = failure.scope == Scope::Server || failure.reason.passes() && failures < 2;
        // Where it was denied as well, it is not asked for beside every attempt.
        let is_due = failures <= 4 || failures.is_power_of_two();
        let held = self.store.namespace(name).filter(|_| !may_pass && is_due)?;
        let request = of_failed(self.store.settings(), held, failed)?;
        Some(if at_any_version { request.at_any_version(held) } else { request })
    }

    /// Takes in a namespace that is not ready any more.
    fn take_withdrawn(&mut self, name: &str, now: CachedNamespace, epoch: u64) {
        self.progress.update(name, |progress| progress.contention.withdraw());
        self.store.update_namespace(now, epoch);
    }
}
