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
    /// Of the object: another one of the same name has another.
    pub uid: Box<str>,
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
        let known = shared.store.namespace(name)?;
        let created = known.created.as_ref();
        Some(Self {
            uid: known.uid.as_str().into(),
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
pub struct Namespaces {
    rows: BTreeMap<Arc<str>, NamespaceRow>,
    revision: u64,
}

impl Namespaces {
    /// Grows whenever a row may have changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// In order of the names.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &NamespaceRow)> {
        self.rows.iter()
    }

    pub fn get(&self, name: &str) -> Option<&NamespaceRow> {
        self.rows.get(name)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    /// Those that claim this tenant, in order of the names.
    pub fn claiming(&self, tenant: &str) -> impl Iterator<Item = (&Arc<str>, &NamespaceRow)> {
        self.iter().filter(move |(_, row)| row.tenant.as_deref() == Some(tenant))
    }

    pub(crate) fn put(&mut self, name: String, row: Option<NamespaceRow>) {
        self.revision += 1;
        match (row, self.rows.get_mut(name.as_str())) {
            (Some(row), Some(known)) => *known = row,
            (Some(row), None) => {
                self.rows.insert(name.into(), row);
            }
            (None, _) => {
                self.rows.remove(name.as_str());
            }
        }
    }
}
