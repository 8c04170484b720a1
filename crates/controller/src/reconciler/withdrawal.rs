//! Withdrawal, carried out: a namespace that could not be written as its tenant wants it stops being
//! ready at once, in the same turn as the write that failed.

use cluster::cached_namespace::CachedNamespace;
use cluster::write::Write;
use cluster::writer::{Failure, Scope, Written};

use super::{Reconciler, Shared};
use crate::planner::{PlannedWrite, of_failed};

/// How often a withdrawal is tried after a failed write, where others write in between.
const WITHDRAWAL_TRIES: usize = 6;

impl Reconciler {
    /// What was to be written was not, so that the namespace is not what its tenant wants: it stops
    /// being ready, by a write that fits where any does.
    pub(super) async fn withdraw(&self, failed: &PlannedWrite, failure: &Failure, epoch: u64) {
        // A withdrawal that was itself too large begins with the smallest one.
        let mut smallest = failed.withdraws && failure.reason.is_size();
        if failed.withdraws && !smallest {
            return;
        }
        for _ in 0..WITHDRAWAL_TRIES {
            let Some(request) = self.shared().plan_withdrawal(failed, failure) else { return };
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
                    }
                    _ => return,
                },
                _ => return,
            }
        }
    }
}

impl Shared {
    /// The write by which a namespace stops being ready, after one that failed and will not pass by
    /// itself; `None` where it is not ready, or what failed is no matter of placement.
    fn plan_withdrawal(&self, failed: &PlannedWrite, failure: &Failure) -> Option<Write> {
        let name = &failed.request.name;
        let failures = self.progress.get(name).map_or(0, |progress| progress.attempts.failures());
        let may_pass = failure.scope == Scope::Server || failure.reason.passes() && failures < 2;
        // Where it was denied as well, it is not asked for beside every attempt.
        let is_due = failures <= 4 || failures.is_power_of_two();
        let held = self.store.namespace(name).filter(|_| !may_pass && is_due)?;
        of_failed(self.store.settings(), held, failed)
    }

    /// Takes in a namespace that is not ready any more.
    fn take_withdrawn(&mut self, name: &str, now: CachedNamespace, epoch: u64) {
        self.progress.update(name, |progress| progress.contention.withdraw());
        self.store.update_namespace(now, epoch);
    }
}
