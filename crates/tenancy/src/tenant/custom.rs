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
            tolerations: read_list("tolerations", &self.tolerations, object)?,
            labels: typed::<Map>("labels", &self.labels, object)?,
            annotations: typed::<Map>("annotations", &self.annotations, object)?,
        }
        .layer(Why::Spec, None)?;
        layer.node_selector =
            found("nodeSelector", &self.node_selector, object)?.map(selector).transpose()?;
        Ok(Tenant {
            name,
            owners: list(&self.owners, object).as_ref().map(owners).transpose()?,
            prefixes: read_list("prefixes", &self.prefixes, object)?.unwrap_or_default(),
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

/// The one value at a path; what a path with wildcards finds beside it would be lost.
fn found<'a>(
    field: &str,
    path: &Option<JsonPath>,
    object: &'a Value,
) -> Result<Option<&'a Value>, DecodeError> {
    let values = all(path, object);
    match (path, values.as_slice()) {
        (Some(path), [_, _, ..]) => Err(DecodeError::new(
            field,
            format!("{:?} leads to {} values: lead it to one", path.as_str(), values.len()),
        )),
        _ => Ok(values.into_iter().next()),
    }
}

fn all<'a>(path: &Option<JsonPath>, object: &'a Value) -> Vec<&'a Value> {
    let values = path.iter().flat_map(|path| path.select(object));
    values.filter(|value| !value.is_null()).collect()
}

/// A list: the one at the path, or all that a path with wildcards finds.
fn list(path: &Option<JsonPath>, object: &Value) -> Option<Value> {
    match all(path, object).as_slice() {
        [] => None,
        [Value::Array(items)] => Some(Value::Array(items.clone())),
        values => {
            let items = values.iter().flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                single => vec![*single],
            });
            Some(Value::Array(items.cloned().collect()))
        }
    }
}

fn read_list<T: serde::de::DeserializeOwned>(
    field: &str,
    path: &Option<JsonPath>,
    object: &Value,
) -> Result<Option<T>, DecodeError> {
    let read = |value: Value| decode(&value).map_err(|error| error.within(field));
    list(path, object).map(read).transpose()
}

fn typed<T: serde::de::DeserializeOwned>(
    field: &str,
    path: &Option<JsonPath>,
    object: &Value,
) -> Result<Option<T>, DecodeError> {
    found(field, path, object)?.map(decode).transpose().map_err(|error| error.within(field))
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn read(fields: Value, object: Value) -> Result<Tenant, String> {
        let mut document = json!({"apiVersion": "example.com/v1", "kind": "Team"});
        document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let source = CustomSource::try_from(decode::<Document>(&document).unwrap()).unwrap();
        let mut object = object;
        object["metadata"] = json!({"name": "solar"});
        source.tenant(&object).map_err(|error| error.to_string())
    }

    #[rstest]
    #[case::each_alone("$.spec.members[*].name", json!({"members": [{"name": "ann"}, {"name": "bob"}]}), &["ann", "bob"])]
    #[case::a_list("$.spec.members", json!({"members": ["ann", "bob"]}), &["ann", "bob"])]
    #[case::of_lists("$.spec.groups[*].members", json!({"groups": [{"members": ["ann"]}, {"members": ["bob", "eve"]}]}), &["ann", "bob", "eve"])]
    #[case::objects("$.spec.members[*]", json!({"members": [{"kind": "User", "name": "ann"}, {"kind": "Group", "name": "ops"}]}), &["ann", "ops"])]
    #[case::single("$.spec.owner", json!({"owner": "ann"}), &["ann"])]
    #[case::empty("$.spec.members", json!({"members": []}), &[])]
    fn every_owner_counts(#[case] path: &str, #[case] spec: Value, #[case] expected: &[&str]) {
        let tenant = read(json!({"owners": path}), json!({"spec": spec})).unwrap();
        let owners: Vec<String> =
            tenant.owners.unwrap().into_iter().map(|owner| owner.name).collect();
        assert_eq!(owners, expected);
    }

    #[test]
    fn an_absent_list_is_none() {
        let tenant =
            read(json!({"owners": "$.spec.members[*].name"}), json!({"spec": {}})).unwrap();
        assert_eq!(tenant.owners, None);
    }

    #[test]
    fn lists_take_all_that_is_found() {
        let fields =
            json!({"prefixes": "$.spec.teams[*].prefix", "tolerations": "$.spec.teams[*].taint"});
        let taint = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoSchedule"});
        let spec = json!({"teams": [{"prefix": "a-", "taint": taint("a")}, {"prefix": "b-", "taint": taint("b")}]});
        let tenant = read(fields, json!({"spec": spec})).unwrap();
        assert_eq!(tenant.prefixes, ["a-", "b-"]);
        assert_eq!(tenant.layers[0].tolerations.as_ref().map(Vec::len), Some(2));
    }

    #[rstest]
    #[case("nodeSelector")]
    #[case("labels")]
    #[case("annotations")]
    fn a_map_is_one(#[case] field: &str) {
        let spec = json!({"pools": [{"pool": "a"}, {"pool": "b"}]});
        let error = read(json!({field: "$.spec.pools[*]"}), json!({"spec": spec})).unwrap_err();
        assert!(
            error.contains(&format!("{field}: \"$.spec.pools[*]\" leads to 2 values")),
            "{error}"
        );
        let tenant = read(json!({field: "$.spec.pools[0]"}), json!({"spec": spec})).unwrap();
        assert!(tenant.name == "solar");
    }
}
