//! The rules of `identify` as they are written, and what is wrong with one.

use serde::Deserialize;

use crate::decode::DecodeError;
use crate::json_path::JsonPath;
use crate::keys;
use crate::metadata::{check_annotation_key, check_label_key};
use crate::namespace::READ_METADATA;
use crate::settings;

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
    pub(in crate::settings) fn parse(self, index: usize) -> Result<settings::Rule, DecodeError> {
        let fault = |field: &str, message: String| {
            DecodeError::new(format!("identify[{index}].{field}"), message)
        };
        match self {
            Self::Label(key) => match check_label_key(&key) {
                Ok(()) => Ok(settings::Rule::Label(key)),
                Err(error) => Err(fault("label", error.to_string())),
            },
            Self::Annotation(key) if keys::is_own_annotation(&key) => {
                Err(fault("annotation", written_by_landlord(&key)))
            }
            Self::Annotation(key) => match check_annotation_key(&key) {
                Ok(()) => Ok(settings::Rule::Annotation(key)),
                Err(error) => Err(fault("annotation", error.to_string())),
            },
            Self::OwnerReference(OwnerReferenceRule { group, kind }) if kind.is_empty() => {
                Err(fault(
                    "ownerReference.kind",
                    format!("empty, with group {group:?}: name the tenant's kind"),
                ))
            }
            Self::OwnerReference(OwnerReferenceRule { group, kind }) => {
                Ok(settings::Rule::OwnerReference { group, kind })
            }
            Self::NamePrefix(rule) if rule.separator.is_empty() => {
                Err(fault("namePrefix.separator", "empty: write for example \"-\"".to_owned()))
            }
            Self::NamePrefix(rule) if rule.segments == 0 => Err(fault(
                "namePrefix.segments",
                "0: at least one segment names the tenant".to_owned(),
            )),
            Self::NamePrefix(NamePrefixRule { separator, segments }) => {
                Ok(settings::Rule::NamePrefix { separator, segments })
            }
            Self::JsonPath(rule) => rule.parse().map_err(|message| fault("jsonPath.path", message)),
        }
    }
}

impl JsonPathRule {
    fn parse(self) -> Result<settings::Rule, String> {
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
                Ok(settings::Rule::JsonPath { path, prefix: self.prefix })
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
