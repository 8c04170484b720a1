//! Custom tenants: any object, read by JSONPath. What a path does not find is as absent from the
//! tenant.

use serde::Deserialize;
use serde_json::Value;

use super::{Dialect, Tenant, TenantError, landlord};
use crate::decode::{DecodeError, decode};
use crate::hook::Hooks;
use crate::json_path::JsonPath;
use crate::metadata::{Map, check_label_value};
use crate::requester::Owner;
use crate::selector::NodeSelector;
use crate::why::Why;

/// Between the namespace and the name of a namespaced tenant.
pub(crate) const SEPARATOR: &str = "_";

/// `tenantSource.custom` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    api_version: String,
    kind: String,
    /// Whether the objects live in namespaces; a claim then reads `namespace:name`.
    #[serde(default)]
    namespaced: bool,
    /// Where the node selector is: a map, or a string `k=v,k=v`.
    node_selector: Option<String>,
    /// Where the labels for namespaces are.
    labels: Option<String>,
    /// Where the annotations for namespaces are.
    annotations: Option<String>,
    /// Where the owners are: a list of `{kind, name}`, or of user names.
    owners: Option<String>,
    /// Where the name prefixes are: a list of strings.
    prefixes: Option<String>,
    /// Where the tolerations are: a list as in a Pod.
    tolerations: Option<String>,
}

/// A custom tenant source in force.
#[derive(Clone, Debug)]
pub struct CustomSource {
    /// `GROUP/VERSION` of the objects, or a version of the core group.
    pub api_version: String,
    /// The objects' kind.
    pub kind: String,
    /// Whether the objects live in namespaces; the tenant of one is called `NAMESPACE_NAME`.
    pub namespaced: bool,
    node_selector: Option<JsonPath>,
    labels: Option<JsonPath>,
    annotations: Option<JsonPath>,
    owners: Option<JsonPath>,
    prefixes: Option<JsonPath>,
    tolerations: Option<JsonPath>,
}

impl TryFrom<Document> for CustomSource {
    type Error = DecodeError;

    fn try_from(document: Document) -> Result<Self, DecodeError> {
        for (field, text) in [("apiVersion", &document.api_version), ("kind", &document.kind)] {
            if text.is_empty() {
                return Err(DecodeError::new(field, "empty: say which objects are tenants"));
            }
        }
        let path = |field: &str, text: Option<String>| {
            text.map(|text| JsonPath::parse(&text))
                .transpose()
                .map_err(|error| DecodeError::caused(field, &error))
        };
        Ok(Self {
            api_version: document.api_version,
            kind: document.kind,
            namespaced: document.namespaced,
            node_selector: path("nodeSelector", document.node_selector)?,
            labels: path("labels", document.labels)?,
            annotations: path("annotations", document.annotations)?,
            owners: path("owners", document.owners)?,
            prefixes: path("prefixes", document.prefixes)?,
            tolerations: path("tolerations", document.tolerations)?,
        })
    }
}

impl CustomSource {
    /// Reads a tenant object; its name is `namespace_name` where the objects are namespaced.
    pub fn tenant(&self, object: &Value) -> Result<Tenant, TenantError> {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let name = if self.namespaced {
            format!("{}{SEPARATOR}{}", text("/metadata/namespace"), text("/metadata/name"))
        } else {
            text("/metadata/name").to_owned()
        };
        self.read(name.clone(), object).map_err(|source| TenantError { tenant: name, source })
    }

    fn read(&self, name: String, object: &Value) -> Result<Tenant, DecodeError> {
        check_label_value(&name).map_err(|error| DecodeError::caused("metadata.name", &error))?;
        let mut layer = landlord::Wants {
            node_selector: None,
            tolerations: typed("tolerations", &self.tolerations, object)?,
            labels: typed::<Map>("labels", &self.labels, object)?,
            annotations: typed::<Map>("annotations", &self.annotations, object)?,
        }
        .layer(Why::Spec, None)?;
        layer.node_selector = found(&self.node_selector, object).map(selector).transpose()?;
        Ok(Tenant {
            name,
            owners: found(&self.owners, object).map(owners).transpose()?,
            prefixes: typed("prefixes", &self.prefixes, object)?.unwrap_or_default(),
            data: Map::new(),
            layers: vec![layer],
            conflicts: None,
            release: None,
            dialect: Dialect::Landlord,
            exclusive: false,
            hooks: Hooks::default(),
            document: Value::Null,
        })
    }
}

fn found<'a>(path: &Option<JsonPath>, object: &'a Value) -> Option<&'a Value> {
    path.as_ref()
        .and_then(|path| path.select(object).into_iter().next())
        .filter(|value| !value.is_null())
}

fn typed<T: serde::de::DeserializeOwned>(
    field: &str,
    path: &Option<JsonPath>,
    object: &Value,
) -> Result<Option<T>, DecodeError> {
    found(path, object).map(decode).transpose().map_err(|error| error.within(field))
}

fn selector(value: &Value) -> Result<NodeSelector, DecodeError> {
    let fault = |error: &dyn std::error::Error| DecodeError::caused("nodeSelector", error);
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(NodeSelector::default()),
        Value::String(text) => text.parse::<NodeSelector>().map_err(|error| fault(&error)),
        other => {
            let map: Map = decode(other).map_err(|error| error.within("nodeSelector"))?;
            NodeSelector::try_from(map).map_err(|error| fault(&error))
        }
    }
}

fn owners(value: &Value) -> Result<Vec<Owner>, DecodeError> {
    let one = |item: &Value| match item {
        Value::String(name) => {
            Ok(Owner { kind: crate::requester::OwnerKind::User, name: name.clone() })
        }
        other => decode(other).map_err(|error| error.within("owners")),
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}
