//! Load: what a store is filled from at once, and what a strategy goes by – how much there is, how
//! fast it grows, and for whom a namespace could be created.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tenancy::settings::{Settings, TenantSource};

use super::Store;
use assessment::Assessment;
use assessment::inventory::{Inventory, Listed, TenantRead};
use cluster::cached_namespace::CachedNamespace;

impl Store {
    /// A cluster as it was read.
    pub fn from_inventory(inventory: Inventory) -> Self {
        let (settings, tenants, namespaces) = inventory.into_parts();
        Self::of_parts(settings, tenants, &namespaces)
    }

    /// The same, where the objects are still needed.
    pub fn of_parts(
        settings: Settings,
        tenants: Vec<(String, TenantRead)>,
        namespaces: &[Listed],
    ) -> Self {
        let mut store = Self::new(Arc::new(settings));
        tenants.into_iter().for_each(|(name, tenant)| store.put_tenant(name, tenant));
        for Listed { object, .. } in namespaces {
            let meta = object
                .get("metadata")
                .cloned()
                .and_then(|meta| serde_json::from_value(meta).ok())
                .unwrap_or_default();
            store.put_namespace(CachedNamespace::from_meta(&meta));
        }
        store
    }

    /// How many namespaces claim a tenant.
    pub fn claimed(&self) -> usize {
        self.claims.values().map(|names| names.len()).sum()
    }

    /// Tenants that namespaces claim, whether they exist or not.
    pub fn claimed_tenants(&self) -> impl Iterator<Item = String> {
        self.claims.keys().cloned()
    }

    /// How many namespaces have been seen for the first time, ever.
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Tenants in the cluster, or in the settings.
    pub fn all_tenant_names(&self) -> Vec<String> {
        match &self.settings.source {
            TenantSource::Inline(tenants) => {
                tenants.iter().map(|tenant| tenant.name.clone()).collect()
            }
            _ => self.tenant_names(),
        }
    }

    /// Whether a new namespace of this name would be given a ledger of this tenant, by the engine
    /// and so by the webhook.
    pub fn would_accept(&self, name: &str, tenant: &str) -> bool {
        let labels = BTreeMap::from([(self.settings.tenant_label().to_owned(), tenant.to_owned())]);
        let held = CachedNamespace::from_meta(&ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        });
        let assessment = Assessment::judge(
            &self.settings,
            &held.namespace,
            || held.document(),
            |tenant| self.tenant(tenant),
        );
        assessment.fault.is_none()
            && assessment.plan.refused.is_empty()
            && assessment.tenant.as_deref() == Some(tenant)
    }
}
