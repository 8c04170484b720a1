//! Hooks as they are written, and the checks of one hook by itself. They are read from the JSON as
//! it is: there can be hundreds of them, and the policy reads them at each request.

use serde_json::{Map as Object, Value};

use super::condition::{Condition, Test};
use super::expression::Expression;
use super::place::Place;
use super::{Hook, OnFailure, Removal, Requirement, Setting, Source, Stages};
use crate::conflicts::Conflicts;
use crate::decode::DecodeError;
use crate::decode::fields::{Fields, mismatch, word};
use crate::dialect::Dialect;
use crate::keys;
use crate::members::by_name;
use crate::metadata::{
    Field, Key, MAX_NAME_BYTES, check_annotation_key, check_label_key, check_label_value,
    check_name,
};
use crate::namespace::NAME_LABEL;
use crate::template::{Grammar, Template};
use crate::text;

const FIELDS: [&str; 9] =
    ["name", "stages", "priority", "when", "set", "remove", "require", "onFailure", "conflicts"];
const CONDITION: [&str; 6] = ["path", "exists", "equals", "in", "matches", "not"];
const REQUIREMENT: [&str; 7] = ["path", "exists", "equals", "in", "matches", "not", "message"];
const TEST: [&str; 4] = ["exists", "equals", "in", "matches"];
/// Most hooks of one document: each is compared with each.
const MAX_HOOKS: usize = 1000;
const USUAL_PRIORITY: i32 = 100;
const ON_FAILURE: [(&str, OnFailure); 3] =
    [("reject", OnFailure::Reject), ("warn", OnFailure::Warn), ("ignore", OnFailure::Ignore)];
const CONFLICTS: [(&str, Conflicts); 3] =
    [("override", Conflicts::Override), ("keep", Conflicts::Keep), ("reject", Conflicts::Reject)];
const ONE_TEST: &str = "write one of `exists`, `equals`, `in`, `matches` and `not`";

type Read<T> = Result<T, DecodeError>;

/// Reads a list of hooks; errors say which one, by place and by name.
pub(crate) fn read_all(items: &[Value]) -> Read<Vec<Hook>> {
    if items.len() > MAX_HOOKS {
        return Err(DecodeError::new(
            "hooks",
            format!("{} of them: write at most {MAX_HOOKS}, each for more cases", items.len()),
        ));
    }
    let one = |(index, item): (usize, &Value)| {
        read(item).map_err(|error| {
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
            let DecodeError { path, message } = error.within(&format!("hooks[{index}]"));
            DecodeError { path, message: format!("hook {name:?}: {message}") }
        })
    };
    items.iter().enumerate().map(one).collect()
}

fn read(item: &Value) -> Read<Hook> {
    let fields = Fields::read(item, &FIELDS)?;
    let mut hook = Hook {
        name: hook_name(fields.read_text("name")?.unwrap_or_default())?,
        stages: fields
            .list("stages")?
            .map_or(Ok(Stages { admission: true, reconcile: true }), stages)?,
        priority: fields.integer("priority")?.unwrap_or(USUAL_PRIORITY),
        when: items(fields, "when", condition)?,
        node_selector: None,
        set: Vec::new(),
        remove: Vec::new(),
        require: items(fields, "require", requirement)?,
        on_failure: fields.word("onFailure", &ON_FAILURE)?.unwrap_or_default(),
        conflicts: fields.word("conflicts", &CONFLICTS)?,
    };
    if let Some(set) = fields.get("set") {
        read_set(set, &mut hook).map_err(|error| error.within("set"))?;
    }
    if let Some(remove) = fields.get("remove") {
        read_remove(remove, &mut hook).map_err(|error| error.within("remove"))?;
    }
    check_does_something(&hook)?;
    check_request(&hook)?;
    Ok(hook)
}

/// It stands in messages, in the audit log and in lists.
fn hook_name(name: &str) -> Read<String> {
    let short = name.len() <= MAX_NAME_BYTES && !name.contains('.');
    match check_name(name) {
        Ok(()) if short => Ok(name.to_owned()),
        _ => Err(DecodeError::new(
            "name",
            format!(
                "{name:?} is no DNS label: write up to 63 small letters, digits and dashes, like `cost-center`"
            ),
        )),
    }
}

fn stages(listed: &[Value]) -> Read<Stages> {
    let mut stages = Stages { admission: false, reconcile: false };
    for (index, value) in listed.iter().enumerate() {
        let path = format!("stages[{index}]");
        let name = value.as_str().ok_or_else(|| mismatch(&path, value, "a string"))?;
        if word(&path, name, &[("admission", true), ("reconcile", false)])? {
            stages.admission = true;
        } else {
            stages.reconcile = true;
        }
    }
    match stages {
        Stages { admission: false, reconcile: false } => Err(DecodeError::new(
            "stages",
            "empty, so the hook never runs: leave it out for both stages",
        )),
        stages => Ok(stages),
    }
}

fn check_does_something(hook: &Hook) -> Read<()> {
    let idle = hook.node_selector.is_none()
        && hook.set.is_empty()
        && hook.remove.is_empty()
        && hook.require.is_empty();
    if idle {
        Err(DecodeError::new(
            "",
            "it neither sets, removes nor requires anything: add `set`, `remove` or `require`",
        ))
    } else {
        Ok(())
    }
}

/// The controller never sees the request, so what hangs on it can be said at admission only.
fn check_request(hook: &Hook) -> Read<()> {
    match hook.places().find(|place| place.reads_request()) {
        Some(place) if hook.stages.reconcile => Err(DecodeError::new(
            "stages",
            format!(
                "{:?} reads the request, which the controller never sees: write `stages: [admission]`",
                place.as_str()
            ),
        )),
        _ => Ok(()),
    }
}

/// Every element of a list, read by `read`.
fn items<T>(fields: Fields<'_>, name: &str, read: impl Fn(&Value) -> Read<T>) -> Read<Vec<T>> {
    let listed = fields.list(name)?.unwrap_or_default();
    listed
        .iter()
        .enumerate()
        .map(|(index, item)| read(item).map_err(|error| error.within(&format!("{name}[{index}]"))))
        .collect()
}

fn requirement(item: &Value) -> Read<Requirement> {
    let fields = Fields::read(item, &REQUIREMENT)?;
    Ok(Requirement {
        given: Vec::new(),
        condition: tested(fields)?,
        message: fields.read_text("message")?.map(str::to_owned),
    })
}

fn condition(item: &Value) -> Read<Condition> {
    tested(Fields::read(item, &CONDITION)?)
}

/// A path, and exactly one test of what is there.
fn tested(fields: Fields<'_>) -> Read<Condition> {
    let path = fields.read_text("path")?.unwrap_or_default();
    let place = Place::parse(path).map_err(|message| DecodeError::new("path", message))?;
    let not = fields.get("not").map(|not| Fields::read(not, &TEST).and_then(test)).transpose();
    match (test(fields)?, not.map_err(|error| error.within("not"))?) {
        (Some((test, negated)), None) => Ok(Condition { place, test, negated }),
        (None, Some(Some((test, negated)))) => Ok(Condition { place, test, negated: !negated }),
        (Some(_), Some(_)) => Err(DecodeError::new(
            "",
            format!("{path:?} is tested twice: {ONE_TEST}, and another condition for the rest"),
        )),
        (None, _) => {
            Err(DecodeError::new("", format!("nothing is said about {path:?}: {ONE_TEST}")))
        }
    }
}

/// The test, and whether it is negated (`exists: false`); `None` where nothing is written.
fn test(fields: Fields<'_>) -> Read<Option<(Test, bool)>> {
    let exists = fields.flag("exists")?.map(|exists| (Test::Exists, !exists));
    let equals = fields
        .get("equals")
        .map(|value| scalar("equals", value))
        .transpose()?
        .map(|value| (Test::In(vec![value]), false));
    let among =
        fields.list("in")?.map(members).transpose()?.map(|values| (Test::In(values), false));
    let matches = fields
        .read_text("matches")?
        .map(Expression::parse)
        .transpose()
        .map_err(|message| DecodeError::new("matches", message))?;
    let matches = matches.map(|expression| (Test::Matches(expression), false));
    let mut tests = [exists, equals, among, matches].into_iter().flatten();
    match (tests.next(), tests.next()) {
        (Some(_), Some(_)) => Err(DecodeError::new("", format!("two tests at once: {ONE_TEST}"))),
        (one, _) => Ok(one),
    }
}

fn members(values: &[Value]) -> Read<Vec<String>> {
    if values.is_empty() {
        Err(DecodeError::new("in", "empty, so it never holds: list at least one value"))
    } else {
        values
            .iter()
            .enumerate()
            .map(|(index, value)| scalar(&format!("in[{index}]"), value))
            .collect()
    }
}

fn scalar(path: &str, value: &Value) -> Read<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(text::print(value)),
        other => Err(DecodeError::new(
            path,
            format!(
                "{} is no text, number or boolean: compare with one of these",
                text::print(other)
            ),
        )),
    }
}

fn read_set(item: &Value, hook: &mut Hook) -> Read<()> {
    let fields = Fields::read(item, &["nodeSelector", "labels", "annotations"])?;
    hook.node_selector = fields.object("nodeSelector")?.map(node_selector).transpose()?;
    for field in [Field::Label, Field::Annotation] {
        for (key, value) in fields.object(field.member())?.map(by_name).unwrap_or_default() {
            let fault = |message| DecodeError::new(format!("{}[{key:?}]", field.member()), message);
            let setting = key_template(field, key)
                .and_then(|key| Ok(Setting { field, key, value: checked_source(field, value)? }));
            hook.set.push(setting.map_err(fault)?);
        }
    }
    Ok(())
}

fn node_selector(entries: &Object<String, Value>) -> Read<Vec<(String, Source)>> {
    let one = |(key, value): (&str, &Value)| {
        let source = check_label_key(key)
            .map_err(|error| error.to_string())
            .and_then(|()| checked_source(Field::Label, value));
        let source = source.and_then(|source| match &source {
            Source::Text(text) if text.needs_namespace() => {
                Err("a node pool of one namespace is none: leave out {{namespace}}".to_owned())
            }
            _ => Ok(source),
        });
        source
            .map(|source| (key.to_owned(), source))
            .map_err(|message| DecodeError::new(format!("nodeSelector[{key:?}]"), message))
    };
    by_name(entries).into_iter().map(one).collect()
}

/// What has no tag is known already, and so checked now.
fn checked_source(field: Field, value: &Value) -> Result<Source, String> {
    match value {
        Value::String(text) => {
            if field == Field::Label && !text.contains("{{") {
                check_label_value(text).map_err(|error| error.to_string())?;
            }
            Template::parse(text, Grammar::Strict)
                .map(Source::Text)
                .map_err(|error| error.to_string())
        }
        Value::Object(_) => {
            let fields = Fields::read(value, &["fromPath"]).map_err(|error| error.to_string())?;
            let path = fields
                .read_text("fromPath")
                .map_err(|error| error.to_string())?
                .unwrap_or_default();
            Place::parse(path).map(Source::Path).map_err(|message| format!("fromPath: {message}"))
        }
        other => Err(format!(
            "{} is no text: put it in quotes, or write {{fromPath: …}}",
            text::print(other)
        )),
    }
}

fn read_remove(item: &Value, hook: &mut Hook) -> Read<()> {
    let fields = Fields::read(item, &["labels", "annotations"])?;
    for field in [Field::Label, Field::Annotation] {
        for (index, value) in fields.list(field.member())?.unwrap_or_default().iter().enumerate() {
            let path = format!("{}[{index}]", field.member());
            let key = value.as_str().ok_or_else(|| mismatch(&path, value, "a string"))?;
            let key =
                key_template(field, key).map_err(|message| DecodeError::new(path, message))?;
            hook.remove.push(Removal { field, key });
        }
    }
    Ok(())
}

/// A key that a hook may write: not landlord's own, and none that decides where Pods run.
fn key_template(field: Field, key: &str) -> Result<Template, String> {
    if keys::is_reserved(Dialect::Landlord, key)
        || keys::is_placement(&Key { field, name: key.to_owned() })
        || key == NAME_LABEL
    {
        return Err(format!(
            "{field} {key:?} is written by landlord itself: use `nodeSelector`, or the tenant's own fields"
        ));
    }
    let template = Template::parse(key, Grammar::Strict).map_err(|error| error.to_string())?;
    let check = if field == Field::Label { check_label_key } else { check_annotation_key };
    if key.contains("{{") {
        Ok(template)
    } else {
        check(key).map(|()| template).map_err(|error| error.to_string())
    }
}
