//! Snapshot: what readers get of the controller – the dashboard, metrics, tenants' statuses. None
//! of them makes the writer wait for longer than it takes to copy a hundred rows.
//!
//! ```text
//! writer ─▶ store, progress, queue ─▶ totals, kept as they change ─▶ Figures
//!                                  └▶ names of what changed ─▶ rows ─▶ Namespaces, Tenants
//! ```
//!
//! Totals are copied under the writer's lock. Rows are the readers' own, behind locks that the
//! writer never takes: a reader takes the names of what changed, copies those rows a part at a
//! time, and sorts, filters and formats what it has then. So an answer is never older than its
//! question.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assessment::{Assessment, is_in_scope};
use cluster::autoscaling::Templates;
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;

use crate::reconciler::{Reconciler, Shared};

mod contest;
mod figures;
mod gated_pods;
mod makers;
mod namespaces;
mod tenants;

pub use self::contest::Contest;
pub use self::figures::Figures;
pub use self::gated_pods::{GatedPodRow, TenantPods};
pub use self::makers::Makers;
pub use self::namespaces::{NamespaceRow, Namespaces};
pub use self::tenants::{TenantRow, Tenants};
pub use crate::audit::Stray;
pub use crate::audit::record::Line as AuditLine;
pub use crate::audit::summary::{Summary as AuditSummary, TenantPods as AuditedPods};
pub use crate::contention::{REVERSALS, WINDOW, advice, snippet};
pub use crate::gated_pods::State as HeldState;
pub use crate::nodes::Nodes;
pub use crate::queue::Urgency;
pub use crate::store::{Compliance, Totals};

/// Rows that are copied at a time: some tens of microseconds.
const PART: usize = 128;

/// See the module.
pub struct Snapshots {
    reconciler: Arc<Reconciler>,
    namespaces: Mutex<Namespaces>,
    tenants: Mutex<Tenants>,
    /// What autoscalers make nodes from; read only where nodes lack.
    templates: Mutex<Arc<Templates>>,
}

impl Snapshots {
    /// One for each reconciler: it takes the names of what changed from it.
    pub(crate) fn new(reconciler: Arc<Reconciler>) -> Self {
        Self {
            reconciler,
            namespaces: Mutex::default(),
            tenants: Mutex::default(),
            templates: Mutex::default(),
        }
    }

    /// The totals as they are now.
    pub fn figures(&self) -> Figures {
        let nodes = self.nodes().revision();
        let mut figures = Figures::build(&mut self.reconciler.shared(), clock::now());
        figures.revision += nodes;
        let gated = self.reconciler.gated();
        figures.held_pods = gated.is_known().then(|| gated.len());
        figures.held_by_state = gated.counts();
        drop(gated);
        figures.audit = self.reconciler.audit().map(|audit| audit.summary());
        figures
    }

    /// Every namespace that was looked at, in order of the names, as it is now.
    pub fn namespaces(&self) -> MutexGuard<'_, Namespaces> {
        let mut kept = lock(&self.namespaces);
        let changed = self.changed_namespaces();
        self.copy(changed, NamespaceRow::read, |name, row| kept.put(name, row));
        kept
    }

    /// Brings them up to date for those who ask next.
    pub fn refresh_namespaces(&self) {
        let _kept = self.namespaces();
    }

    /// Every tenant that there is or that a namespace claims, in order of the names, as it is now.
    pub fn tenants(&self) -> MutexGuard<'_, Tenants> {
        let mut kept = lock(&self.tenants);
        let changed = self.changed_tenants();
        self.copy(changed, TenantRow::read, |name, row| kept.put(name, row));
        kept
    }

    /// Nodes as they are now.
    pub fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.reconciler.nodes()
    }

    /// What another writer sets back in each of these namespaces.
    pub fn contests(&self, names: &[Arc<str>]) -> Vec<Contest> {
        let now = clock::now();
        let found = self.read(names, |shared, name| {
            let progress = shared.progress.get(name)?;
            Some((Arc::clone(shared.store.cached(name)?), progress.contention.clone()))
        });
        let (namespaces, contentions): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let assessments = self.assess_all(&namespaces).into_iter().zip(contentions);
        assessments
            .filter_map(|(assessment, contention)| {
                Some(Contest::build(&assessment?, &contention, now))
            })
            .collect()
    }

    /// What the engine says of each of these namespaces that landlord looks after.
    pub fn assess(&self, names: &[Arc<str>]) -> Vec<Assessment> {
        let found = self.read(names, |shared, name| shared.store.cached(name).map(Arc::clone));
        self.assess_all(&found).into_iter().flatten().collect()
    }

    fn assess_all(&self, namespaces: &[Arc<CachedNamespace>]) -> Vec<Option<Assessment>> {
        let settings = Arc::clone(self.reconciler.shared().store.settings());
        let tenants = self.tenants();
        let assess = |known: &Arc<CachedNamespace>| {
            is_in_scope(&settings, &known.namespace).then(|| {
                Assessment::judge(
                    &settings,
                    &known.namespace,
                    || known.document(),
                    |tenant| tenants.tenant(tenant),
                )
            })
        };
        namespaces.iter().map(assess).collect()
    }

    fn changed_namespaces(&self) -> HashSet<String> {
        let (of_store, of_progress) = {
            let mut shared = self.reconciler.shared();
            match (shared.store.changed().namespaces.take(), shared.progress.changed.take()) {
                (Some(of_store), Some(of_progress)) => (of_store, of_progress),
                _ => (shared.store.names().into_iter().collect(), HashSet::new()),
            }
        };
        of_store.into_iter().chain(of_progress).collect()
    }

    /// Tenants that changed, and those of namespaces whose trouble did: a row has the first of
    /// these. A namespace that changes its tenant is noted for both.
    fn changed_tenants(&self) -> HashSet<String> {
        let mut shared = self.reconciler.shared();
        let of_troubles = shared.progress.changed_for_tenants.take();
        match (shared.store.changed().tenants.take(), of_troubles) {
            (Some(mut changed), Some(namespaces)) => {
                let standings = namespaces.iter().filter_map(|name| shared.store.standing(name));
                changed.extend(standings.filter_map(|standing| standing.tenant.clone()));
                changed
            }
            _ => shared
                .store
                .all_tenant_names()
                .into_iter()
                .chain(shared.store.claimed_tenants())
                .collect(),
        }
    }

    /// Copies what there is of each of these, a part at a time.
    fn copy<R>(
        &self,
        names: HashSet<String>,
        read: impl Fn(&Shared, &str) -> R,
        mut put: impl FnMut(String, R),
    ) {
        for part in parts(names) {
            let rows: Vec<R> = {
                let shared = self.reconciler.shared();
                part.iter().map(|name| read(&shared, name)).collect()
            };
            part.into_iter().zip(rows).for_each(|(name, row)| put(name, row));
            // The writer may have waited for the lock meanwhile.
            std::thread::yield_now();
        }
    }

    /// The same for what is not kept.
    fn read<R>(&self, names: &[Arc<str>], read: impl Fn(&Shared, &str) -> Option<R>) -> Vec<R> {
        let mut found = Vec::new();
        for part in names.chunks(PART) {
            let shared = self.reconciler.shared();
            found.extend(part.iter().filter_map(|name| read(&shared, name)));
        }
        found
    }
}

/// So many at a time.
fn parts<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<T> = items.by_ref().take(PART).collect();
        (!part.is_empty()).then_some(part)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
