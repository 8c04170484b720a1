//! Tenant source: which objects are tenants, and where a tenant of a given name is to be found.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::Rule;
use crate::conflicts::Conflicts;
use crate::decode::DecodeError;
use crate::hook::Hooks;
use crate::keys::{CAPSULE_TENANT_LABEL, TENANT_LABEL};
use crate::members::object;
use crate::metadata::check_label_value;
use crate::tenant::custom::{self, CustomSource};
use crate::tenant::{Tenant, capsule, landlord};

/// `tenantSource` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = short_capsule))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Document {
    /// `landlord.dev/v1alpha1` Tenants.
    Landlord,
    /// `capsule.clastix.io/v1beta2` Tenants; `{capsule: {validations: true}}` judges their
    /// namespaces as Capsule's webhook does.
    Capsule {
        /// Whether what Capsule's webhook judges is judged: for clusters without that webhook.
        #[serde(default)]
        validations: bool,
    },
    /// Any object, read by JSONPath.
    Custom(custom::Document),
    /// Tenants written here: `name` beside the fields of a Tenant's `spec`.
    Inline(Vec<Value>),
}

/// `capsule` alone stands for `{capsule: {}}`.
#[cfg(feature = "schema")]
fn short_capsule(schema: &mut schemars::Schema) {
    if let Some(Value::Array(forms)) = schema.get_mut("oneOf") {
        forms.push(crate::members::object([
            ("type", Value::from("string")),
            ("const", Value::from("capsule")),
        ]));
    }
}

/// The tenant source in force.
#[derive(Clone, Debug)]
pub enum TenantSource {
    /// `landlord.dev/v1alpha1` Tenants.
    Landlord,
    /// `capsule.clastix.io/v1beta2` Tenants.
    Capsule {
        /// Whether what Capsule's webhook judges of a namespace is judged.
        validations: bool,
    },
    /// Objects of any kind, read by JSONPath.
    Custom(Box<CustomSource>),
    /// Tenants that the settings themselves hold.
    Inline(Vec<Tenant>),
}

/// An object in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `GROUP/VERSION`, or a version of the core group.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; `None` for an object of the cluster.
    pub namespace: Option<String>,
    /// The name, which is valid as one of an object.
    pub name: String,
}

impl TenantSource {
    /// The label that names a namespace's tenant.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Capsule { .. } => CAPSULE_TENANT_LABEL,
            _ => TENANT_LABEL,
        }
    }

    /// The object that describes tenant `name`; `None` for inline tenants and for names that no
    /// object can have.
    pub fn reference(&self, name: &str) -> Option<Reference> {
        let (api_version, kind) = self.kind()?;
        let (namespace, name) = match self {
            Self::Custom(source) if source.namespaced => {
                let (namespace, name) = name.split_once(custom::SEPARATOR)?;
                (Some(namespace.to_owned()), name)
            }
            _ => (None, name),
        };
        let valid = |part: &str| crate::metadata::check_name(part).is_ok();
        (valid(name) && namespace.as_deref().is_none_or(valid)).then(|| Reference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace,
            name: name.to_owned(),
        })
    }

    /// API version and kind of the tenant objects; `None` for inline tenants.
    pub fn kind(&self) -> Option<(&str, &str)> {
        match self {
            Self::Landlord => Some((landlord::API_VERSION, landlord::KIND)),
            Self::Capsule { .. } => Some((capsule::API_VERSION, capsule::KIND)),
            Self::Custom(source) => Some((&source.api_version, &source.kind)),
            Self::Inline(_) => None,
        }
    }

    /// The inline tenant of that name.
    pub fn inline(&self, name: &str) -> Option<&Tenant> {
        match self {
            Self::Inline(tenants) => tenants.iter().find(|tenant| tenant.name == name),
            _ => None,
        }
    }

    /// The name of the tenant that a rule found. Namespaced tenants are stated as `namespace:name`
    /// and called `namespace_name`, which is also what a label, a template and the guard can hold:
    /// `:` is not allowed in a label value, and `_` in no name.
    pub fn canonical(&self, stated: String) -> String {
        match self {
            Self::Custom(source) if source.namespaced => stated.replacen(':', custom::SEPARATOR, 1),
            _ => stated,
        }
    }

    pub(super) fn owner_reference(&self) -> Option<Rule> {
        let (api_version, kind) = self.kind()?;
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Some(Rule::OwnerReference { group: group.to_owned(), kind: kind.to_owned() })
    }
}

impl Document {
    /// The source in force; `hooks` and `conflicts` are the settings', for inline tenants.
    pub(super) fn read(
        self,
        hooks: &Hooks,
        conflicts: Conflicts,
    ) -> Result<TenantSource, DecodeError> {
        match self {
            Self::Landlord => Ok(TenantSource::Landlord),
            Self::Capsule { validations } => Ok(TenantSource::Capsule { validations }),
            Self::Custom(custom) => CustomSource::try_from(custom)
                .map(|source| TenantSource::Custom(Box::new(source)))
                .map_err(|error| error.within("tenantSource.custom")),
            Self::Inline(tenants) => inline(&tenants, hooks, conflicts).map(TenantSource::Inline),
        }
    }
}

fn inline(
    items: &[Value],
    hooks: &Hooks,
    conflicts: Conflicts,
) -> Result<Vec<Tenant>, DecodeError> {
    let mut tenants: Vec<Tenant> = Vec::with_capacity(items.len());
    let mut names = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("tenantSource.inline[{index}]");
        let tenant = inline_tenant(item, hooks, conflicts).map_err(|error| error.within(&path))?;
        if !names.insert(tenant.name.clone()) {
            return Err(DecodeError::new(
                path,
                format!("tenant {:?} is written twice: merge the two", tenant.name),
            ));
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}

fn inline_tenant(item: &Value, hooks: &Hooks, conflicts: Conflicts) -> Result<Tenant, DecodeError> {
    let Value::Object(fields) = item else {
        return Err(DecodeError::new(
            "",
            "not an object: write `name` and the fields of a Tenant's spec",
        ));
    };
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
    check_label_value(name).map_err(|error| DecodeError::caused("name", &error))?;
    if name.is_empty() {
        return Err(DecodeError::new("name", "missing: every inline tenant needs one"));
    }
    let mut spec = fields.clone();
    spec.remove("name");
    let object = object([
        ("metadata", object([("name", Value::from(name))])),
        ("spec", Value::Object(spec)),
    ]);
    let tenant = landlord::tenant(&object).map_err(|error| {
        let DecodeError { path, message } = error.source;
        let path = path.strip_prefix("spec.").map(str::to_owned).unwrap_or(path);
        DecodeError { path, message }
    })?;
    tenant.with_hooks(hooks, conflicts, &object)
}
