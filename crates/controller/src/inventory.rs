//! Inventory: the settings, tenants and namespaces that a plan is made from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tenancy::namespace::Namespace;
use tenancy::settings::{Settings, TenantSource};
use tenancy::tenant::Tenant;

use crate::files::{self, Document, Place};
use crate::probe::guard;
use crate::store::{Held, Store};

/// All that files say of a cluster.
pub(crate) struct Inventory {
    pub(crate) settings: Settings,
    tenants: BTreeMap<String, Entry>,
    pub(crate) namespaces: Vec<Listed>,
    /// What was passed over, for standard error.
    pub(crate) notes: Vec<String>,
}

/// A tenant, or why it cannot be used, and where it was read.
struct Entry {
    tenant: Result<Arc<Tenant>, String>,
    place: Place,
}

/// A namespace and the object that it was read from.
pub(crate) struct Listed {
    pub(crate) namespace: Namespace,
    pub(crate) object: Value,
}

impl Inventory {
    /// Reads files, folders and `-`. Settings come from `settings`, else from a ClusterAdmissionPolicy among the files, else they
    /// are the defaults.
    pub(crate) fn read(files: &[PathBuf], settings: Option<&Path>) -> Result<Self> {
        let (settings, documents) = Self::documents(files, settings)?;
        Self::of(settings, documents)
    }

    /// What there is to read, not yet looked at.
    pub(crate) fn documents(files: &[PathBuf], settings: Option<&Path>) -> Result<(Settings, Vec<Document>)> {
        let documents = files::read(files)?;
        let settings = match settings {
            Some(path) => settings_file(path)?,
            None => settings_among(&documents)?,
        };
        Ok((settings, documents))
    }

    /// The same from objects that were read already.
    pub(crate) fn of(settings: Settings, documents: Vec<Document>) -> Result<Self> {
        let mut inventory = Self { settings, tenants: BTreeMap::new(), namespaces: Vec::new(), notes: Vec::new() };
        let mut foreign = 0;
        for document in documents {
            foreign += usize::from(!inventory.add(document)?);
        }
        inventory.notes.extend((foreign > 0).then(|| format!("{foreign} objects of other kinds passed over")));
        inventory.namespaces.sort_by(|a, b| a.namespace.name.cmp(&b.namespace.name));
        Ok(inventory)
    }

    /// The tenant of that name; an error where there is one that cannot be used.
    pub(crate) fn tenant(&self, name: &str) -> Result<Option<Arc<Tenant>>, String> {
        if let Some(inline) = self.settings.source.inline(name) {
            return Ok(Some(Arc::new(inline.clone())));
        }
        match self.tenants.get(name) {
            None => Ok(None),
            Some(Entry { tenant: Ok(tenant), .. }) => Ok(Some(Arc::clone(tenant))),
            Some(Entry { tenant: Err(error), place }) => Err(format!("{place}: {error}")),
        }
    }

    /// Every tenant that was found.
    pub(crate) fn tenant_names(&self) -> Vec<String> {
        match &self.settings.source {
            TenantSource::Inline(tenants) => tenants.iter().map(|tenant| tenant.name.clone()).collect(),
            _ => self.tenants.keys().cloned().collect(),
        }
    }

    /// The same as the controller's store holds it.
    pub(crate) fn into_store(self) -> Store {
        let mut store = Store::new(Arc::new(self.settings));
        self.tenants.into_iter().for_each(|(name, entry)| store.put_tenant(name, entry.tenant));
        for Listed { object, .. } in self.namespaces {
            let meta = object.get("metadata").cloned().and_then(|meta| serde_json::from_value(meta).ok()).unwrap_or_default();
            store.put_namespace(Held::of(&meta));
        }
        store
    }

    /// Takes an object in; false where it is of another kind.
    fn add(&mut self, Document { place, object }: Document) -> Result<bool> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let kind = (text("apiVersion"), text("kind"));
        if kind == ("v1", "Namespace") {
            self.add_namespace(&place, object)?;
        } else if self.settings.source.kind() == Some(kind) {
            self.add_tenant(place, &object)?;
        } else {
            return Ok(kind == ("policies.kubewarden.io/v1", files::POLICY_KIND));
        }
        Ok(true)
    }

    fn add_namespace(&mut self, place: &Place, object: Value) -> Result<()> {
        let namespace = Namespace::from_value(&object).with_context(|| place.to_string())?;
        let name = namespace.name.clone().with_context(|| format!("{place}: the Namespace has no metadata.name: give it one"))?;
        if self.namespaces.iter().any(|other| other.namespace.name.as_deref() == Some(&*name)) {
            bail!("{place}: namespace {name:?} is there twice: leave one of them");
        }
        match (self.settings.excludes(&name), namespace.terminating) {
            // Kept unready on purpose.
            _ if name == guard::NAMESPACE => {}
            (true, _) => self.notes.push(format!("namespace {name:?} is excluded by the settings")),
            (_, true) => self.notes.push(format!("namespace {name:?} is terminating")),
            _ => self.namespaces.push(Listed { namespace, object }),
        }
        Ok(())
    }

    fn add_tenant(&mut self, place: Place, object: &Value) -> Result<()> {
        let (name, tenant) = match self.settings.tenant(object) {
            Ok(tenant) => (tenant.name.clone(), Ok(Arc::new(tenant))),
            Err(error) => (error.tenant.clone(), Err(error.source.to_string())),
        };
        if let Some(Entry { place: other, .. }) = self.tenants.get(&name) {
            bail!("tenant {name:?} is there twice, in {other} and in {place}: leave one of them");
        }
        self.tenants.insert(name, Entry { tenant, place });
        Ok(())
    }
}

/// Settings from a file: the bare document, or a ClusterAdmissionPolicy.
pub(crate) fn settings_file(path: &Path) -> Result<Settings> {
    let document = files::read_one(path)?.with_context(|| format!("{} is empty", path.display()))?;
    parse(&document)
}

fn settings_among(documents: &[Document]) -> Result<Settings> {
    let mut policies = documents.iter().filter(|document| is_policy(&document.object) && !is_about_pods(&document.object));
    match (policies.next(), policies.next()) {
        (None, _) => Settings::from_value(&Value::Null).map_err(Into::into),
        (Some(policy), None) => parse(policy),
        (Some(first), Some(second)) => {
            Err(anyhow!("{} and {} are both a ClusterAdmissionPolicy: say with --settings which one counts", first.place, second.place))
        }
    }
}

fn is_policy(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some(files::POLICY_KIND)
}

/// The optional policy that places Pods stands beside the one that counts, and repeats of its settings what it needs.
fn is_about_pods(policy: &Value) -> bool {
    let rules = policy.pointer("/spec/rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let pods = |rule: &Value| rule.get("resources").and_then(Value::as_array).is_some_and(|named| named.iter().all(|one| one == "pods"));
    !rules.is_empty() && rules.iter().all(pods)
}

/// A ClusterAdmissionPolicy's `spec.settings`, or the bare document.
fn parse(Document { place, object }: &Document) -> Result<Settings> {
    let settings = if is_policy(object) { object.pointer("/spec/settings").unwrap_or(&Value::Null) } else { object };
    Settings::from_value(settings).with_context(|| format!("settings in {place}"))
}
