//! The settings as they are written: field names, defaults, nothing checked but the shape.

use serde::Deserialize;

use super::accounts::{Accounts, Admins};
use super::source;
use crate::conflicts::Conflicts;
use crate::decode::DecodeError;
use crate::json_path::JsonPath;
use crate::keys;
use crate::ledger::Release;
use crate::metadata::{Map, check_annotation_key, check_label_key};
use crate::namespace::READ_METADATA;

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

/// A rule of `identify`: one field, named after what it reads.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// A label of the namespace holds the tenant's name.
    Label(String),
    /// An annotation of the namespace holds the tenant's name.
    Annotation(String),
    /// An owner reference of this group and kind names the tenant.
    OwnerReference(OwnerReferenceRule),
    /// The first segments of the namespace's name are the tenant's name, if that tenant lists a
    /// prefix of it.
    NamePrefix(NamePrefixRule),
    /// A JSONPath over `{request, namespace}`.
    JsonPath(JsonPathRule),
}

#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OwnerReferenceRule {
    group: String,
    kind: String,
}

#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NamePrefixRule {
    #[serde(default = "dash")]
    separator: String,
    #[serde(default = "one")]
    segments: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JsonPathRule {
    path: String,
    /// What stands before the tenant's name in the values found; values without it are passed over.
    #[serde(default)]
    prefix: String,
}

fn dash() -> String {
    "-".to_owned()
}

fn one() -> usize {
    1
}

impl Rule {
    pub(super) fn parse(self, index: usize) -> Result<super::Rule, DecodeError> {
        let fault = |field: &str, message: String| {
            DecodeError::new(format!("identify[{index}].{field}"), message)
        };
        match self {
            Self::Label(key) => match check_label_key(&key) {
                Ok(()) => Ok(super::Rule::Label(key)),
                Err(error) => Err(fault("label", error.to_string())),
            },
            Self::Annotation(key) if keys::is_own_annotation(&key) => {
                Err(fault("annotation", written_by_landlord(&key)))
            }
            Self::Annotation(key) => match check_annotation_key(&key) {
                Ok(()) => Ok(super::Rule::Annotation(key)),
                Err(error) => Err(fault("annotation", error.to_string())),
            },
            Self::OwnerReference(OwnerReferenceRule { group, kind }) if kind.is_empty() => {
                Err(fault(
                    "ownerReference.kind",
                    format!("empty, with group {group:?}: name the tenant's kind"),
                ))
            }
            Self::OwnerReference(OwnerReferenceRule { group, kind }) => {
                Ok(super::Rule::OwnerReference { group, kind })
            }
            Self::NamePrefix(rule) if rule.separator.is_empty() => {
                Err(fault("namePrefix.separator", "empty: write for example \"-\"".to_owned()))
            }
            Self::NamePrefix(rule) if rule.segments == 0 => Err(fault(
                "namePrefix.segments",
                "0: at least one segment names the tenant".to_owned(),
            )),
            Self::NamePrefix(NamePrefixRule { separator, segments }) => {
                Ok(super::Rule::NamePrefix { separator, segments })
            }
            Self::JsonPath(rule) => rule.parse().map_err(|message| fault("jsonPath.path", message)),
        }
    }
}

impl JsonPathRule {
    fn parse(self) -> Result<super::Rule, String> {
        let path = JsonPath::parse(&self.path).map_err(|error| error.to_string())?;
        match path.root() {
            Some("namespace") if let Some(member) = unread_member(&path) => Err(format!(
                "{:?} reads {member} of the namespace, which is not there for all that ask: read {}, and keys with dots as ['example.com/key']",
                self.path,
                READ_METADATA.join(", ")
            )),
            Some("namespace") if let Some(key) = own_annotation(&path) => {
                Err(written_by_landlord(key))
            }
            Some("request" | "namespace") => {
                Ok(super::Rule::JsonPath { path, prefix: self.prefix })
            }
            _ => Err(format!(
                "{:?} reads neither `$.request` nor `$.namespace`: begin with one of them",
                self.path
            )),
        }
    }
}

/// The annotation that the path names, if landlord itself writes it.
fn own_annotation(path: &JsonPath) -> Option<&str> {
    match path.leading_members().as_slice() {
        ["namespace", "metadata", "annotations", key, ..] => {
            Some(*key).filter(|key| keys::is_own_annotation(key))
        }
        _ => None,
    }
}

fn written_by_landlord(key: &str) -> String {
    format!("{key:?} is written by landlord itself, so no claim can stand on it: read another key")
}

/// What a path reads of a namespace that not all have who ask the rules.
fn unread_member(path: &JsonPath) -> Option<String> {
    match path.leading_members().as_slice() {
        ["namespace", "metadata", field, ..] if !READ_METADATA.contains(field) => {
            Some(format!("`metadata.{field}`"))
        }
        ["namespace", "metadata", "labels" | "annotations", key, _, ..] => {
            Some(format!("a member of {key:?}"))
        }
        ["namespace", "apiVersion" | "kind" | "metadata", ..] => None,
        ["namespace", member, ..] => Some(format!("`{member}`")),
        _ => None,
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
