//! Store: what the controller knows of the cluster – settings, tenants, namespaces – and which
//! namespaces claim which tenant.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use cluster::cached_namespace::CachedNamespace;
use tenancy::settings::{Rule, Settings};
use tenancy::tenant::Tenant;

use assessment::{Assessment, Reason, Record, is_in_scope};

mod census;
mod deletions;
mod ledgers;
mod load;
mod payer;

use self::census::Census;
pub use self::census::Totals;
use self::ledgers::Ledgers;

/// See the module.
#[derive(Debug)]
pub struct Store {
    settings: Arc<Settings>,
    namespaces: HashMap<String, Entry>,
    tenants: HashMap<String, Result<Arc<Tenant>, String>>,
    /// Which object a tenant was read from.
    identities: HashMap<String, Identity>,
    /// Tenants of whose namespaces not all are judged by the newest spec yet.
    judged_anew: HashSet<String>,
    /// Tenants that are gone for good, so that what they left may be released.
    gone: HashSet<String>,
    /// Namespaces by the tenant that they claimed when they were last looked at.
    claims: HashMap<String, BTreeSet<String>>,
    /// Namespaces that were taken in and not known before.
    arrivals: u64,
    epoch: u64,
    /// The namespace that changed last in this epoch.
    newest: Option<Newest>,
    /// Grows with each change of settings or tenants, which may change every decision.
    decisive: u64,
    census: Census,
    ledgers: Ledgers,
    /// Whether the guard is in force, where that is known.
    guarded: Option<bool>,
}

fn name_of(cached: &CachedNamespace) -> &str {
    cached.namespace.name.as_deref().unwrap_or_default()
}

/// A namespace, what landlord recorded on it, and how it stood when it was last looked at.
#[derive(Debug)]
struct Entry {
    /// Shared with readers that look at it without the lock.
    cached: Arc<CachedNamespace>,
    record: Record,
    standing: Option<Standing>,
}

/// Which object, and which of its specs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub uid: String,
    pub generation: i64,
}

/// A state of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    pub name: String,
    pub uid: String,
    pub version: u64,
}

/// How a namespace stands, for its tenant's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub tenant: Option<String>,
    pub state: Compliance,
    /// Why, where it is not compliant.
    pub reason: Option<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compliance {
    /// Nothing is to be done.
    Compliant,
    /// Something is to be written.
    Pending,
    /// A key is refused (`conflicts: reject`), or a hook rejects the namespace.
    Conflicted,
    /// It cannot be planned, or not be written.
    Failed,
}

impl Compliance {
    pub const ALL: [Self; 4] = [Self::Compliant, Self::Pending, Self::Conflicted, Self::Failed];

    /// A bounded word for metrics and status.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Pending => "pending",
            Self::Conflicted => "conflicted",
            Self::Failed => "failed",
        }
    }
}

impl Store {
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            namespaces: HashMap::new(),
            tenants: HashMap::new(),
            identities: HashMap::new(),
            judged_anew: HashSet::new(),
            gone: HashSet::new(),
            claims: HashMap::new(),
            arrivals: 0,
            epoch: 0,
            newest: None,
            decisive: 0,
            census: Census::default(),
            ledgers: Ledgers::default(),
            guarded: None,
        }
    }

    /// Whether the guard is in force, where that is known.
    pub fn guarded(&self) -> Option<bool> {
        self.guarded
    }

    /// Takes that in.
    pub fn set_guarded(&mut self, guarded: Option<bool>) {
        self.guarded = guarded;
    }

    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Puts other settings in force. Tenants of another source are forgotten.
    pub fn set_settings(&mut self, settings: Arc<Settings>) {
        self.touch_tenants();
        if self.settings.source.kind() != settings.source.kind() {
            self.tenants.clear();
            self.identities.clear();
            self.gone.clear();
        }
        self.judged_anew.clear();
        self.settings = settings;
        self.touch_tenants();
        self.census.touch();
        self.decisive += 1;
    }

    /// Each of them may be another one now.
    fn touch_tenants(&mut self) {
        let names: Vec<String> = self.all_tenant_names();
        names.iter().for_each(|name| self.census.touch_tenant(name));
    }

    /// Takes in what a watch says of a namespace; false where the store knows that state, or a
    /// later one, already.
    pub fn put_namespace(&mut self, cached: CachedNamespace) -> bool {
        let known = self.namespace(name_of(&cached));
        let is_news =
            known.is_none_or(|known| !cached.is_older_than(known) && !cached.is_same_as(known));
        if is_news {
            self.replace_namespace(cached);
        }
        is_news
    }

    /// Takes in what a list says of a namespace. A list replaces: after a restore of etcd, versions
    /// are smaller than those that were known, and the same version may be another state. False
    /// where it is what the store knows.
    pub fn list_namespace(&mut self, cached: CachedNamespace) -> bool {
        let is_news = self.namespace(name_of(&cached)).is_none_or(|known| *known != cached);
        if is_news {
            self.replace_namespace(cached);
        }
        is_news
    }

    /// Takes in what an answer says of a namespace, if the store still has that one: an answer
    /// neither revives a namespace that the watch knows to be gone nor takes the place of one that
    /// was created anew. `epoch` is the one in which the request was made.
    pub fn update_namespace(&mut self, cached: CachedNamespace, epoch: u64) {
        let known = self.namespace(name_of(&cached));
        if epoch == self.epoch && known.is_some_and(|known| known.uid == cached.uid) {
            self.put_namespace(cached);
        }
    }

    fn replace_namespace(&mut self, cached: CachedNamespace) {
        let name = name_of(&cached).to_owned();
        let standing = self.namespaces.get_mut(&name).map(|known| known.standing.take());
        self.arrivals += u64::from(standing.is_none());
        if let Some(version) = cached
            .number()
            .filter(|version| self.newest.as_ref().is_none_or(|newest| newest.version < *version))
        {
            self.newest = Some(Newest { name: name.clone(), uid: cached.uid.clone(), version });
        }
        let record = self.ledgers.share(Record::read(&cached.namespace.metadata));
        let cached = Arc::new(cached);
        self.census.touch_namespace(&name);
        self.namespaces.insert(name, Entry { cached, record, standing: standing.flatten() });
    }

    /// Another number after each change of settings or tenants.
    pub fn decisive_revision(&self) -> u64 {
        self.decisive
    }

    /// Versions are compared within one epoch only. A list begins the next one.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A list of namespaces begins.
    pub fn begin_epoch(&mut self) {
        self.epoch += 1;
        self.newest = None;
    }

    /// The namespace that changed last in this epoch, as far as it is known.
    pub fn newest(&self) -> Option<Newest> {
        self.newest.clone()
    }

    /// Forgets a namespace. With a `uid`, only if it is still that one.
    pub fn remove_namespace(&mut self, name: &str, uid: Option<&str>) {
        let same = |known: &CachedNamespace| uid.is_none_or(|uid| known.uid == uid);
        if self.namespace(name).is_some_and(same) {
            self.stand(name, None);
            self.namespaces.remove(name);
            self.census.touch_namespace(name);
        }
    }

    pub fn namespace(&self, name: &str) -> Option<&CachedNamespace> {
        self.cached(name).map(Arc::as_ref)
    }

    /// The same, to be kept without the lock.
    pub fn cached(&self, name: &str) -> Option<&Arc<CachedNamespace>> {
        self.namespaces.get(name).map(|entry| &entry.cached)
    }

    /// How a namespace stood when it was last looked at.
    pub fn standing(&self, name: &str) -> Option<&Standing> {
        self.namespaces.get(name)?.standing.as_ref()
    }

    pub fn names(&self) -> Vec<String> {
        self.namespaces.keys().cloned().collect()
    }

    /// Takes a tenant in, or why it cannot be used.
    pub fn put_tenant(&mut self, name: String, tenant: Result<Arc<Tenant>, String>) {
        self.gone.remove(&name);
        self.decisive += 1;
        self.census.touch_tenant(&name);
        self.tenants.insert(name, tenant);
    }

    /// The namespaces of a tenant are to be judged by another spec, until
    /// [`Self::identify_tenant`].
    pub fn begin_to_judge(&mut self, tenant: &str) {
        self.judged_anew.insert(tenant.to_owned());
        self.census.touch_tenant(tenant);
    }

    /// Whether every namespace of the tenant is judged by the spec that [`Self::identity`] names.
    pub fn is_judged(&self, tenant: &str) -> bool {
        !self.judged_anew.contains(tenant)
    }

    /// Takes in which object a tenant was read from, once its namespaces are judged by it.
    pub fn identify_tenant(&mut self, name: &str, identity: Identity) {
        let was_judged = !self.judged_anew.remove(name);
        if !was_judged || self.identities.get(name) != Some(&identity) {
            self.identities.insert(name.to_owned(), identity);
            self.census.touch_tenant(name);
        }
    }

    pub fn identity(&self, tenant: &str) -> Identity {
        self.identities.get(tenant).cloned().unwrap_or_default()
    }

    /// Whether the store knows this tenant, or its error, already.
    pub fn knows_tenant(&self, name: &str, tenant: &Result<Arc<Tenant>, String>) -> bool {
        self.tenants.get(name) == Some(tenant)
    }

    /// Forgets a tenant; what it manages stays until [`Self::confirm_deleted`].
    pub fn remove_tenant(&mut self, name: &str) {
        self.tenants.remove(name);
        self.decisive += 1;
        self.identities.remove(name);
        self.judged_anew.remove(name);
        self.census.touch_tenant(name);
    }

    /// The tenant of that name; an error where there is one that cannot be used.
    pub fn tenant(&self, name: &str) -> Result<Option<Arc<Tenant>>, String> {
        if let Some(inline) = self.settings.source.inline(name) {
            return Ok(Some(Arc::new(inline.clone())));
        }
        match self.tenants.get(name) {
            None => Ok(None),
            Some(Ok(tenant)) => Ok(Some(Arc::clone(tenant))),
            Some(Err(error)) => Err(format!("tenant {name:?} cannot be used: {error}")),
        }
    }

    pub fn tenant_names(&self) -> Vec<String> {
        self.tenants.keys().cloned().collect()
    }

    /// Every namespace that an edit of this tenant can concern: those that claim it, and those
    /// whose name may begin to.
    pub fn concerned(&self, tenant: &str) -> Vec<String> {
        let claiming = self.claims.get(tenant).into_iter().flatten().cloned();
        let by_prefix =
            self.settings.identify.iter().any(|rule| matches!(rule, Rule::NamePrefix { .. }));
        let prefixed =
            self.namespaces.keys().filter(|name| by_prefix && name.starts_with(tenant)).cloned();
        claiming.chain(prefixed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the engine says of a namespace now; `None` for one that is not landlord's to look at.
    pub fn assess(&self, name: &str) -> Option<Assessment> {
        let Entry { cached, record, .. } = self
            .namespaces
            .get(name)
            .filter(|known| is_in_scope(&self.settings, &known.cached.namespace))?;
        Some(Assessment::with(
            &self.settings,
            &cached.namespace,
            record.clone(),
            || cached.document(),
            |tenant| self.tenant(tenant),
        ))
    }

    /// Records how a namespace stands, and keeps the index of claims in step.
    pub fn stand(&mut self, name: &str, standing: Option<Standing>) {
        let Some(entry) = self.namespaces.get_mut(name) else { return };
        let tenant = |standing: &Option<Standing>| {
            standing.as_ref().and_then(|standing| standing.tenant.clone())
        };
        let (before, after) = (tenant(&entry.standing), tenant(&standing));
        self.census.change(name, entry.standing.as_ref(), standing.as_ref());
        entry.standing = standing;
        if before == after {
            return;
        }
        if let Some(before) = before
            && let Some(names) = self.claims.get_mut(&before)
        {
            names.remove(name);
            if names.is_empty() {
                self.claims.remove(&before);
                self.forget_deletion(&before);
            }
        }
        if let Some(after) = after {
            self.claims.entry(after).or_default().insert(name.to_owned());
        }
    }
}
