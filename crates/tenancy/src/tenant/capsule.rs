//! Capsule's Tenant: `capsule.clastix.io/v1beta2`, read as Capsule v0.14 reads it (expected values
//! in `tests/conformance`). Unknown fields are Capsule's business and passed over.

use std::sync::Arc;

use serde_json::Value;

use super::{Dialect, Entry, Layer, Precedence, Tenant, TenantError};
use crate::collection::gather;
use crate::decode::DecodeError;
use crate::hook::{Hook, Hooks};
use crate::label_selector::LabelSelector;
use crate::metadata::{Map, check_annotation_key, check_label_key};
use crate::requester::{Owner, OwnerKind};
use crate::selector::NodeSelector;
use crate::template::{Grammar, Template};
use crate::why::Why;

mod validations;

/// The API version of Capsule's Tenants.
pub const API_VERSION: &str = "capsule.clastix.io/v1beta2";
/// The kind of Capsule's Tenants.
pub const KIND: &str = "Tenant";

const QUOTA_PREFIX: &str = "quota.resources.capsule.clastix.io";
const CUSTOM_RESOURCES_LABEL: &str = "projectcapsule.dev/custom-resources";
const CORDONED_LABEL: &str = "projectcapsule.dev/cordoned";
/// Copied from the Tenant's own annotations, even if empty.
const FORBIDDEN: [&str; 4] = [
    "capsule.clastix.io/forbidden-namespace-labels",
    "capsule.clastix.io/forbidden-namespace-labels-regexp",
    "capsule.clastix.io/forbidden-namespace-annotations",
    "capsule.clastix.io/forbidden-namespace-annotations-regexp",
];
/// Where the lists of allowed classes are, and the annotations that repeat them.
const ALLOWED: [(&str, &str); 3] = [
    ("/ingressOptions/allowedClasses", "capsule.clastix.io/ingress-classes"),
    ("/storageClasses", "capsule.clastix.io/storage-classes"),
    ("/containerRegistries", "capsule.clastix.io/allowed-registries"),
];

/// Reads a Tenant object. With `validations`, what Capsule's webhook judges is judged by hooks.
pub fn tenant(object: &Value, validations: bool) -> Result<Tenant, TenantError> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    read(name, object, validations)
        .map_err(|source| TenantError { tenant: name.to_owned(), source })
}

fn read(name: &str, object: &Value, validations: bool) -> Result<Tenant, DecodeError> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let mut layers = vec![own_layer(object, spec)?];
    for (index, item) in array(spec.pointer("/namespaceOptions/additionalMetadataList")).enumerate()
    {
        let path = format!("spec.namespaceOptions.additionalMetadataList[{index}]");
        layers.push(list_item(index, item).map_err(|error| error.within(&path))?);
    }
    for (index, rule) in array(spec.get("rules")).enumerate() {
        layers.extend(
            rule_layers(index, rule)
                .map_err(|error| error.within(&format!("spec.rules[{index}]")))?,
        );
    }
    let owners = owners(object, spec);
    let hooks: Vec<Arc<Hook>> = if validations {
        validations::hooks(spec, &owners)?.into_iter().map(Arc::new).collect()
    } else {
        Vec::new()
    };
    Ok(Tenant {
        name: name.to_owned(),
        owners: Some(owners),
        prefixes: Vec::new(),
        data: Map::new(),
        layers,
        conflicts: None,
        release: None,
        dialect: Dialect::Capsule,
        exclusive: spec
            .pointer("/namespaceOptions/managedMetadataOnly")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        hooks: Hooks::from(hooks),
        document: Value::Null,
    })
}

/// `status.owners` is what Capsule has resolved; a Tenant that it has not seen yet has
/// `spec.owners` only.
fn owners(object: &Value, spec: &Value) -> Vec<Owner> {
    let resolved = object
        .pointer("/status/owners")
        .filter(|owners| owners.as_array().is_some_and(|list| !list.is_empty()));
    array(resolved.or_else(|| spec.get("owners"))).filter_map(owner).collect()
}

fn owner(item: &Value) -> Option<Owner> {
    let kind = match item.get("kind")?.as_str()? {
        "User" => OwnerKind::User,
        "Group" => OwnerKind::Group,
        "ServiceAccount" => OwnerKind::ServiceAccount,
        _ => return None,
    };
    Some(Owner { kind, name: item.get("name")?.as_str()?.to_owned() })
}

/// The unconditional part. It is literal: Capsule renders no templates here.
fn own_layer(object: &Value, spec: &Value) -> Result<Layer, DecodeError> {
    let tenant_annotations = strings(object.pointer("/metadata/annotations"));
    let mut annotations = strings(spec.pointer("/namespaceOptions/additionalMetadata/annotations"));
    for (path, key) in ALLOWED {
        annotations.extend(allowed_classes(spec.pointer(path), key));
    }
    for key in FORBIDDEN {
        if let Some(value) = tenant_annotations.get(key) {
            annotations.insert(key.to_owned(), value.clone());
        }
    }
    let mut labels = Map::new();
    if tenant_annotations.keys().any(|key| key.starts_with(QUOTA_PREFIX)) {
        labels.insert(CUSTOM_RESOURCES_LABEL.to_owned(), "true".to_owned());
    }
    labels.extend(strings(spec.pointer("/namespaceOptions/additionalMetadata/labels")));
    if spec.get("cordoned").and_then(Value::as_bool).unwrap_or(false) {
        labels.insert(CORDONED_LABEL.to_owned(), "true".to_owned());
    }
    Ok(Layer {
        why: Why::Spec,
        node_selector: node_selector(spec)?,
        labels: entries("labels", labels, Grammar::Literal)?,
        annotations: entries("annotations", annotations, Grammar::Literal)?,
        ..Layer::default()
    })
}

fn node_selector(spec: &Value) -> Result<Option<NodeSelector>, DecodeError> {
    match spec.get("nodeSelector") {
        None | Some(Value::Null) => Ok(None),
        present => NodeSelector::try_from(strings(present))
            .map(Some)
            .map_err(|error| DecodeError::caused("spec.nodeSelector", &error)),
    }
}

/// The annotations that repeat a list of allowed names and a regular expression for them.
fn allowed_classes(options: Option<&Value>, key: &str) -> Map {
    let field = |name| options.and_then(|options| options.get(name));
    let listed: Vec<&str> = array(field("allowed")).filter_map(Value::as_str).collect();
    let expression = field("allowedRegex").and_then(Value::as_str).unwrap_or_default();
    let exact = (!listed.is_empty()).then(|| (key.to_owned(), listed.join(",")));
    let regexp = (!expression.is_empty()).then(|| (format!("{key}-regexp"), expression.to_owned()));
    gather(exact.into_iter().chain(regexp))
}

/// Items are templated, and whatever came before them wins.
fn list_item(index: usize, item: &Value) -> Result<Layer, DecodeError> {
    Ok(Layer {
        why: Why::ListItem(index),
        selector: label_selector(item)?,
        precedence: Precedence::Under,
        labels: entries("labels", strings(item.get("labels")), Grammar::Lenient)?,
        annotations: entries("annotations", strings(item.get("annotations")), Grammar::Lenient)?,
        ..Layer::default()
    })
}

fn label_selector(item: &Value) -> Result<Option<LabelSelector>, DecodeError> {
    match item.get("namespaceSelector") {
        None | Some(Value::Null) => Ok(None),
        Some(selector) => LabelSelector::from_value(selector)
            .map(Some)
            .map_err(|error| DecodeError::caused("namespaceSelector", &error)),
    }
}

/// `rules[i].enforce.metadata`: `managed` values make a layer, `default` values another.
fn rule_layers(index: usize, rule: &Value) -> Result<[Layer; 2], DecodeError> {
    let selector = label_selector(rule)?;
    let mut layer = Layer { why: Why::Rule(index), selector: selector.clone(), ..Layer::default() };
    let mut defaults = Layer {
        why: Why::DefaultRule,
        selector,
        precedence: Precedence::Default,
        ..Layer::default()
    };
    for metadata in
        one_or_many(rule.pointer("/enforce/metadata")).filter(|metadata| names_namespaces(metadata))
    {
        let values = |field, kind| rule_values(metadata, field, kind);
        layer.labels.extend(entries("labels", values("labels", "managed"), Grammar::Literal)?);
        layer.annotations.extend(entries(
            "annotations",
            values("annotations", "managed"),
            Grammar::Literal,
        )?);
        defaults.labels.extend(entries("labels", values("labels", "default"), Grammar::Literal)?);
        defaults.annotations.extend(entries(
            "annotations",
            values("annotations", "default"),
            Grammar::Literal,
        )?);
    }
    Ok([layer, defaults])
}

/// A wildcard never matches Namespaces: the kind must be listed by name.
fn names_namespaces(metadata: &Value) -> bool {
    array(metadata.get("kinds")).filter_map(Value::as_str).any(|kind| kind.trim() == "Namespace")
}

/// The `managed` or `default` values of the concrete keys; a key may also be an expression, which
/// names nothing to write.
fn rule_values(metadata: &Value, field: &str, kind: &str) -> Map {
    let keys = metadata.get(field).and_then(Value::as_object);
    let concrete = |key: &str| {
        if field == "labels" {
            check_label_key(key).is_ok()
        } else {
            check_annotation_key(key).is_ok()
        }
    };
    let value =
        |(key, rule): (&String, &Value)| Some((key.clone(), rule.get(kind)?.as_str()?.to_owned()));
    gather(keys.into_iter().flatten().filter(|(key, _)| concrete(key)).filter_map(value))
}

fn entries(path: &str, map: Map, grammar: Grammar) -> Result<Vec<Entry>, DecodeError> {
    let parse = |text: &str, key: &str| {
        Template::parse(text, grammar)
            .map_err(|error| DecodeError::caused(format!("{path}[{key:?}]"), &error))
    };
    map.iter()
        .map(|(key, value)| Ok(Entry { key: parse(key, key)?, value: parse(value, key)? }))
        .collect()
}

fn array(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn one_or_many(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let single = value.filter(|value| value.is_object());
    array(value).chain(single)
}

fn strings(value: Option<&Value>) -> Map {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    gather(entries.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())))
}
