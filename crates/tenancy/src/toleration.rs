//! Tolerations that every Pod of a namespace gets. Only the shape that both the plugin
//! `PodTolerationRestriction` (JSON) and landlord's guard (a compact form that CEL can split) can
//! carry: a key, `Equal` or `Exists`, one effect, no seconds.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::{Map as Object, Value};

use crate::metadata::{InvalidMetadata, check_label_key, check_label_value};
use crate::text;

/// One toleration, valid by construction when it comes from [`Toleration::from_value`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Toleration {
    /// The taint's key, a label key.
    pub key: String,
    /// How the value is compared.
    pub operator: Operator,
    /// The taint's value, a label value; empty for [`Operator::Exists`].
    pub value: String,
    /// The taint's effect.
    pub effect: Effect,
}

/// How a toleration compares the taint's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Operator {
    /// The values are equal; what an absent operator means.
    Equal,
    /// Any value.
    Exists,
}

/// What a taint does to Pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Effect {
    /// New Pods stay away.
    NoSchedule,
    /// New Pods stay away if they can.
    PreferNoSchedule,
    /// Running Pods go, too.
    NoExecute,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Effect::NoSchedule => "NoSchedule",
            Effect::PreferNoSchedule => "PreferNoSchedule",
            Effect::NoExecute => "NoExecute",
        })
    }
}

/// Why something is not a toleration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TolerationError {
    /// Not a JSON object.
    #[error("toleration {value:?} must be an object with key, operator, value and effect")]
    NotAnObject {
        /// The value as compact JSON.
        value: String,
    },
    /// A field that a toleration cannot have here.
    #[error("field {field:?} of toleration {key:?} is not supported; remove it")]
    UnknownField {
        /// The field.
        field: String,
        /// The toleration's key.
        key: String,
    },
    /// A field that must be a string.
    #[error("field {field:?} of a toleration must be a string, not {value:?}")]
    NotAString {
        /// The field.
        field: &'static str,
        /// Its value as compact JSON.
        value: String,
    },
    /// The key is absent, empty or not a label key.
    #[error(
        "key {key:?} of a toleration is not valid; a toleration of every taint is not supported"
    )]
    Key {
        /// The key.
        key: String,
        /// The rule it breaks.
        #[source]
        source: InvalidMetadata,
    },
    /// The value is not a label value.
    #[error("value {value:?} of toleration {key:?} is not valid")]
    Value {
        /// The toleration's key.
        key: String,
        /// The value.
        value: String,
        /// The rule it breaks.
        #[source]
        source: InvalidMetadata,
    },
    /// Another operator.
    #[error("operator {operator:?} of toleration {key:?} is unknown; use Equal or Exists")]
    Operator {
        /// The toleration's key.
        key: String,
        /// The operator.
        operator: String,
    },
    /// `Exists` together with a value.
    #[error(
        "toleration {key:?} has operator Exists and the value {value:?}; remove the value or use Equal"
    )]
    ExistsWithValue {
        /// The toleration's key.
        key: String,
        /// The value.
        value: String,
    },
    /// No effect, which to Kubernetes is all of them.
    #[error(
        "toleration {key:?} has no effect: write one toleration for each effect that is meant (NoSchedule, PreferNoSchedule, NoExecute)"
    )]
    NoEffect {
        /// The toleration's key.
        key: String,
    },
    /// Another effect.
    #[error(
        "effect {effect:?} of toleration {key:?} is unknown; use NoSchedule, PreferNoSchedule or NoExecute"
    )]
    Effect {
        /// The toleration's key.
        key: String,
        /// The effect.
        effect: String,
    },
}

impl Toleration {
    /// Reads a toleration as Kubernetes writes it; `null` and an absent field are the same.
    pub fn from_value(value: &Value) -> Result<Self, TolerationError> {
        let object = value
            .as_object()
            .ok_or_else(|| TolerationError::NotAnObject { value: text::print(value) })?;
        let key = read_key(object)?;
        check_fields(object, &key)?;
        let operator = read_operator(object, &key)?;
        let value = read_value(object, &key, operator)?;
        let effect = read_effect(object, &key)?;
        Ok(Toleration { key, operator, value, effect })
    }

    fn to_compact(&self) -> String {
        let Toleration { key, value, effect, .. } = self;
        match self.operator {
            Operator::Equal => format!("{key}={value}:{effect}"),
            Operator::Exists => format!("{key}:{effect}"),
        }
    }
}

/// Compact JSON array for `scheduler.alpha.kubernetes.io/defaultTolerations`: fields in the order
/// key, operator, value, effect; no value for `Exists`. Of equal tolerations the first stays.
pub fn json(tolerations: &[Toleration]) -> String {
    let shapes: Vec<Shape<'_>> = distinct(tolerations).into_iter().map(Shape::from).collect();
    // Strings and unit variants always serialise.
    serde_json::to_string(&shapes).unwrap_or_default()
}

/// The form that CEL can split: `k=v:E` (Equal), `k=:E` (Equal, no value), `k:E` (Exists), joined
/// by `,`. Keys, values and effects have none of these characters. Of equal tolerations the first
/// stays.
pub fn compact(tolerations: &[Toleration]) -> String {
    let parts: Vec<String> =
        distinct(tolerations).into_iter().map(Toleration::to_compact).collect();
    parts.join(",")
}

#[derive(Serialize)]
struct Shape<'a> {
    key: &'a str,
    operator: Operator,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    effect: Effect,
}

impl<'a> From<&'a Toleration> for Shape<'a> {
    fn from(toleration: &'a Toleration) -> Self {
        let Toleration { key, operator, value, effect } = toleration;
        let value = (*operator == Operator::Equal).then_some(value.as_str());
        Shape { key, operator: *operator, value, effect: *effect }
    }
}

fn distinct(tolerations: &[Toleration]) -> Vec<&Toleration> {
    let mut known = BTreeSet::new();
    tolerations.iter().filter(|toleration| known.insert(toleration.to_compact())).collect()
}

fn read_key(object: &Object<String, Value>) -> Result<String, TolerationError> {
    let key = read_string(object, "key")?.unwrap_or_default();
    match check_label_key(key) {
        Ok(()) => Ok(key.to_owned()),
        Err(source) => Err(TolerationError::Key { key: key.to_owned(), source }),
    }
}

fn check_fields(object: &Object<String, Value>, key: &str) -> Result<(), TolerationError> {
    let foreign =
        |field: &&String| !matches!(field.as_str(), "key" | "operator" | "value" | "effect");
    match object.keys().filter(foreign).min() {
        Some(field) => {
            Err(TolerationError::UnknownField { field: field.clone(), key: key.to_owned() })
        }
        None => Ok(()),
    }
}

fn read_operator(object: &Object<String, Value>, key: &str) -> Result<Operator, TolerationError> {
    match read_string(object, "operator")? {
        None | Some("" | "Equal") => Ok(Operator::Equal),
        Some("Exists") => Ok(Operator::Exists),
        Some(other) => {
            Err(TolerationError::Operator { key: key.to_owned(), operator: other.to_owned() })
        }
    }
}

fn read_value(
    object: &Object<String, Value>,
    key: &str,
    operator: Operator,
) -> Result<String, TolerationError> {
    let value = read_string(object, "value")?.unwrap_or_default().to_owned();
    if operator == Operator::Exists && !value.is_empty() {
        return Err(TolerationError::ExistsWithValue { key: key.to_owned(), value });
    }
    match check_label_value(&value) {
        Ok(()) => Ok(value),
        Err(source) => Err(TolerationError::Value { key: key.to_owned(), value, source }),
    }
}

fn read_effect(object: &Object<String, Value>, key: &str) -> Result<Effect, TolerationError> {
    match read_string(object, "effect")?.unwrap_or_default() {
        "NoSchedule" => Ok(Effect::NoSchedule),
        "PreferNoSchedule" => Ok(Effect::PreferNoSchedule),
        "NoExecute" => Ok(Effect::NoExecute),
        "" => Err(TolerationError::NoEffect { key: key.to_owned() }),
        other => Err(TolerationError::Effect { key: key.to_owned(), effect: other.to_owned() }),
    }
}

fn read_string<'a>(
    object: &'a Object<String, Value>,
    field: &'static str,
) -> Result<Option<&'a str>, TolerationError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(TolerationError::NotAString { field, value: text::print(other) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json as value;

    #[rstest]
    #[case(value!({"key": "pool", "operator": "Equal", "value": "solar", "effect": "NoSchedule"}), "pool=solar:NoSchedule")]
    #[case(value!({"key": "pool", "value": "solar", "effect": "NoExecute"}), "pool=solar:NoExecute")]
    #[case(value!({"key": "pool", "effect": "NoExecute"}), "pool=:NoExecute")]
    #[case(value!({"key": "a.b/c", "operator": "Exists", "value": null, "effect": "PreferNoSchedule"}), "a.b/c:PreferNoSchedule")]
    fn reads(#[case] given: Value, #[case] printed: &str) {
        assert_eq!(compact(&[Toleration::from_value(&given).unwrap()]), printed);
    }

    #[rstest]
    #[case(value!([]), "must be an object")]
    #[case(value!({"effect": "NoSchedule"}), "key \"\"")]
    #[case(value!({"key": "a b", "effect": "NoSchedule"}), "key \"a b\"")]
    #[case(value!({"key": 1, "effect": "NoSchedule"}), "must be a string")]
    #[case(value!({"key": "a"}), "toleration \"a\" has no effect: write one toleration for each")]
    #[case(value!({"key": "a", "effect": "noschedule"}), "effect \"noschedule\"")]
    #[case(value!({"key": "a", "operator": "Gt", "effect": "NoSchedule"}), "operator \"Gt\"")]
    #[case(value!({"key": "a", "operator": "Exists", "value": "b", "effect": "NoSchedule"}), "value \"b\"")]
    #[case(value!({"key": "a", "value": "b,c", "effect": "NoSchedule"}), "value \"b,c\"")]
    #[case(value!({"key": "a", "effect": "NoExecute", "tolerationSeconds": 3}), "\"tolerationSeconds\"")]
    fn refuses(#[case] given: Value, #[case] part: &str) {
        let error = Toleration::from_value(&given).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn prints_each_once_in_order() {
        let equal = Toleration {
            key: "pool".into(),
            operator: Operator::Equal,
            value: "solar".into(),
            effect: Effect::NoSchedule,
        };
        let exists = Toleration {
            key: "gpu".into(),
            operator: Operator::Exists,
            value: String::new(),
            effect: Effect::NoExecute,
        };
        let all = [equal.clone(), exists, equal];
        assert_eq!(compact(&all), "pool=solar:NoSchedule,gpu:NoExecute");
        assert_eq!(
            json(&all),
            r#"[{"key":"pool","operator":"Equal","value":"solar","effect":"NoSchedule"},{"key":"gpu","operator":"Exists","effect":"NoExecute"}]"#
        );
        assert_eq!((json(&[]).as_str(), compact(&[]).as_str()), ("[]", ""));
    }
}
