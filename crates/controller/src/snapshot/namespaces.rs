//! Namespaces: a row each, in order of their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use assessment::{Fault, Reason};
use k8s_openapi::jiff::Timestamp;

use crate::reconciler::Shared;
use crate::store::Compliance;

/// A namespace that was looked at, and how it stood then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceRow {
    pub tenant: Option<Box<str>>,
    pub state: Compliance,
    /// Why it is not compliant.
    pub reason: Option<Reason>,
    /// What is wrong, and what to do.
    pub trouble: Option<Box<Fault>>,
    pub created: Option<Timestamp>,
}

impl NamespaceRow {
    pub(super) fn read(shared: &Shared, name: &str) -> Option<Self> {
        let standing = shared.store.standing(name)?;
        let created = shared.store.namespace(name)?.created.as_ref();
        Some(Self {
            tenant: standing.tenant.as_deref().map(Box::from),
            state: standing.state,
            reason: standing.reason,
            trouble: shared.progress.trouble(name).cloned().map(Box::new),
            created: created.map(|at| at.0),
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Namespaces(BTreeMap<Arc<str>, NamespaceRow>);

impl Namespaces {
    /// In order of the names.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &NamespaceRow)> {
        self.0.iter()
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&NamespaceRow> {
        self.0.get(name)
    }

    /// Those that claim this tenant, in order of the names.
    pub fn claiming(&self, tenant: &str) -> impl Iterator<Item = (&Arc<str>, &NamespaceRow)> {
        self.iter().filter(move |(_, row)| row.tenant.as_deref() == Some(tenant))
    }

    pub(super) fn put(&mut self, name: String, row: Option<NamespaceRow>) {
        match (row, self.0.get_mut(name.as_str())) {
            (Some(row), Some(known)) => *known = row,
            (Some(row), None) => {
                self.0.insert(name.into(), row);
            }
            (None, _) => {
                self.0.remove(name.as_str());
            }
        }
    }
}
