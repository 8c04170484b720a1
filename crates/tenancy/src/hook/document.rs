//! Hooks as they are written, and the checks of one hook by itself.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::condition::{Condition, Expression, Test};
use super::{Hook, OnFailure, Place, Removal, Requirement, Setting, Source, Stages};
use crate::collection::try_gather;
use crate::decode::{DecodeError, decode};
use crate::keys;
use crate::metadata::{Field, Key, MAX_NAME_BYTES, check_annotation_key, check_label_key, check_label_value, check_name};
use crate::namespace::NAME_LABEL;
use crate::settings::Conflicts;
use crate::template::{Grammar, Template};
use crate::tenant::Dialect;
use crate::text;

/// One hook of the settings or of a Tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    name: String,
    stages: Option<BTreeSet<StageName>>,
    #[serde(default = "usual_priority")]
    priority: i32,
    #[serde(default)]
    when: Vec<ConditionDocument>,
    #[serde(default)]
    set: SetDocument,
    #[serde(default)]
    remove: RemoveDocument,
    #[serde(default)]
    require: Vec<RequirementDocument>,
    #[serde(default)]
    on_failure: OnFailure,
    conflicts: Option<Conflicts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StageName {
    Admission,
    Reconcile,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct SetDocument {
    node_selector: Option<serde_json::Map<String, Value>>,
    labels: serde_json::Map<String, Value>,
    annotations: serde_json::Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RemoveDocument {
    labels: Vec<String>,
    annotations: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionDocument {
    path: String,
    exists: Option<bool>,
    equals: Option<Value>,
    r#in: Option<Vec<Value>>,
    matches: Option<String>,
    not: Option<TestDocument>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementDocument {
    path: String,
    exists: Option<bool>,
    equals: Option<Value>,
    r#in: Option<Vec<Value>>,
    matches: Option<String>,
    not: Option<TestDocument>,
    message: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestDocument {
    exists: Option<bool>,
    equals: Option<Value>,
    r#in: Option<Vec<Value>>,
    matches: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PathDocument {
    from_path: String,
}

fn usual_priority() -> i32 {
    100
}

/// Reads a list of hooks; errors say which one, by place and by name.
pub(crate) fn read_all(items: &[Value]) -> Result<Vec<Hook>, DecodeError> {
    let one = |(index, item): (usize, &Value)| {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        let hook = decode::<Document>(item).and_then(Hook::try_from).map_err(|error| error.within(&format!("hooks[{index}]")));
        hook.map_err(|DecodeError { path, message }| DecodeError { path, message: format!("hook {name:?}: {message}") })
    };
    items.iter().enumerate().map(one).collect()
}

impl TryFrom<Document> for Hook {
    type Error = DecodeError;

    fn try_from(document: Document) -> Result<Self, DecodeError> {
        check_hook_name(&document.name)?;
        let conditions = document.when.into_iter().enumerate();
        let requirements = document.require.into_iter().enumerate();
        let hook = Self {
            stages: stages(document.stages)?,
            priority: document.priority,
            when: conditions.map(|(index, one)| one.read().map_err(|e| e.within(&format!("when[{index}]")))).collect::<Result<_, _>>()?,
            node_selector: document.set.node_selector.map(node_selector).transpose()?,
            set: settings(document.set.labels, document.set.annotations)?,
            remove: removals(document.remove)?,
            require: requirements
                .map(|(index, one)| one.read().map_err(|e| e.within(&format!("require[{index}]"))))
                .collect::<Result<_, _>>()?,
            on_failure: document.on_failure,
            conflicts: document.conflicts,
            name: document.name,
        };
        check_does_something(&hook)?;
        check_request(&hook)?;
        Ok(hook)
    }
}

/// It stands in messages, in the audit log and in lists.
fn check_hook_name(name: &str) -> Result<(), DecodeError> {
    let short = name.len() <= MAX_NAME_BYTES && !name.contains('.');
    match check_name(name) {
        Ok(()) if short => Ok(()),
        _ => Err(DecodeError::new(
            "name",
            format!("{name:?} is no DNS label: write up to 63 small letters, digits and dashes, like `cost-center`"),
        )),
    }
}

fn stages(listed: Option<BTreeSet<StageName>>) -> Result<Stages, DecodeError> {
    match listed {
        None => Ok(Stages { admission: true, reconcile: true }),
        Some(listed) if listed.is_empty() => Err(DecodeError::new("stages", "empty, so the hook never runs: leave it out for both stages")),
        Some(listed) => Ok(Stages { admission: listed.contains(&StageName::Admission), reconcile: listed.contains(&StageName::Reconcile) }),
    }
}

fn check_does_something(hook: &Hook) -> Result<(), DecodeError> {
    let idle = hook.node_selector.is_none() && hook.set.is_empty() && hook.remove.is_empty() && hook.require.is_empty();
    match idle {
        true => Err(DecodeError::new("", "it neither sets, removes nor requires anything: add `set`, `remove` or `require`")),
        false => Ok(()),
    }
}

/// The controller never sees the request, so what hangs on it can be said at admission only.
fn check_request(hook: &Hook) -> Result<(), DecodeError> {
    match hook.places().find(|place| place.reads_request()) {
        Some(place) if hook.stages.reconcile => Err(DecodeError::new(
            "stages",
            format!("{:?} reads the request, which the controller never sees: write `stages: [admission]`", place.as_str()),
        )),
        _ => Ok(()),
    }
}

impl ConditionDocument {
    fn read(self) -> Result<Condition, DecodeError> {
        let own = TestDocument { exists: self.exists, equals: self.equals, r#in: self.r#in, matches: self.matches };
        condition(&self.path, own, self.not)
    }
}

impl RequirementDocument {
    fn read(self) -> Result<Requirement, DecodeError> {
        let own = TestDocument { exists: self.exists, equals: self.equals, r#in: self.r#in, matches: self.matches };
        Ok(Requirement { condition: condition(&self.path, own, self.not)?, message: self.message })
    }
}

const ONE_TEST: &str = "write one of `exists`, `equals`, `in`, `matches` and `not`";

fn condition(path: &str, own: TestDocument, not: Option<TestDocument>) -> Result<Condition, DecodeError> {
    let place = Place::parse(path).map_err(|message| DecodeError::new("path", message))?;
    let own = own.read()?;
    let not = not.map(|not| not.read().map_err(|error| error.within("not"))).transpose()?;
    match (own, not) {
        (Some((test, negated)), None) => Ok(Condition { place, test, negated }),
        (None, Some(Some((test, negated)))) => Ok(Condition { place, test, negated: !negated }),
        (Some(_), Some(_)) => {
            Err(DecodeError::new("", format!("{path:?} is tested twice: {ONE_TEST}, and another condition for the rest")))
        }
        (None, _) => Err(DecodeError::new("", format!("nothing is said about {path:?}: {ONE_TEST}"))),
    }
}

impl TestDocument {
    /// The test, and whether it is negated (`exists: false`); `None` where nothing is written.
    fn read(self) -> Result<Option<(Test, bool)>, DecodeError> {
        let exists = self.exists.map(|exists| Ok((Test::Exists, !exists)));
        let equals = self.equals.map(|value| Ok((Test::In(BTreeSet::from([scalar("equals", &value)?])), false)));
        let among = self.r#in.map(|values| Ok((Test::In(members(&values)?), false)));
        let matches = self.matches.map(|source| match Expression::parse(&source) {
            Ok(expression) => Ok((Test::Matches(expression), false)),
            Err(message) => Err(DecodeError::new("matches", message)),
        });
        let mut tests = [exists, equals, among, matches].into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(_), Some(_)) => Err(DecodeError::new("", format!("two tests at once: {ONE_TEST}"))),
            (one, _) => one.transpose(),
        }
    }
}

fn members(values: &[Value]) -> Result<BTreeSet<String>, DecodeError> {
    match values.is_empty() {
        true => Err(DecodeError::new("in", "empty, so it never holds: list at least one value")),
        false => try_gather(values.iter().enumerate().map(|(index, value)| scalar(&format!("in[{index}]"), value))),
    }
}

fn scalar(path: &str, value: &Value) -> Result<String, DecodeError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(text::print(value)),
        other => Err(DecodeError::new(path, format!("{} is no text, number or boolean: compare with one of these", text::print(other)))),
    }
}

fn settings(labels: serde_json::Map<String, Value>, annotations: serde_json::Map<String, Value>) -> Result<Vec<Setting>, DecodeError> {
    let labels = labels.into_iter().map(|(key, value)| (Field::Label, key, value));
    let annotations = annotations.into_iter().map(|(key, value)| (Field::Annotation, key, value));
    let mut settings: Vec<Setting> =
        labels.chain(annotations).map(|(field, key, value)| setting(field, &key, &value)).collect::<Result<_, _>>()?;
    // The order of a JSON object means nothing.
    settings.sort_by(|a, b| (a.field, a.key.as_source()).cmp(&(b.field, b.key.as_source())));
    Ok(settings)
}

fn setting(field: Field, key: &str, value: &Value) -> Result<Setting, DecodeError> {
    let path = || format!("set.{}[{key:?}]", super::place::member(field));
    let template = key_template(field, key).map_err(|message| DecodeError::new(path(), message))?;
    let value = source(value).and_then(|source| check_literal(field, source)).map_err(|message| DecodeError::new(path(), message))?;
    Ok(Setting { field, key: template, value })
}

fn node_selector(entries: serde_json::Map<String, Value>) -> Result<Vec<(String, Source)>, DecodeError> {
    let one = |(key, value): (String, Value)| {
        let fault = |message: String| DecodeError::new(format!("set.nodeSelector[{key:?}]"), message);
        check_label_key(&key).map_err(|error| fault(error.to_string()))?;
        let source = source(&value).and_then(|source| check_literal(Field::Label, source)).map_err(fault)?;
        match &source {
            Source::Text(text) if text.needs_namespace() => {
                Err(fault("a node pool of one namespace is none: leave out {{namespace}}".to_owned()))
            }
            _ => Ok((key, source)),
        }
    };
    let mut selector: Vec<_> = entries.into_iter().map(one).collect::<Result<_, _>>()?;
    selector.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(selector)
}

fn source(value: &Value) -> Result<Source, String> {
    match value {
        Value::String(text) => Template::parse(text, Grammar::Strict).map(Source::Text).map_err(|error| error.to_string()),
        Value::Object(_) => {
            let document: PathDocument = decode(value).map_err(|error| error.to_string())?;
            Place::parse(&document.from_path).map(Source::Path).map_err(|message| format!("fromPath: {message}"))
        }
        other => Err(format!("{} is no text: put it in quotes, or write {{fromPath: …}}", text::print(other))),
    }
}

/// What has no tag is known already.
fn check_literal(field: Field, source: Source) -> Result<Source, String> {
    match &source {
        Source::Text(text) if field == Field::Label && !text.as_source().contains("{{") => {
            check_label_value(text.as_source()).map_err(|error| error.to_string())?;
        }
        _ => {}
    }
    Ok(source)
}

fn removals(document: RemoveDocument) -> Result<Vec<Removal>, DecodeError> {
    let labels = document.labels.into_iter().enumerate().map(|(index, key)| (Field::Label, index, key));
    let annotations = document.annotations.into_iter().enumerate().map(|(index, key)| (Field::Annotation, index, key));
    let one = |(field, index, key): (Field, usize, String)| match key_template(field, &key) {
        Ok(key) => Ok(Removal { field, key }),
        Err(message) => Err(DecodeError::new(format!("remove.{}[{index}]", super::place::member(field)), message)),
    };
    labels.chain(annotations).map(one).collect()
}

/// A key that a hook may write: not landlord's own, and none that decides where Pods run.
fn key_template(field: Field, key: &str) -> Result<Template, String> {
    if keys::is_reserved(Dialect::Landlord, key) || keys::is_placement(&Key { field, name: key.to_owned() }) || key == NAME_LABEL {
        return Err(format!("{field} {key:?} is written by landlord itself: use `nodeSelector`, or the tenant's own fields"));
    }
    let template = Template::parse(key, Grammar::Strict).map_err(|error| error.to_string())?;
    let check = if field == Field::Label { check_label_key } else { check_annotation_key };
    match key.contains("{{") {
        true => Ok(template),
        false => check(key).map(|()| template).map_err(|error| error.to_string()),
    }
}
