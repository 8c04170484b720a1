//! Kubernetes' label selector, `{matchLabels, matchExpressions}`, by the rules of
//! `metav1.LabelSelectorAsSelector`.

use serde_json::{Map as Object, Value};

use crate::decode::DecodeError;
use crate::decode::fields::Fields;
use crate::members::by_name;
use crate::metadata::{InvalidMetadata, Map, check_label_key, check_label_value};
use crate::text;

/// Terms that all must hold; without any it matches everything. Every term has been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    key: String,
    test: Test,
}

/// What a term asks of the label with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It has one of these values; of `matchLabels`, the only one.
    In(Vec<String>),
    /// It is absent, or has none of these values.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
}

/// Why something is not a label selector. `term` is the path of the term: `matchLabels["env"]`,
/// `matchExpressions[2]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelSelectorError {
    /// A part has another JSON type.
    #[error("{term} must be {expected}, not {value:?}")]
    Type {
        /// Which term.
        term: String,
        /// The type it must have.
        expected: &'static str,
        /// The value as compact JSON.
        value: String,
    },
    /// Not an operator.
    #[error("operator {operator:?} of {term} is unknown; use In, NotIn, Exists or DoesNotExist")]
    Operator {
        /// Which term.
        term: String,
        /// The operator.
        operator: String,
    },
    /// `In` or `NotIn` with nothing to compare.
    #[error("{term} has operator {operator:?} without values; add at least one")]
    NoValues {
        /// Which term.
        term: String,
        /// The operator.
        operator: String,
    },
    /// `Exists` or `DoesNotExist` with something to compare.
    #[error("{term} has operator {operator:?} with values {values:?}; remove them")]
    Values {
        /// Which term.
        term: String,
        /// The operator.
        operator: String,
        /// The values.
        values: Vec<String>,
    },
    /// A key or value that no object can carry.
    #[error("{term} is not valid")]
    Metadata {
        /// Which term.
        term: String,
        /// The rule it breaks.
        #[source]
        source: InvalidMetadata,
    },
}

impl LabelSelector {
    /// Reads a selector of landlord's own documents: unknown fields are errors, and so is one without
    /// a term, because what has one is meant for some namespaces and not for all.
    pub(crate) fn strict(value: &Value) -> Result<Self, DecodeError> {
        Fields::read(value, &["matchLabels", "matchExpressions"])?;
        let expressions = value.get("matchExpressions").and_then(Value::as_array);
        for (index, expression) in expressions.into_iter().flatten().enumerate() {
            Fields::read(expression, &["key", "operator", "values"])
                .map_err(|error| error.within(&format!("matchExpressions[{index}]")))?;
        }
        let selector = Self::from_value(value).map_err(|error| DecodeError::caused("", &error))?;
        if selector.is_empty() {
            return Err(DecodeError::new(
                "",
                "it has no term, and would match every namespace: write `matchLabels` or `matchExpressions`",
            ));
        }
        Ok(selector)
    }

    /// Reads a selector. Other fields are ignored, as Kubernetes does; `null` and an absent field
    /// are the same.
    pub fn from_value(value: &Value) -> Result<Self, LabelSelectorError> {
        let object = value.as_object().ok_or_else(|| wrong_type("selector", "an object", value))?;
        let mut terms = read_labels(object)?;
        terms.extend(read_expressions(object)?);
        Ok(LabelSelector { terms })
    }

    /// Whether these labels satisfy every term. `NotIn` and `DoesNotExist` hold where the key is
    /// absent.
    pub fn matches(&self, labels: &Map) -> bool {
        self.terms.iter().all(|term| term.test.holds(labels.get(&term.key)))
    }

    /// Whether it has no term and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Every term: the label's key, and what is asked of it. `matchLabels` come first, by key.
    pub fn terms(&self) -> impl Iterator<Item = (&str, &Test)> {
        self.terms.iter().map(|term| (term.key.as_str(), &term.test))
    }

    /// A key of which no label, and no lack of one, fulfils every term.
    pub(crate) fn contradiction(&self) -> Option<&str> {
        self.keys().find(|key| {
            let tests = || self.terms().filter(|(other, _)| other == key).map(|(_, test)| test);
            let holds = |value: Option<&String>| tests().all(|test| test.holds(value));
            let named = tests().filter_map(|test| match test {
                Test::In(values) => Some(values),
                _ => None,
            });
            // A value that no term names.
            let any = [String::from("*")];
            !holds(None) && !named.flatten().chain(&any).any(|value| holds(Some(value)))
        })
    }

    /// The label keys it looks at; a key with several terms comes several times.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(|term| term.key.as_str())
    }
}

impl Test {
    fn holds(&self, value: Option<&String>) -> bool {
        match self {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
        }
    }
}

/// `matchLabels`, by key, so that the error is the same whatever the order of the JSON.
fn read_labels(selector: &Object<String, Value>) -> Result<Vec<Term>, LabelSelectorError> {
    let labels = match selector.get("matchLabels") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(labels)) => labels,
        Some(other) => return Err(wrong_type("matchLabels", "a map of strings", other)),
    };
    by_name(labels).into_iter().map(|(key, value)| read_label(key, value)).collect()
}

fn read_label(key: &str, value: &Value) -> Result<Term, LabelSelectorError> {
    let term = format!("matchLabels[{key:?}]");
    let text = value.as_str().ok_or_else(|| wrong_type(&term, "a string", value))?;
    check_key(&term, key)?;
    check_values(&term, [text])?;
    Ok(Term { key: key.to_owned(), test: Test::In(vec![text.to_owned()]) })
}

fn read_expressions(selector: &Object<String, Value>) -> Result<Vec<Term>, LabelSelectorError> {
    match selector.get("matchExpressions") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(expressions)) => expressions
            .iter()
            .enumerate()
            .map(|(index, value)| read_expression(index, value))
            .collect(),
        Some(other) => Err(wrong_type("matchExpressions", "a list", other)),
    }
}

fn read_expression(index: usize, value: &Value) -> Result<Term, LabelSelectorError> {
    let term = format!("matchExpressions[{index}]");
    let object = value.as_object().ok_or_else(|| wrong_type(&term, "an object", value))?;
    let key = read_string(&term, object, "key")?;
    let operator = read_string(&term, object, "operator")?;
    let values = read_values(&term, object)?;
    check_key(&term, key)?;
    let test = read_test(&term, operator, &values)?;
    check_values(&term, values.iter().map(String::as_str))?;
    Ok(Term { key: key.to_owned(), test })
}

fn read_test(term: &str, operator: &str, values: &[String]) -> Result<Test, LabelSelectorError> {
    let (term, set) = (term.to_owned(), || values.to_vec());
    let error_operator = operator.to_owned();
    match (operator, values.is_empty()) {
        ("In", false) => Ok(Test::In(set())),
        ("NotIn", false) => Ok(Test::NotIn(set())),
        ("Exists", true) => Ok(Test::Exists),
        ("DoesNotExist", true) => Ok(Test::DoesNotExist),
        ("In" | "NotIn", true) => {
            Err(LabelSelectorError::NoValues { term, operator: error_operator })
        }
        ("Exists" | "DoesNotExist", false) => Err(LabelSelectorError::Values {
            term,
            operator: error_operator,
            values: values.to_vec(),
        }),
        _ => Err(LabelSelectorError::Operator { term, operator: error_operator }),
    }
}

/// A string, empty where it is absent: the checks that follow say what is wrong with that.
fn read_string<'a>(
    term: &str,
    object: &'a Object<String, Value>,
    field: &'static str,
) -> Result<&'a str, LabelSelectorError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong_type(&format!("{term}.{field}"), "a string", other)),
    }
}

fn read_values(
    term: &str,
    object: &Object<String, Value>,
) -> Result<Vec<String>, LabelSelectorError> {
    let wrong = |value: &Value| wrong_type(&format!("{term}.values"), "a list of strings", value);
    match object.get("values") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(value)))
            .collect(),
        Some(other) => Err(wrong(other)),
    }
}

fn check_key(term: &str, key: &str) -> Result<(), LabelSelectorError> {
    check_label_key(key)
        .map_err(|source| LabelSelectorError::Metadata { term: term.to_owned(), source })
}

fn check_values<'a>(
    term: &str,
    values: impl IntoIterator<Item = &'a str>,
) -> Result<(), LabelSelectorError> {
    values
        .into_iter()
        .try_for_each(check_label_value)
        .map_err(|source| LabelSelectorError::Metadata { term: term.to_owned(), source })
}

fn wrong_type(term: &str, expected: &'static str, value: &Value) -> LabelSelectorError {
    LabelSelectorError::Type { term: term.to_owned(), expected, value: text::print(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn labels() -> Map {
        Map::from([("env".to_owned(), "prod".to_owned()), ("empty".to_owned(), String::new())])
    }

    #[rstest]
    #[case(json!({}), true)]
    #[case(json!({"matchLabels": null, "matchExpressions": [], "other": 1}), true)]
    #[case(json!({"matchLabels": {"env": "prod"}}), true)]
    #[case(json!({"matchLabels": {"env": "prod", "x": ""}}), false)]
    #[case(json!({"matchLabels": {"empty": ""}}), true)]
    #[case(json!({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev", "prod"]}]}), true)]
    #[case(json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}), false)]
    #[case(json!({"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["prod"]}]}), true)]
    #[case(json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]}), true)]
    #[case(json!({"matchExpressions": [{"key": "env", "operator": "DoesNotExist", "values": []}]}), false)]
    #[case(json!({"matchLabels": {"env": "dev"}, "matchExpressions": [{"key": "env", "operator": "Exists"}]}), false)]
    fn matching(#[case] selector: Value, #[case] matches: bool) {
        assert_eq!(LabelSelector::from_value(&selector).unwrap().matches(&labels()), matches);
    }

    #[rstest]
    #[case(json!([]), "selector must be an object")]
    #[case(json!({"matchLabels": []}), "matchLabels must be")]
    #[case(json!({"matchLabels": {"a": 1}}), "matchLabels[\"a\"] must be a string")]
    #[case(json!({"matchLabels": {"a b": "c"}}), "matchLabels[\"a b\"] is not valid")]
    #[case(json!({"matchLabels": {"a": "b c"}}), "matchLabels[\"a\"] is not valid")]
    #[case(json!({"matchLabels": {"x": "y"}, "matchExpressions": [{"key": "a", "operator": "In"}]}), "matchExpressions[0] has operator \"In\" without values")]
    #[case(json!({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "a", "operator": "NotIn", "values": []}]}), "matchExpressions[1]")]
    #[case(json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}), "remove them")]
    #[case(json!({"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}), "operator \"in\"")]
    #[case(json!({"matchExpressions": [{"key": "a"}]}), "operator \"\"")]
    #[case(json!({"matchExpressions": [{"operator": "Exists"}]}), "matchExpressions[0] is not valid")]
    #[case(json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}), "matchExpressions[0] is not valid")]
    #[case(json!({"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]}), "matchExpressions[0].values must be")]
    #[case(json!({"matchExpressions": ["a"]}), "matchExpressions[0] must be an object")]
    fn refuses(#[case] selector: Value, #[case] part: &str) {
        let error = LabelSelector::from_value(&selector).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
