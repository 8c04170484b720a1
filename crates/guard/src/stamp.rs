//! Stamp: what a creator brings of landlord's own annotations goes, and who the creator is is
//! written instead. So a claim that was made while no webhook was asked is judged later by who made
//! it. An admin who changes what says whose the namespace is takes the creator's place, with what they
//! wrote.

use tenancy::keys::{CREATOR, OWN_ANNOTATIONS};
use tenancy::metadata::Field;

use super::expression::{field_or, list, quote};
use super::policy::{Effect, Named, Policy, Validation};
use super::references::is_tenant;
use super::{Guard, Part};

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    Policy {
        part: Part::Stamp,
        rule: (&["namespaces"], &["CREATE", "UPDATE"]),
        label: None,
        object_label: None,
        tenants: None,
        conditions: conditions(guard)
            .into_iter()
            .chain([("created-or-moved", format!("{IS_CREATED} ||\n{}", is_moved(guard)))])
            .collect(),
        variables: variables(guard),
        effect: Effect::Mutate(vec![patch()]),
    }
}

/// The same where nothing can be written: landlord's own annotations are refused. A stamp that
/// says who the creator is is none of them, so that this form can stand beside the other.
pub(super) fn refusing(guard: &Guard<'_>) -> Policy {
    let (own, key) = (list(OWN_ANNOTATIONS), quote(CREATOR));
    let message = r#""annotations " + variables.forged.join(", ") + " are landlord's own: create the namespace without them""#.to_owned();
    let forged = format!(
        "{own}.filter(k, k in variables.annotations && !(k == {key} && variables.annotations[k] == variables.creator))"
    );
    let expression = "size(variables.forged) == 0".to_owned();
    let mut variables = variables(guard);
    variables.push(("forged", forged));
    Policy {
        rule: (&["namespaces"], &["CREATE"]),
        conditions: conditions(guard),
        variables,
        effect: Effect::Validate(vec![Validation { expression, message }]),
        ..policy(guard)
    }
}

fn variables(guard: &Guard<'_>) -> Vec<Named> {
    vec![
        ("annotations", field_or("object.metadata.annotations", "{}")),
        ("groups", field_or("request.userInfo.groups", "[]")),
        ("moved", moved(guard)),
        ("creator", creator()),
    ]
}

const IS_CREATED: &str = "request.operation == \"CREATE\"";

/// Labels, or annotations, that say whose the namespace is, as CEL: the keys, and the maps before
/// and after.
fn evidence(guard: &Guard<'_>, field: Field) -> Option<[String; 3]> {
    let keys = guard.settings.evidence_keys(field);
    let map = |object: &str| {
        format!("({})", field_or(&format!("{object}.metadata.{}", field.member()), "{}"))
    };
    (!keys.is_empty()).then(|| [list(keys), map("oldObject"), map("object")])
}

/// The owner references to tenants, before and after, as CEL.
fn references(guard: &Guard<'_>) -> Option<[String; 2]> {
    let is_tenant = is_tenant(guard)?;
    Some(["oldObject", "object"].map(|object| {
        let all = field_or(&format!("{object}.metadata.ownerReferences"), "[]");
        format!("({all}).filter(o, {is_tenant})")
    }))
}

/// Whether an admin changes what says whose the namespace is.
fn is_moved(guard: &Guard<'_>) -> String {
    let changes = |[keys, old, new]: [String; 3]| {
        format!(
            "{keys}.exists(k, (k in {new}) != (k in {old}) || k in {new} && {new}[k] != {old}[k])"
        )
    };
    let fields = [Field::Label, Field::Annotation].map(|field| evidence(guard, field).map(changes));
    let owners = references(guard).map(|[old, new]| format!("{old} != {new}"));
    let changed: Vec<String> = fields.into_iter().chain([owners]).flatten().collect();
    let [admin, controller] = [guard.is_admin(), guard.is_controller()];
    format!("({admin}) && !({controller}) && ({})", changed.join(" ||\n"))
}

/// What the admin wrote there, as a list of JSON texts.
fn moved(guard: &Guard<'_>) -> String {
    let values = |[keys, old, new]: [String; 3]| {
        format!(
            "{keys}.filter(k, k in {new} && (!(k in {old}) || {new}[k] != {old}[k])).map(k, strings.quote({new}[k]))"
        )
    };
    let fields = [Field::Label, Field::Annotation].map(|field| evidence(guard, field).map(values));
    let owners = references(guard)
        .map(|[old, new]| format!("({old} == {new} ? [] : {new}.map(o, strings.quote(o.name)))"));
    fields.into_iter().chain([owners]).flatten().collect::<Vec<_>>().join(" +\n")
}

/// A name that the API server has yet to make is not known here.
fn conditions(guard: &Guard<'_>) -> Vec<Named> {
    let excluded = guard.excludes("object.metadata.name");
    excluded
        .map(|excluded| ("not-excluded", format!("!has(object.metadata.name) || !({excluded})")))
        .into_iter()
        .collect()
}

/// The requester as JSON. Characters that CEL quotes in another way than JSON make a stamp that is
/// nobody's.
fn creator() -> String {
    let [head, middle, moved, tail] =
        [r#"{"username":"#, r#","groups":["#, r#"],"moved":["#, "]}"].map(quote);
    format!(
        "{head} + strings.quote(request.userInfo.username) + {middle} + variables.groups.map(g, strings.quote(g)).join(\",\")
+ ({IS_CREATED} ? \"\" : {moved} + variables.moved.join(\",\")) + {tail}"
    )
}

/// The known keys are looked for, and not the known prefix in all keys: a creator may bring 40 000,
/// and CEL takes its time for each.
fn patch() -> String {
    let (own, key) = (list(OWN_ANNOTATIONS), quote(CREATOR));
    format!(
        r#"(has(object.metadata.annotations) ? [] : [JSONPatch{{op: "add", path: "/metadata/annotations", value: {{}}}}])
+ ({IS_CREATED} ? {own} : []).filter(k, k in variables.annotations).map(k,
    JSONPatch{{op: "remove", path: "/metadata/annotations/" + jsonpatch.escapeKey(k)}})
+ [JSONPatch{{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey({key}), value: variables.creator}}]"#
    )
}
