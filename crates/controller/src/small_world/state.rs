//! State: what the API server has, and what a person would remember of how it came about.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use cluster::cached_namespace::CachedNamespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use tenancy::keys::{NODE_SELECTOR, UNCLAIMED};
use tenancy::ledger::Ledger;
use tenancy::metadata::Metadata;
use tenancy::plan::read_ledger;
use tenancy::ready::is_ready;
use tenancy::settings::Settings;

use crate::store::Store;

pub(super) const TENANTS: [&str; 2] = ["solar", "lunar"];
/// The first begins with one tenant's prefix, the second with the other's.
pub(super) const NAMES: [&str; 3] = ["lunar-web", "solar-web", "plain"];
/// How many settings there are.
pub(super) const SETTINGS: usize = 4;
/// The annotation that names a tenant once the settings read it.
pub(super) const TEAM: &str = "example.com/team";

/// Who acts. Each of the first two owns the tenant of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum User {
    Solar,
    Lunar,
    Admin,
}

impl User {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Solar => "solar-owner",
            Self::Lunar => "lunar-owner",
            Self::Admin => "admin",
        }
    }

    pub(super) fn info(self) -> Value {
        json!({"username": self.name(), "groups": []})
    }
}

/// What stands between users and the API server's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) webhook: bool,
    pub(super) guard: bool,
}

impl Form {
    pub(super) const BOTH: Self = Self { webhook: true, guard: true };
    pub(super) const GUARD: Self = Self { webhook: false, guard: true };
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TenantState {
    /// Which pool it has now; the second one's name is longer.
    pub(super) pool: usize,
    pub(super) owner: User,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NamespaceState {
    pub(super) metadata: Meta,
    /// No more bytes fit in.
    pub(super) full: bool,
    /// Who created it. Not on the object: that is what landlord has to find out.
    pub(super) creator: User,
    /// Tenants that an admin, or a user who may claim them, asked for.
    pub(super) entitled: BTreeSet<usize>,
    /// Whether an admin, by name, made it nobody's.
    pub(super) freed: bool,
    pub(super) moved: bool,
}

/// Labels and annotations, in an order that can be hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Meta {
    pub(super) labels: Vec<(String, String)>,
    pub(super) annotations: Vec<(String, String)>,
}

impl Meta {
    pub(super) fn from_metadata(metadata: &Metadata) -> Self {
        let pairs = |map: &std::collections::BTreeMap<String, String>| {
            map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        Self { labels: pairs(&metadata.labels), annotations: pairs(&metadata.annotations) }
    }

    pub(super) fn metadata(&self) -> Metadata {
        Metadata {
            labels: self.labels.iter().cloned().collect(),
            annotations: self.annotations.iter().cloned().collect(),
        }
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) form: Form,
    /// Which of the settings are in force.
    pub(super) settings: usize,
    pub(super) tenants: [Option<TenantState>; 2],
    /// Tenants whose grace is over.
    pub(super) gone: [bool; 2],
    pub(super) namespaces: Vec<Option<NamespaceState>>,
    /// Which law is broken, and by what.
    pub(super) broken: Option<String>,
}

impl State {
    pub(super) fn new(form: Form, namespaces: usize) -> Self {
        let tenant = |owner| Some(TenantState { pool: 0, owner });
        Self {
            form,
            settings: 0,
            tenants: [tenant(User::Solar), tenant(User::Lunar)],
            gone: [false; 2],
            namespaces: vec![None; namespaces],
            broken: None,
        }
    }

    /// The settings' document: by label, by name before the label, by an annotation before the
    /// label, and with a name that is excluded for a while.
    pub(super) fn document(&self) -> Value {
        let mut document = json!({
            "tenantSource": "landlord", "unclaimed": "reject", "unknownTenant": "reject",
            "guard": {"scope": "all"}, "admins": {"users": ["admin"]},
            "identify": [{"label": "landlord.dev/tenant"}],
        });
        match self.settings {
            1 => {
                document["identify"] = json!([{"namePrefix": {}}, {"label": "landlord.dev/tenant"}])
            }
            2 => {
                document["identify"] =
                    json!([{"annotation": TEAM}, {"label": "landlord.dev/tenant"}]);
            }
            3 => document["excludedNamespaces"] = json!(["kube-*", "lunar-*"]),
            _ => {}
        }
        document
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        static READ: [OnceLock<Arc<Settings>>; SETTINGS] = [const { OnceLock::new() }; SETTINGS];
        let read = || Arc::new(Settings::from_value(&self.document()).expect("settings"));
        Arc::clone(READ[self.settings].get_or_init(read))
    }

    pub(super) fn tenant_objects(&self) -> Vec<Value> {
        let object = |(number, tenant): (usize, &TenantState)| {
            let name = TENANTS[number];
            json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name},
                   "spec": {"owners": [{"kind": "User", "name": tenant.owner.name()}],
                            "nodeSelector": {"pool": pool(number, tenant.pool)},
                            "namespaces": {"prefixes": [format!("{name}-")]}}})
        };
        let there = self.tenants.iter().enumerate();
        there.filter_map(|(number, tenant)| Some((number, tenant.as_ref()?))).map(object).collect()
    }

    /// What the controller knows: all that there is.
    pub(super) fn store(&self) -> Store {
        let settings = self.settings();
        let mut store = Store::new(Arc::clone(&settings));
        for object in self.tenant_objects() {
            let tenant = settings.tenant(&object).expect("a tenant");
            store.put_tenant(tenant.name.clone(), Ok(Arc::new(tenant)));
        }
        for (number, name) in TENANTS.into_iter().enumerate() {
            if self.gone[number] {
                store.confirm_deleted(name);
            }
        }
        for (number, namespace) in self.namespaces.iter().enumerate() {
            if let Some(namespace) = namespace {
                store.put_namespace(cached(number, &namespace.metadata));
            }
        }
        store
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) fn is_any_ready(&self) -> bool {
        self.there().any(|(number, _)| self.is_ready(number))
    }

    pub(super) fn is_any_held(&self) -> bool {
        self.there().any(|(number, _)| !self.is_ready(number))
    }

    pub(super) fn is_any_moved(&self) -> bool {
        self.there().any(|(_, namespace)| namespace.moved)
    }

    fn there(&self) -> impl Iterator<Item = (usize, &NamespaceState)> {
        self.namespaces.iter().enumerate().filter_map(|(number, one)| Some((number, one.as_ref()?)))
    }

    /// As the guard sees it; one that is excluded is not looked at.
    pub(super) fn is_ready(&self, number: usize) -> bool {
        let settings = self.settings();
        self.namespaces[number].as_ref().is_some_and(|namespace| {
            !settings.excludes(NAMES[number]) && is_ready(&settings, &namespace.metadata.metadata())
        })
    }

    /// Where the API server sends its Pods; `None` for anywhere.
    pub(super) fn selector(&self, number: usize) -> Option<String> {
        let metadata = self.namespaces[number].as_ref()?.metadata.metadata();
        metadata.annotations.get(NODE_SELECTOR).cloned()
    }

    /// The tenant that landlord recorded.
    pub(super) fn recorded(&self, number: usize) -> Option<usize> {
        let ledger = self.ledger(number)?;
        TENANTS.iter().position(|name| *name == ledger.tenant)
    }

    fn ledger(&self, number: usize) -> Option<Ledger> {
        let namespace = self.namespaces[number].as_ref()?;
        Some(read_ledger(&namespace.metadata.metadata()).0)
    }

    pub(super) fn is_unclaimed(&self, number: usize) -> bool {
        self.namespaces[number].as_ref().is_some_and(|namespace| {
            namespace.metadata.metadata().annotations.contains_key(UNCLAIMED)
        })
    }
}

pub(super) fn pool(tenant: usize, pool: usize) -> String {
    match pool {
        0 => TENANTS[tenant].to_owned(),
        _ => format!("{}-of-a-longer-name", TENANTS[tenant]),
    }
}

pub(super) fn cached(number: usize, meta: &Meta) -> CachedNamespace {
    let metadata = meta.metadata();
    CachedNamespace::from_meta(&ObjectMeta {
        name: Some(NAMES[number].to_owned()),
        uid: Some("1".to_owned()),
        resource_version: Some("1".to_owned()),
        labels: Some(metadata.labels),
        annotations: Some(metadata.annotations),
        ..ObjectMeta::default()
    })
}
