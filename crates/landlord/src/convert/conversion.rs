//! Conversion: what a source was made into, before it is tried.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenancy::keys::TENANT_LABEL;
use tenancy::metadata::Map;
use tenancy::namespace::Namespace;
use tenancy::tenant::landlord::{API_VERSION, KIND, TenantSpec};

/// Namespaces that a note names.
const NAMED: usize = 20;

/// Tenants, and how namespaces say whose they are.
#[derive(Debug, Default)]
pub(crate) struct Conversion {
    /// By the tenant's name.
    pub(crate) tenants: BTreeMap<String, TenantSpec>,
    /// Rules of `identify`, behind the one of the own label.
    pub(crate) identify: Vec<Value>,
    /// Namespaces in which no rule finds their tenant: they need the own label. Their tenants.
    pub(crate) labelled: Map,
    /// The commands that set these labels.
    pub(crate) commands: Vec<String>,
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
}

impl Conversion {
    /// Takes note of namespaces that need the own label; `selection` is how kubectl finds them.
    pub(crate) fn label<'a>(
        &mut self,
        selection: Option<&str>,
        tenant: &str,
        members: impl IntoIterator<Item = &'a Namespace>,
    ) {
        let lacks = |one: &&Namespace| {
            one.metadata.labels.get(TENANT_LABEL).map(String::as_str) != Some(tenant)
        };
        let names: Vec<&str> =
            members.into_iter().filter(lacks).map(Namespace::name_or_stem).collect();
        if names.is_empty() {
            return;
        }
        let selected = selection.map_or_else(|| names.join(" "), |by| format!("-l '{by}'"));
        self.commands.push(format!("kubectl label namespaces {selected} {TENANT_LABEL}={tenant}"));
        let labels = names.into_iter().map(|name| (name.to_owned(), tenant.to_owned()));
        self.labelled.extend(labels);
    }

    /// Takes note of namespaces that get no tenant.
    pub(crate) fn leave(&mut self, why: &str, namespaces: &[&Namespace]) {
        if namespaces.is_empty() {
            return;
        }
        let names: BTreeSet<&str> = namespaces.iter().map(|one| one.name_or_stem()).collect();
        let shown: Vec<&str> = names.iter().copied().take(NAMED).collect();
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (count, shown) = (names.len(), shown.join(" "));
        self.notes.push(format!("no tenant for {count} namespaces {why}: {shown}{more}"));
    }

    /// The settings: those of `base`, with landlord's own tenants and these rules.
    pub(crate) fn settings(&self, base: &Value) -> Value {
        let mut settings = base.as_object().cloned().unwrap_or_default();
        settings.remove("tenantSource");
        if !self.identify.is_empty() {
            let own = json!({"label": TENANT_LABEL});
            let rules: Vec<&Value> = std::iter::once(&own).chain(&self.identify).collect();
            settings.insert("identify".to_owned(), json!(rules));
        }
        Value::Object(settings)
    }

    /// The Tenants as they are applied.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Value> {
        self.tenants.iter().map(|(name, spec)| tenant_object(name, spec))
    }
}

/// A Tenant of landlord's own.
pub(super) fn tenant_object(name: &str, spec: &TenantSpec) -> Value {
    json!({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec})
}
