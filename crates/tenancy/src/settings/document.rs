//! The settings as they are written: field names, defaults, nothing checked but the shape.

use serde::Deserialize;

pub(super) use self::identify::Rule;
use super::accounts::{Accounts, Admins};
use super::source;
use crate::conflicts::Conflicts;
use crate::ledger::Release;
use crate::metadata::Map;

mod identify;

/// `spec.settings` of the ClusterAdmissionPolicy, and the controller's `--settings FILE`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Document {
    /// Where tenants are read from: `landlord`, `capsule`, `{custom: …}` or `{inline: […]}`.
    pub tenant_source: source::Document,
    /// How a namespace says whose it is; the first rule that yields a name wins. Default: the
    /// source's own label, then an owner reference to the source's kind.
    pub identify: Option<Vec<Rule>>,
    /// What happens when a namespace has a wanted key with another value.
    pub conflicts: Conflicts,
    /// What happens to managed keys that are no longer wanted.
    pub release: Release,
    /// Globs of keys that are never written nor removed. Default: `kubernetes.io/metadata.name`;
    /// none with `capsule`.
    pub protected_keys: Option<Vec<String>>,
    /// The controller's service account, `namespace:name`; its updates pass untouched.
    pub controller: String,
    /// Who may claim any tenant, move and release namespaces.
    pub admins: Admins,
    /// Who may create namespaces with excluded names, beside the admins, and nothing else: operators
    /// of the platform itself.
    pub platform_operators: Accounts,
    /// Globs of namespaces that are never looked at. `kube-system`, `kube-public`,
    /// `kube-node-lease`, `kubewarden` and the controller's own are never, listed or not.
    pub excluded_namespaces: Vec<String>,
    /// Whether the system's namespaces are looked at as well, unless `excludedNamespaces` lists
    /// them.
    pub include_system_namespaces: bool,
    /// What to do with a claim that names no tenant.
    pub unknown_tenant: UnknownTenant,
    /// What to do with a namespace that no rule claims.
    pub unclaimed: Unclaimed,
    /// What the controller makes of a claim that nobody is on record for.
    pub claims: Claims,
    /// What the guard in the API server watches, and what becomes of Pods that come too early.
    pub guard: Guard,
    /// What the policy does with Pods, if its rules ask for them.
    pub pods: Pods,
    /// User names that may bind Pods.
    pub schedulers: Vec<String>,
    /// Labels of nodes that an autoscaler makes when Pods need them, a map a pool: no node with them
    /// is no mistake. Karpenter's NodePools and Cluster API's MachineDeployments are found without.
    pub autoscaled: Vec<Map>,
    /// What to do when the tenant could not be read.
    pub on_error: OnError,
    /// How the policy reads the tenant.
    pub tenant_lookup: TenantLookup,
    /// Mutations and validations beyond a tenant's fixed fields, for all tenants.
    #[cfg_attr(
        feature = "schema",
        schemars(
            schema_with = "crate::hook::schema::of_settings",
            default = "Vec::<serde_json::Value>::new"
        )
    )]
    #[serde(deserialize_with = "passed_over")]
    pub hooks: (),
    /// Which namespaces the webhook is asked about, and which are left to the controller.
    #[cfg_attr(
        feature = "schema",
        schemars(
            with = "super::Strategy",
            default = "serde_json::Map::<String, serde_json::Value>::new"
        )
    )]
    #[serde(deserialize_with = "passed_over")]
    pub strategy: (),
}

/// Hooks and strategy are read by themselves, see `hook::read_all` and `strategy::read`.
fn passed_over<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(drop)
}

impl Default for Document {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            tenant_source: source::Document::Landlord,
            identify: None,
            conflicts: Conflicts::default(),
            release: Release::default(),
            protected_keys: None,
            controller: "landlord:controller".to_owned(),
            admins: Admins::default(),
            platform_operators: Accounts::default(),
            excluded_namespaces: texts(&[
                "kube-system",
                "kube-public",
                "kube-node-lease",
                "landlord",
                "kubewarden",
            ]),
            include_system_namespaces: false,
            unknown_tenant: UnknownTenant::default(),
            unclaimed: Unclaimed::default(),
            claims: Claims::default(),
            guard: Guard::default(),
            pods: Pods::default(),
            schedulers: texts(&["system:kube-scheduler"]),
            autoscaled: Vec::new(),
            on_error: OnError::default(),
            tenant_lookup: TenantLookup::default(),
            hooks: (),
            strategy: (),
        }
    }
}

/// What becomes of a namespace whose claim names no tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum UnknownTenant {
    /// It is denied at admission.
    #[default]
    Reject,
    /// It is let in as it is, with a warning.
    Allow,
}

/// What becomes of a namespace that no rule claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Unclaimed {
    /// It is let in as it is.
    #[default]
    Allow,
    /// It is denied at admission, unless an admin creates it.
    Reject,
}

/// What the controller makes of a claim where no admission request and no admin is on record for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Claims {
    /// It is not followed: the namespace keeps its tenant, and is reported as `Unverified`.
    #[default]
    Judged,
    /// A namespace without the guard's stamp is taken at its word: any client that may update
    /// namespaces moves it.
    Trusted,
}

/// What the policy answers where the tenant could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Deny, with code 503.
    #[default]
    Reject,
    /// Accept with a warning; guard and controller finish the work.
    Allow,
}

/// How the policy reads the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TenantLookup {
    /// One uncached GET.
    #[default]
    Fresh,
    /// Kubewarden's cache, 5 s old at most.
    Cached,
}

/// What the guard in the API server watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Guard {
    /// The namespaces whose Pods it watches.
    pub scope: GuardScope,
    /// What becomes of a Pod whose namespace is not ready.
    pub on_unready: OnUnready,
}

/// The work of the plugins `PodNodeSelector` and `PodTolerationRestriction`, where the API server
/// has neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Pods {
    /// Whether Pods get their namespace's node selector and tolerations.
    pub place: bool,
    /// Whether those that the DaemonSet controller creates get them as well.
    pub daemon_sets: bool,
    /// What becomes of a Pod whose namespace is not ready. `hold` needs a controller that releases
    /// Pods (`--release-pods` or `--guard`).
    pub on_unready: OnUnready,
}

impl Pods {
    /// Whether the policy on Pods lets them wait for their namespace.
    pub fn holds(self) -> bool {
        self.place && self.on_unready == OnUnready::Hold
    }
}

impl Default for Pods {
    fn default() -> Self {
        Self { place: false, daemon_sets: true, on_unready: OnUnready::Deny }
    }
}

/// The namespaces whose Pods the guard watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GuardScope {
    /// Namespaces with the tenant label.
    #[default]
    Labelled,
    /// Every namespace not excluded.
    All,
}

/// What the guard, or the policy on Pods, does with a Pod whose namespace is not ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnUnready {
    /// It gets a scheduling gate, which the controller removes.
    #[default]
    Hold,
    /// It is denied; its controller creates it again.
    Deny,
}
