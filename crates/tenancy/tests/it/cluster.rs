//! A cluster of tenants as the laws see it: what the controller does with a namespace, without the
//! cluster.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use serde_json::{Value, json};
use tenancy::claim::{Claim, Evidence, Resolution, document, resolve};
use tenancy::hook::Stage;
use tenancy::ledger::Ledger;
use tenancy::metadata::Metadata;
use tenancy::namespace::Namespace;
use tenancy::plan::{self, Plan, plan, read_ledger};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;

use crate::arbitrary::with_hook;

/// Settings and the tenants that exist, by name.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) settings: Settings,
    pub(crate) tenants: BTreeMap<String, Tenant>,
    /// The documents that it was made of, for messages.
    documents: BTreeMap<String, Value>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.documents.iter().try_for_each(|(name, document)| write!(f, "\n  {name}: {document}"))
    }
}

/// What there is to do for a namespace.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Planned(Box<Claim>, Plan),
    Unclaimed(Plan),
    /// It claims a tenant that does not exist; what an earlier one of that name wrote is released.
    Unknown(Plan),
    /// A reason why nothing is written.
    Reported(#[allow(dead_code, reason = "for messages")] String),
}

impl Step {
    pub(crate) fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Planned(_, plan) | Self::Unclaimed(plan) | Self::Unknown(plan) => Some(plan),
            Self::Reported(_) => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.plan().is_none_or(Plan::is_empty)
    }
}

pub(crate) fn namespace(metadata: &Value) -> Namespace {
    Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace")
}

pub(crate) fn ledger(metadata: &Metadata) -> Ledger {
    read_ledger(metadata).0
}

impl Cluster {
    pub(crate) fn new(settings: &Value) -> Self {
        let documents = [("settings".to_owned(), settings.clone())].into();
        Self {
            settings: Settings::from_value(settings).expect("valid settings"),
            tenants: BTreeMap::new(),
            documents,
        }
    }

    /// With these hooks in the settings. Tenants that cannot live with them are gone.
    pub(crate) fn with_hooks(&self, hooks: &Value) -> Self {
        let mut settings = self.documents["settings"].clone();
        let listed = hooks.as_array().into_iter().flatten();
        settings["hooks"] = listed.fold(json!([]), |hooks, hook| with_hook(&settings, hooks, hook));
        let tenants = self.documents.iter().filter(|(name, _)| *name != "settings");
        tenants.fold(Self::new(&settings), |cluster, (name, spec)| cluster.with(name, spec))
    }

    /// Of this one tenant.
    pub(crate) fn with_tenant(settings: Settings, tenant: Tenant) -> Self {
        Self {
            settings,
            tenants: [(tenant.name.clone(), tenant)].into(),
            documents: BTreeMap::new(),
        }
    }

    fn read(&self, name: &str, spec: &Value) -> Option<Tenant> {
        self.settings.tenant(&json!({"metadata": {"name": name}, "spec": spec})).ok()
    }

    /// Whether the API server would take the tenant.
    pub(crate) fn accepts(&self, name: &str, spec: &Value) -> bool {
        self.read(name, spec).is_some()
    }

    /// With a tenant created or edited. A tenant that the API server would refuse leaves the
    /// cluster as it is.
    pub(crate) fn with(mut self, name: &str, spec: &Value) -> Self {
        if let Some(tenant) = self.read(name, spec) {
            self.tenants.insert(name.to_owned(), tenant);
            self.documents.insert(name.to_owned(), spec.clone());
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.tenants.remove(name);
        self.documents.remove(name);
        self
    }

    /// Claim and plan, as the controller does.
    pub(crate) fn step(&self, namespace: &Namespace) -> Step {
        let (ledger, _) = read_ledger(&namespace.metadata);
        let object = || json!({"metadata": {"name": namespace.name, "labels": namespace.metadata.labels, "annotations": namespace.metadata.annotations}});
        let document = document(&self.settings, None, object);
        let evidence = Evidence { namespace, ledger: &ledger, document: document.as_ref() };
        match resolve(&self.settings, evidence, |name| {
            Ok::<_, Infallible>(self.tenants.get(name).cloned())
        }) {
            Ok(Resolution::Known(claim, tenant)) => {
                match plan(&self.settings, namespace, &ledger, &claim, &tenant, Stage::Reconcile) {
                    Ok(plan) => Step::Planned(Box::new(claim), plan),
                    Err(error) => Step::Reported(error.to_string()),
                }
            }
            Ok(Resolution::Unclaimed) => {
                Step::Unclaimed(plan::unclaimed(&self.settings, namespace, &ledger))
            }
            Ok(Resolution::Unknown(_)) => {
                Step::Unknown(plan::release(&self.settings, namespace, &ledger))
            }
            Err(error) => Step::Reported(error.to_string()),
        }
    }

    /// The namespace after its plan.
    pub(crate) fn bring(&self, namespace: &Namespace) -> Namespace {
        match self.step(namespace).plan() {
            Some(plan) => {
                Namespace { metadata: plan.apply(&namespace.metadata), ..namespace.clone() }
            }
            None => namespace.clone(),
        }
    }
}
