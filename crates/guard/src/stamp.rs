//! Stamp: what a creator brings of landlord's own annotations goes, and who the creator is is
//! written instead. So a claim that was made while no webhook was asked is judged later by who made
//! it.

use tenancy::keys::{CREATOR, OWN_ANNOTATIONS};

use super::expression::{field_or, list, quote};
use super::policy::{Effect, Named, Policy, Validation};
use super::{Guard, Part};

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    Policy {
        part: Part::Stamp,
        rule: (&["namespaces"], &["CREATE"]),
        label: None,
        tenants: None,
        conditions: conditions(guard),
        variables: variables(),
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
    let mut variables = variables();
    variables.push(("forged", forged));
    Policy {
        variables,
        effect: Effect::Validate(vec![Validation { expression, message }]),
        ..policy(guard)
    }
}

fn variables() -> Vec<Named> {
    vec![
        ("annotations", field_or("object.metadata.annotations", "{}")),
        ("groups", field_or("request.userInfo.groups", "[]")),
        ("creator", creator()),
    ]
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
    let [head, middle, tail] = [r#"{"username":"#, r#","groups":["#, "]}"].map(quote);
    format!(
        "{head} + strings.quote(request.userInfo.username) + {middle} + variables.groups.map(g, strings.quote(g)).join(\",\") + {tail}"
    )
}

/// The known keys are looked for, and not the known prefix in all keys: a creator may bring 40 000,
/// and CEL takes its time for each.
fn patch() -> String {
    let (own, key) = (list(OWN_ANNOTATIONS), quote(CREATOR));
    format!(
        r#"(has(object.metadata.annotations) ? [] : [JSONPatch{{op: "add", path: "/metadata/annotations", value: {{}}}}])
+ {own}.filter(k, k in variables.annotations).map(k,
    JSONPatch{{op: "remove", path: "/metadata/annotations/" + jsonpatch.escapeKey(k)}})
+ [JSONPatch{{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey({key}), value: variables.creator}}]"#
    )
}
