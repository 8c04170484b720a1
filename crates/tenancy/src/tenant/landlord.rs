//! Landlord's own Tenant: `landlord.dev/v1alpha1`. The spec is strict: what cannot be right is
//! refused when it is applied.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Dialect, Entry, Layer, Precedence, Tenant, TenantError};
use crate::conflicts::Conflicts;
use crate::decode::{DecodeError, decode};
use crate::hook::{self, Hook, Hooks};
use crate::keys;
use crate::label_selector::LabelSelector;
use crate::ledger::Release;
use crate::members::at;
use crate::metadata::{Map, check_annotation_key, check_label_key, check_label_value};
use crate::requester::{Owner, OwnerKind, short_account};
use crate::selector::NodeSelector;
use crate::template::{Grammar, Template};
use crate::toleration::Toleration;
use crate::why::Why;

#[cfg(feature = "schema")]
mod schema;

/// The API version of landlord's own Tenants.
pub const API_VERSION: &str = "landlord.dev/v1alpha1";
/// The kind of landlord's own Tenants.
pub const KIND: &str = "Tenant";

/// `spec` of a Tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TenantSpec {
    /// Who may claim the tenant. Absent: anyone; empty: admins only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub owners: Option<Vec<Owner>>,
    /// Strings for hooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::data"))]
    pub data: Option<Map>,
    /// Which namespaces may be taken for the tenant's by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Namespaces>,
    /// The tenant's node pool. Empty: no selector, and not the cluster default either. Absent: not
    /// managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::node_selector"))]
    pub node_selector: Option<Map>,
    /// Tolerations that every Pod of the tenant gets. Absent: not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::tolerations"))]
    pub tolerations: Option<Vec<Value>>,
    /// Labels of every namespace; keys and values may hold `{{tenant.name}}` and `{{namespace}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::labels"))]
    pub labels: Option<Map>,
    /// Annotations of every namespace, templated like labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::annotations"))]
    pub annotations: Option<Map>,
    /// In order; a later match adds to or replaces what came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub overrides: Option<Vec<Override>>,
    /// What happens when a namespace has a wanted key with another value. Default: the settings'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Conflicts>,
    /// What happens to managed keys that are no longer wanted. Default: the settings'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Mutations and validations beyond the fixed fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "hook::schema::of_tenant"))]
    pub hooks: Option<Vec<Value>>,
}

/// How a tenant's namespaces are called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Namespaces {
    /// What an `identify.namePrefix` rule may match for this tenant.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::prefixes"))]
    pub prefixes: Vec<String>,
}

/// Wants of the namespaces that a selector matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Override {
    /// It sees foreign labels only: those that no tenant and no landlord writes.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::label_selector"))]
    pub namespace_selector: Value,
    /// Entries beside those of the tenant's node selector; one with the same key replaces it.
    /// Empty: none at all for these namespaces, and not the cluster default either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::node_selector"))]
    pub node_selector: Option<Map>,
    /// Tolerations beside the tenant's. Empty: none at all for these namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::tolerations"))]
    pub tolerations: Option<Vec<Value>>,
    /// Labels beside the tenant's; one with the same key replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::labels"))]
    pub labels: Option<Map>,
    /// Annotations beside the tenant's; one with the same key replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::annotations"))]
    pub annotations: Option<Map>,
}

/// Reads a Tenant object.
pub fn tenant(object: &Value) -> Result<Tenant, TenantError> {
    let name = at(object, &["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
    read(name, object).map_err(|source| TenantError { tenant: name.to_owned(), source })
}

fn read(name: &str, object: &Value) -> Result<Tenant, DecodeError> {
    check_label_value(name).map_err(|error| DecodeError::caused("metadata.name", &error))?;
    let empty = Value::Object(serde_json::Map::new());
    let spec: TenantSpec =
        decode(object.get("spec").unwrap_or(&empty)).map_err(|error| error.within("spec"))?;
    build(name, spec).map_err(|error| error.within("spec"))
}

fn build(name: &str, spec: TenantSpec) -> Result<Tenant, DecodeError> {
    let hooks: Vec<Arc<Hook>> =
        hook::read_all(&spec.hooks.unwrap_or_default())?.into_iter().map(Arc::new).collect();
    let own = Wants {
        node_selector: spec.node_selector,
        tolerations: spec.tolerations,
        labels: spec.labels,
        annotations: spec.annotations,
    };
    let mut layers = vec![own.layer(Why::Spec, None)?];
    for (index, item) in spec.overrides.unwrap_or_default().into_iter().enumerate() {
        layers
            .push(item.layer(index).map_err(|error| error.within(&format!("overrides[{index}]")))?);
    }
    for (index, owner) in spec.owners.iter().flatten().enumerate() {
        check_owner(owner)
            .map_err(|message| DecodeError::new(format!("owners[{index}].name"), message))?;
    }
    Ok(Tenant {
        name: name.to_owned(),
        owners: spec.owners,
        prefixes: spec.namespaces.unwrap_or_default().prefixes,
        data: spec.data.unwrap_or_default(),
        layers,
        conflicts: spec.conflicts,
        release: spec.release,
        dialect: Dialect::Landlord,
        exclusive: false,
        hooks: Hooks::from(hooks),
        document: Value::Null,
    })
}

/// An owner that nobody can be is a mistake.
fn check_owner(Owner { kind, name }: &Owner) -> Result<(), String> {
    match kind {
        OwnerKind::ServiceAccount if short_account(name).is_none() => {
            Err(format!("{name:?} is not a service account: write `namespace:name`"))
        }
        _ if name.is_empty() => Err("empty: write the name of a user or group".to_owned()),
        _ => Ok(()),
    }
}

impl Override {
    fn layer(self, index: usize) -> Result<Layer, DecodeError> {
        let selector = LabelSelector::strict(&self.namespace_selector)
            .map_err(|error| error.within("namespaceSelector"))?;
        let wants = Wants {
            node_selector: self.node_selector,
            tolerations: self.tolerations,
            labels: self.labels,
            annotations: self.annotations,
        };
        wants.layer(Why::Override(index), Some(selector))
    }
}

/// What the spec and each override have in common.
pub(super) struct Wants {
    pub(super) node_selector: Option<Map>,
    pub(super) tolerations: Option<Vec<Value>>,
    pub(super) labels: Option<Map>,
    pub(super) annotations: Option<Map>,
}

impl Wants {
    pub(super) fn layer(
        self,
        why: Why,
        selector: Option<LabelSelector>,
    ) -> Result<Layer, DecodeError> {
        Ok(Layer {
            why,
            selector,
            precedence: Precedence::Over,
            node_selector: self.node_selector.map(node_selector).transpose()?,
            tolerations: self.tolerations.map(|items| tolerations(&items)).transpose()?,
            labels: entries("labels", self.labels, check_label_key, check_label_value)?,
            annotations: entries(
                "annotations",
                self.annotations,
                check_annotation_key,
                |_| Ok(()),
            )?,
        })
    }
}

fn node_selector(map: Map) -> Result<NodeSelector, DecodeError> {
    NodeSelector::try_from(map).map_err(|error| DecodeError::caused("nodeSelector", &error))
}

fn tolerations(items: &[Value]) -> Result<Vec<Toleration>, DecodeError> {
    let one = |(index, item): (usize, &Value)| {
        Toleration::from_value(item)
            .map_err(|error| DecodeError::caused(format!("tolerations[{index}]"), &error))
    };
    items.iter().enumerate().map(one).collect()
}

/// Parses templated entries; what has no tag is checked now, the rest after rendering.
fn entries<E: ToString>(
    path: &str,
    map: Option<Map>,
    check_key: impl Fn(&str) -> Result<(), E>,
    check_value: impl Fn(&str) -> Result<(), E>,
) -> Result<Vec<Entry>, DecodeError> {
    let fault = |key: &str, message: String| DecodeError::new(format!("{path}[{key:?}]"), message);
    let one = |(key, value): (String, String)| {
        if keys::is_reserved(Dialect::Landlord, &key) {
            return Err(fault(
                &key,
                "written by landlord itself: use `nodeSelector`, `tolerations` or a claim"
                    .to_owned(),
            ));
        }
        let key_template = Template::parse(&key, Grammar::Strict)
            .map_err(|error| fault(&key, error.to_string()))?;
        let value_template = Template::parse(&value, Grammar::Strict)
            .map_err(|error| fault(&key, error.to_string()))?;
        if !key.contains("{{") {
            check_key(&key).map_err(|error| fault(&key, error.to_string()))?;
        }
        if !value.contains("{{") {
            check_value(&value).map_err(|error| fault(&key, error.to_string()))?;
        }
        Ok(Entry { key: key_template, value: value_template })
    };
    map.unwrap_or_default().into_iter().map(one).collect()
}
