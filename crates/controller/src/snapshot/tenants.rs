//! Tenants: a row each, in order of their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use assessment::Fault;
use tenancy::tenant::Tenant;

use crate::reconciler::Shared;
use crate::store::{Identity, Totals};

/// A tenant that there is, or that a namespace claims.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantRow {
    /// `None` where it does not exist; an error where it cannot be used.
    pub tenant: Result<Option<Arc<Tenant>>, String>,
    /// Which object, and which of its specs the namespaces are judged by.
    pub identity: Identity,
    /// Whether all of them are.
    pub is_judged: bool,
    /// Its namespaces.
    pub totals: Totals,
    /// Those of them with contested keys.
    pub contested: usize,
    /// The first of these by name, or else of all that are not compliant, and what there is to say
    /// of it.
    pub trouble: Option<(String, Fault)>,
}

impl TenantRow {
    pub(super) fn read(shared: &Shared, name: &str) -> Option<Self> {
        let store = &shared.store;
        let (tenant, totals) = (store.tenant(name), store.totals_of(name));
        if matches!(tenant, Ok(None)) && totals.all() == 0 {
            return None;
        }
        let contested = store.contested(name);
        let first = contested.or_else(|| store.faulty(name)).and_then(|names| names.first());
        let trouble = first.and_then(|namespace| {
            Some((namespace.clone(), shared.progress.trouble(namespace)?.clone()))
        });
        Some(Self {
            tenant,
            identity: store.identity(name),
            is_judged: store.is_judged(name),
            totals,
            contested: contested.map_or(0, |names| names.len()),
            trouble,
        })
    }

    /// Whether there is one of that name, be it as it may.
    pub fn exists(&self) -> bool {
        !matches!(self.tenant, Ok(None))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tenants(BTreeMap<String, TenantRow>);

impl Tenants {
    /// In order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &TenantRow)> {
        self.0.iter()
    }

    pub fn get(&self, name: &str) -> Option<&TenantRow> {
        self.0.get(name)
    }

    /// The tenant of that name; an error where there is one that cannot be used.
    pub fn tenant(&self, name: &str) -> Result<Option<Arc<Tenant>>, String> {
        self.get(name).map_or(Ok(None), |row| row.tenant.clone())
    }

    pub(super) fn put(&mut self, name: String, row: Option<TenantRow>) {
        let _ = match row {
            Some(row) => self.0.insert(name, row),
            None => self.0.remove(&name),
        };
    }
}
