//! Settings: the one document that policy and controller share, checked whole before anything uses
//! it.

use std::sync::Arc;

use serde_json::Value;

use crate::decode::{DecodeError, decode, fields, mistakes};
use crate::glob::{Glob, GlobError};
use crate::hook::{self, Hook, Hooks};
use crate::json_path::JsonPath;
use crate::keys;
use crate::ledger::Release;
use crate::metadata::{Field, Key};
use crate::namespace::NAME_LABEL;
use crate::requester::{Requester, short_account};
use crate::selector::NodeSelector;
use crate::tenant::{Tenant, TenantError, capsule, landlord};

mod accounts;
mod autoscaled;
mod checks;
mod document;
mod evidence;
mod source;
pub mod strategy;

pub use crate::conflicts::Conflicts;
pub use accounts::Accounts;
pub use document::{
    Claims, Document, Guard, GuardScope, OnError, OnUnready, Pods, TenantLookup, Unclaimed,
    UnknownTenant,
};
pub use source::{Reference, TenantSource};
pub use strategy::Strategy;

/// Namespaces that no tenant can be meant to have, beside the controller's own.
const SYSTEM_NAMESPACES: [&str; 4] =
    ["kube-system", "kube-public", "kube-node-lease", "kubewarden"];

/// Settings in force. Built by [`Settings::from_value`] only, so every part is valid.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where tenants are read from.
    pub source: TenantSource,
    /// Ordered; the source's own label is always among them.
    pub identify: Vec<Rule>,
    /// What happens when a namespace has a wanted key with another value, unless the tenant says.
    pub conflicts: Conflicts,
    /// What happens to managed keys that are no longer wanted, unless the tenant says.
    pub release: Release,
    /// Keys that are never written nor removed.
    pub protected: Vec<Glob>,
    /// The controller's service account, `namespace:name`.
    pub controller: String,
    /// Who may claim any tenant, move and release namespaces.
    pub admins: Accounts,
    /// Who may create namespaces with excluded names, beside the admins.
    pub platform_operators: Accounts,
    /// Names of namespaces that are never looked at.
    pub excluded: Vec<Glob>,
    /// What becomes of a claim that names no tenant.
    pub unknown_tenant: UnknownTenant,
    /// What becomes of a namespace that no rule claims.
    pub unclaimed: Unclaimed,
    /// Whether a namespace without the guard's stamp is taken at its word.
    pub claims: Claims,
    /// What the guard in the API server watches.
    pub guard: Guard,
    /// What the policy does with Pods, if its rules ask for them.
    pub pods: Pods,
    /// User names that may bind Pods.
    pub schedulers: Vec<String>,
    /// Labels of nodes that an autoscaler makes when Pods need them.
    pub autoscaled: Vec<NodeSelector>,
    /// What the policy answers where the tenant could not be read.
    pub on_error: OnError,
    /// How the policy reads the tenant.
    pub lookup: TenantLookup,
    /// In the order in which they run.
    pub hooks: Hooks,
    /// Followed by the controller; `None` where none is set.
    pub strategy: Option<Strategy>,
}

/// One way in which a namespace says whose it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// The label with this key holds the tenant's name.
    Label(String),
    /// The annotation with this key holds the tenant's name.
    Annotation(String),
    /// An owner reference names the tenant.
    OwnerReference {
        /// The API group of the tenants' kind; empty for the core group.
        group: String,
        /// The tenants' kind.
        kind: String,
    },
    /// The namespace's name begins with the tenant's: a guess, which counts if that tenant lists a
    /// prefix of the name.
    NamePrefix {
        /// What stands between the segments of a name; not empty.
        separator: String,
        /// Segments that are the tenant's name; at least one.
        segments: usize,
    },
    /// A path finds the tenant's name.
    JsonPath {
        /// The path over `{request, namespace}`.
        path: JsonPath,
        /// What stands before the name in the values found; a value without it is passed over.
        prefix: String,
    },
}

impl Rule {
    /// Whether the rule reads `$.request`, which is there at admission only.
    pub fn reads_request(&self) -> bool {
        matches!(self, Self::JsonPath { path, .. } if path.reads_request())
    }

    /// Whether the rule finds a tenant's name in this key of the namespace, if it has this value.
    pub fn reads(&self, key: &Key, value: &str) -> bool {
        match self {
            Self::Label(name) => key.field == Field::Label && key.name == *name,
            Self::Annotation(name) => key.field == Field::Annotation && key.name == *name,
            Self::JsonPath { path, prefix } => {
                value.starts_with(prefix)
                    && !(key.field == Field::Annotation && keys::is_own_annotation(&key.name))
                    && path.may_reach(&["namespace", "metadata", key.field.member(), &key.name])
            }
            Self::OwnerReference { .. } | Self::NamePrefix { .. } => false,
        }
    }

    /// How the ledger names the rule (`"by"`).
    pub fn id(&self) -> String {
        match self {
            Self::Label(key) => format!("label:{key}"),
            Self::Annotation(key) => format!("annotation:{key}"),
            Self::OwnerReference { group, kind } => format!("ownerReference:{group}/{kind}"),
            Self::NamePrefix { separator, segments } => format!("namePrefix:{segments}{separator}"),
            Self::JsonPath { path, .. } => format!("jsonPath:{}", path.as_str()),
        }
    }
}

impl Settings {
    /// Reads and checks `spec.settings`. `null` stands for the empty document. The error tells of
    /// every mistake; its path is that of the first.
    pub fn from_value(document: &Value) -> Result<Self, DecodeError> {
        Self::check(document).map_err(|first| {
            mistakes::collect(document, first, &|document| Self::check(document).err())
        })
    }

    fn check(document: &Value) -> Result<Self, DecodeError> {
        let hooks = hooks(document)?;
        hook::check::check(&hooks, &[])?;
        Self::read(document, hooks)
    }

    /// The same for a document that [`Settings::from_value`] has accepted before: its hooks are not
    /// compared with each other again.
    pub fn from_checked_value(document: &Value) -> Result<Self, DecodeError> {
        Self::read(document, hooks(document)?)
    }

    fn read(document: &Value, hooks: Vec<Arc<Hook>>) -> Result<Self, DecodeError> {
        let empty = Value::Object(serde_json::Map::new());
        let strategy = strategy::read(document)?;
        let document: Document = decode(if document.is_null() { &empty } else { document })?;
        Self::build(document, hook::in_order(hooks), strategy)
    }

    /// The label that names a namespace's tenant.
    pub fn tenant_label(&self) -> &'static str {
        self.source.label()
    }

    /// Whether policy, controller and guard never look at this namespace.
    pub fn excludes(&self, namespace: &str) -> bool {
        self.excluded.iter().any(|glob| glob.matches(namespace))
    }

    /// Whether every name made of this `generateName` is such a namespace's.
    pub fn excludes_generated(&self, stem: &str) -> bool {
        self.excluded.iter().any(|glob| glob.always_matches_generated(stem))
    }

    /// Whether a name made of this `generateName` can be such a namespace's.
    pub fn may_exclude_generated(&self, stem: &str) -> bool {
        self.excluded.iter().any(|glob| glob.may_match_generated(stem))
    }

    /// Whether landlord leaves the key alone, whatever a tenant says and a ledger lists: because it
    /// is protected, or because with this value `identify` would read from it whose the namespace
    /// is.
    pub fn spares(&self, key: &Key, value: &str) -> bool {
        self.protects(&key.name) || self.identify.iter().any(|rule| rule.reads(key, value))
    }

    /// Whether the key is never written nor removed, whatever a tenant says.
    pub fn protects(&self, key: &str) -> bool {
        self.protected.iter().any(|glob| glob.matches(key))
    }

    /// Whether the requester is among the `admins`, by name, group or service account.
    pub fn is_admin(&self, requester: &Requester) -> bool {
        self.admins.lists(requester)
    }

    /// Whether the requester is the controller's service account.
    pub fn is_controller(&self, requester: &Requester) -> bool {
        requester.is_service_account(&self.controller)
    }

    /// Reads a tenant object of the source in force, with the hooks that run on its namespaces. The
    /// error tells of every mistake.
    pub fn tenant(&self, object: &Value) -> Result<Tenant, TenantError> {
        self.read_tenant(object).map_err(|TenantError { tenant, source }| {
            let read = |object: &Value| self.read_tenant(object).err().map(|error| error.source);
            TenantError { tenant, source: mistakes::collect(object, source, &read) }
        })
    }

    fn read_tenant(&self, object: &Value) -> Result<Tenant, TenantError> {
        let tenant = match &self.source {
            TenantSource::Capsule { validations } => capsule::tenant(object, *validations),
            TenantSource::Custom(source) => source.tenant(object),
            TenantSource::Landlord | TenantSource::Inline(_) => landlord::tenant(object),
        }?;
        let name = tenant.name.clone();
        let hooked = tenant.with_hooks(&self.hooks, self.conflicts, object);
        hooked
            .and_then(|tenant| self.check_evidence(&tenant).map(|()| tenant))
            .map_err(|source| TenantError { tenant: name, source: source.within("spec") })
    }
}

impl Settings {
    fn build(
        document: Document,
        hooks: Hooks,
        strategy: Option<Strategy>,
    ) -> Result<Self, DecodeError> {
        let controller = read_account("controller", &document.controller)?;
        let excluded = excluded(&document, &controller)?;
        let source = document.tenant_source.read(&hooks, document.conflicts)?;
        let identify = rules(document.identify, &source)?;
        let protected = protected(document.protected_keys, &source)?;
        let admins = Accounts::from(document.admins).check("admins")?;
        let platform_operators = document.platform_operators.check("platformOperators")?;
        checks::check_schedulers(&document.schedulers)?;
        checks::check_pods(document.pods)?;
        let settings = Self {
            source,
            identify,
            conflicts: document.conflicts,
            release: document.release,
            protected,
            controller,
            admins,
            platform_operators,
            excluded,
            unknown_tenant: document.unknown_tenant,
            unclaimed: document.unclaimed,
            claims: document.claims,
            guard: document.guard,
            pods: document.pods,
            schedulers: document.schedulers,
            autoscaled: autoscaled::read(document.autoscaled)?,
            on_error: document.on_error,
            lookup: document.tenant_lookup,
            hooks,
            strategy,
        };
        settings.hooks.iter().try_for_each(|hook| settings.check_hook(hook, None))?;
        if let TenantSource::Inline(tenants) = &settings.source {
            for (index, tenant) in tenants.iter().enumerate() {
                let within =
                    |error: DecodeError| error.within(&format!("tenantSource.inline[{index}]"));
                settings.check_evidence(tenant).map_err(within)?;
            }
        }
        Ok(settings)
    }
}

/// What decides where Pods run, and what landlord keeps its record in, cannot be left alone: no
/// namespace would ever be placed, or each be planned anew for ever.
fn protected(listed: Option<Vec<String>>, source: &TenantSource) -> Result<Vec<Glob>, DecodeError> {
    let Some(listed) = listed else {
        let capsule = matches!(source, TenantSource::Capsule { .. });
        let default = (!capsule).then(|| NAME_LABEL.to_owned());
        return globs("protectedKeys", default.as_slice(), Glob::for_keys);
    };
    let globs = globs("protectedKeys", &listed, Glob::for_keys)?;
    let own = [source.label(), keys::NODE_SELECTOR, keys::DEFAULT_TOLERATIONS];
    let own = || own.into_iter().chain(keys::OWN_ANNOTATIONS);
    for (index, glob) in globs.iter().enumerate() {
        if let Some(key) = own().find(|key| glob.matches(key)) {
            return Err(DecodeError::new(
                format!("protectedKeys[{index}]"),
                format!(
                    "pattern {:?} covers {key}, which landlord has to write: list the keys that you mean",
                    glob.as_str()
                ),
            ));
        }
    }
    Ok(globs)
}

/// The hooks as they are written, so that errors count them as their author does.
fn hooks(document: &Value) -> Result<Vec<Arc<Hook>>, DecodeError> {
    let listed = match document.get("hooks") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(hooks)) => hooks.as_slice(),
        Some(other) => return Err(fields::mismatch("hooks", other, "a list")),
    };
    Ok(hook::read_all(listed)?.into_iter().map(Arc::new).collect())
}

fn globs(
    path: &str,
    texts: &[String],
    read: fn(&str) -> Result<Glob, GlobError>,
) -> Result<Vec<Glob>, DecodeError> {
    let glob = |(index, text): (usize, &String)| {
        read(text).map_err(|error| DecodeError::caused(format!("{path}[{index}]"), &error))
    };
    texts.iter().enumerate().map(glob).collect()
}

/// The listed names and, unless the settings say otherwise, those of the system: an error in a list
/// must not bring them under tenancy.
fn excluded(document: &Document, controller: &str) -> Result<Vec<Glob>, DecodeError> {
    let mut excluded =
        globs("excludedNamespaces", &document.excluded_namespaces, Glob::for_namespaces)?;
    let all = |glob: &Glob| {
        let pattern = glob.as_str();
        pattern.contains('*') && pattern.trim_matches(['*', '?']).is_empty()
    };
    if let Some(index) = excluded.iter().position(all) {
        return Err(DecodeError::new(
            format!("excludedNamespaces[{index}]"),
            "it matches every namespace, and landlord would look at none: list those that you mean",
        ));
    }
    let own = controller.split_once(':').map(|(namespace, _)| namespace);
    let system = SYSTEM_NAMESPACES.into_iter().chain(own);
    for name in system.filter(|_| !document.include_system_namespaces) {
        if !excluded.iter().any(|glob| glob.matches(name)) {
            excluded.extend(Glob::for_namespaces(name));
        }
    }
    Ok(excluded)
}

/// A service account as `namespace:name`; the user name that the API server gives it is taken as
/// well.
fn read_account(path: &str, account: &str) -> Result<String, DecodeError> {
    short_account(account).map(str::to_owned).ok_or_else(|| {
        DecodeError::new(
            path,
            format!("{account:?} is not a service account: write `namespace:name`"),
        )
    })
}

/// The rules in order; the source's own label is added at the end where it is not listed.
fn rules(
    listed: Option<Vec<document::Rule>>,
    source: &TenantSource,
) -> Result<Vec<Rule>, DecodeError> {
    let own = Rule::Label(source.label().to_owned());
    let mut rules = match listed {
        None => [Some(own.clone()), source.owner_reference()].into_iter().flatten().collect(),
        Some(listed) => listed
            .into_iter()
            .enumerate()
            .map(|(index, rule)| rule.parse(index))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if !rules.contains(&own) {
        rules.push(own);
    }
    Ok(rules)
}
