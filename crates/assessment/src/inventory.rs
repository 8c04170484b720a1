//! Inventory: the settings, tenants and namespaces that a plan is made from.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use tenancy::decode::DecodeError;
use tenancy::namespace::{Namespace, NamespaceError};
use tenancy::settings::{Settings, TenantSource};
use tenancy::tenant::Tenant;

use crate::document::{Document, POLICY_KIND, Place};

/// The namespace that the guard is tried in; it never becomes ready, and nobody plans it.
pub const PROBE_NAMESPACE: &str = "landlord-guard-probe";

/// Objects that do not go together.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// `of_policy`: they are `spec.settings` of what is at `place`.
    #[error("settings in {place}")]
    Settings { place: Place, of_policy: bool, source: DecodeError },
    #[error(
        "{first} and {second} are both a ClusterAdmissionPolicy: say with --settings which one counts"
    )]
    TwoPolicies { first: Place, second: Place },
    #[error("{place}")]
    Namespace { place: Place, source: NamespaceError },
    #[error("{place}: the Namespace has no metadata.name: give it one")]
    Nameless { place: Place },
    #[error("{place}: namespace {name:?} is defined twice: remove one")]
    NamespaceTwice { place: Place, name: String },
    #[error("tenant {name:?} is defined twice, in {other} and in {place}: remove one")]
    TenantTwice { name: String, other: Box<Place>, place: Place },
}

/// A tenant, or why it cannot be used.
pub type TenantRead = Result<Arc<Tenant>, String>;

/// All that objects at hand say of a cluster.
pub struct Inventory {
    pub settings: Settings,
    tenants: BTreeMap<String, Entry>,
    pub namespaces: Vec<Listed>,
    /// The names of `namespaces`.
    listed: HashSet<String>,
    /// Namespaces that the settings exclude, those on their way out, and what else was passed over.
    excluded: Vec<String>,
    terminating: Vec<String>,
    notes: Vec<String>,
}

/// A tenant, or why it cannot be used, and where it was read.
struct Entry {
    tenant: Result<Arc<Tenant>, DecodeError>,
    uid: String,
    place: Place,
}

/// A namespace and the object that it was read from.
pub struct Listed {
    pub namespace: Namespace,
    pub object: Value,
}

impl Inventory {
    /// Sorts objects.
    pub fn from_documents(
        settings: Settings,
        documents: Vec<Document>,
    ) -> Result<Self, InventoryError> {
        let mut inventory = Self {
            settings,
            tenants: BTreeMap::new(),
            namespaces: Vec::new(),
            listed: HashSet::new(),
            excluded: Vec::new(),
            terminating: Vec::new(),
            notes: Vec::new(),
        };
        let mut foreign = 0;
        for document in documents {
            foreign += usize::from(!inventory.add(document)?);
        }
        inventory.notes.extend((foreign > 0).then(|| {
            let noun = if foreign == 1 { "object" } else { "objects" };
            format!("{foreign} {noun} of other kinds passed over")
        }));
        inventory.namespaces.sort_unstable_by(|a, b| a.namespace.name.cmp(&b.namespace.name));
        Ok(inventory)
    }

    /// The tenant of that name; an error where there is one that cannot be used.
    pub fn tenant(&self, name: &str) -> Result<Option<Arc<Tenant>>, String> {
        if let Some(inline) = self.settings.source.inline(name) {
            return Ok(Some(Arc::new(inline.clone())));
        }
        match self.tenants.get(name) {
            None => Ok(None),
            Some(Entry { tenant: Ok(tenant), .. }) => Ok(Some(Arc::clone(tenant))),
            Some(Entry { tenant: Err(error), place, .. }) => Err(format!("{place}: {error}")),
        }
    }

    /// Whether a tenant was read from the object of this uid, whether it can be used or not.
    pub fn has_tenant_of_uid(&self, uid: &str) -> bool {
        self.tenants.values().any(|entry| entry.uid == uid)
    }

    /// Every tenant that was found.
    pub fn tenant_names(&self) -> Vec<String> {
        match &self.settings.source {
            TenantSource::Inline(tenants) => {
                tenants.iter().map(|tenant| tenant.name.clone()).collect()
            }
            _ => self.tenants.keys().cloned().collect(),
        }
    }

    /// Tenants that cannot be used: their names, where they are, and why.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &Place, &DecodeError)> {
        self.tenants.iter().filter_map(|(name, entry)| {
            Some((name.as_str(), &entry.place, entry.tenant.as_ref().err()?))
        })
    }

    /// What was passed over, a line for each reason.
    pub fn notes(&self) -> Vec<String> {
        let names: Vec<String> = self.excluded.iter().map(|name| format!("{name:?}")).collect();
        let excluded =
            (!names.is_empty()).then(|| format!("the settings exclude {}", names.join(", ")));
        let terminating = self.terminating.iter().map(|name| terminating(name));
        let unread = self.tenant_names().into_iter().filter_map(|name| {
            let key = self.tenant(&name).ok()??.unread_selector()?;
            Some(unread_selector(&name, key))
        });
        terminating.chain(self.notes.iter().cloned()).chain(excluded).chain(unread).collect()
    }

    /// Whether there were namespaces at all, be they passed over or not.
    pub fn has_seen_namespaces(&self) -> bool {
        !(self.namespaces.is_empty() && self.excluded.is_empty() && self.terminating.is_empty())
    }

    /// Why a namespace that is there is passed over.
    pub fn why_passed_over(&self, name: &str) -> Option<String> {
        let is_among = |names: &[String]| names.iter().any(|one| one == name);
        if is_among(&self.terminating) {
            Some(terminating(name))
        } else {
            is_among(&self.excluded).then(|| format!("the settings exclude namespace {name:?}"))
        }
    }

    /// Settings, tenants by name (or why they cannot be used), and namespaces.
    pub fn into_parts(self) -> (Settings, Vec<(String, TenantRead)>, Vec<Listed>) {
        let tenants = self
            .tenants
            .into_iter()
            .map(|(name, entry)| (name, entry.tenant.map_err(|error| error.to_string())));
        (self.settings, tenants.collect(), self.namespaces)
    }

    /// Takes an object in; false where it is of another kind.
    fn add(&mut self, Document { place, object }: Document) -> Result<bool, InventoryError> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let kind = (text("apiVersion"), text("kind"));
        if kind == ("v1", "Namespace") {
            self.add_namespace(&place, object)?;
        } else if self.settings.source.kind() == Some(kind) {
            self.add_tenant(place, &object)?;
        } else {
            return Ok(kind == ("policies.kubewarden.io/v1", POLICY_KIND));
        }
        Ok(true)
    }

    fn add_namespace(&mut self, place: &Place, object: Value) -> Result<(), InventoryError> {
        let namespace = Namespace::from_value(&object)
            .map_err(|source| InventoryError::Namespace { place: place.clone(), source })?;
        let Some(name) = namespace.name.clone() else {
            return Err(InventoryError::Nameless { place: place.clone() });
        };
        if self.listed.contains(&name) {
            return Err(InventoryError::NamespaceTwice { place: place.clone(), name });
        }
        match (self.settings.excludes(&name), namespace.terminating) {
            // Kept unready on purpose.
            _ if name == PROBE_NAMESPACE => {}
            (true, _) => self.excluded.push(name),
            (_, true) => self.terminating.push(name),
            _ => {
                self.listed.insert(name);
                self.namespaces.push(Listed { namespace, object });
            }
        }
        Ok(())
    }

    fn add_tenant(&mut self, place: Place, object: &Value) -> Result<(), InventoryError> {
        let (name, tenant) = match self.settings.tenant(object) {
            Ok(tenant) => (tenant.name.clone(), Ok(Arc::new(tenant))),
            Err(error) => (error.tenant.clone(), Err(error.source)),
        };
        if let Some(Entry { place: other, .. }) = self.tenants.get(&name) {
            return Err(InventoryError::TenantTwice {
                name,
                other: Box::new(other.clone()),
                place,
            });
        }
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        self.tenants.insert(name, Entry { tenant, uid: uid.to_owned(), place });
        Ok(())
    }
}

/// What is wrong with a tenant that places Pods by another product's annotation only.
pub fn unread_selector(tenant: &str, key: &str) -> String {
    format!(
        "tenant {tenant:?} writes {key} and has no nodeSelector: landlord's guard and audit do not read that key, write nodeSelector as well"
    )
}

fn terminating(name: &str) -> String {
    format!("namespace {name:?} is terminating")
}

/// The settings among objects: those of a ClusterAdmissionPolicy, else the defaults.
pub fn settings_among(documents: &[Document]) -> Result<Settings, InventoryError> {
    match policy_among(documents)? {
        Some(policy) => parse(policy),
        None => parse(&Document { place: Place::named("the defaults"), object: Value::Null }),
    }
}

/// The ClusterAdmissionPolicy whose settings count.
pub fn policy_among(documents: &[Document]) -> Result<Option<&Document>, InventoryError> {
    let mut policies = documents
        .iter()
        .filter(|document| is_policy(&document.object) && !is_about_pods(&document.object));
    match (policies.next(), policies.next()) {
        (Some(first), Some(second)) => Err(InventoryError::TwoPolicies {
            first: first.place.clone(),
            second: second.place.clone(),
        }),
        (policy, _) => Ok(policy),
    }
}

/// Whether the object is a ClusterAdmissionPolicy, of whatever settings.
pub fn is_policy(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some(POLICY_KIND)
}

/// The optional policy that places Pods stands beside the one that counts, and repeats of its
/// settings what it needs.
fn is_about_pods(policy: &Value) -> bool {
    let rules = policy
        .pointer("/spec/rules")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let pods = |rule: &Value| {
        rule.get("resources")
            .and_then(Value::as_array)
            .is_some_and(|named| named.iter().all(|one| one == "pods"))
    };
    !rules.is_empty() && rules.iter().all(pods)
}

/// A ClusterAdmissionPolicy's `spec.settings`, or the bare document.
pub fn parse(document: &Document) -> Result<Settings, InventoryError> {
    let fault = |source| InventoryError::Settings {
        place: document.place.clone(),
        of_policy: is_policy(&document.object),
        source,
    };
    Settings::from_value(settings_document(&document.object)).map_err(fault)
}

/// The settings as they are written: a ClusterAdmissionPolicy's `spec.settings`, or the object
/// itself.
pub fn settings_document(object: &Value) -> &Value {
    const ABSENT: &Value = &Value::Null;
    if is_policy(object) { object.pointer("/spec/settings").unwrap_or(ABSENT) } else { object }
}
