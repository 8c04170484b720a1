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
        variables: vec![
            ("annotations", field_or("object.metadata.annotations", "{}")),
            ("groups", field_or("request.userInfo.groups", "[]")),
            ("creator", creator()),
        ],
        effect: Effect::Mutate(vec![patch()]),
    }
}

/// The same where nothing can be written: landlord's own annotations are refused.
pub(super) fn refusing(guard: &Guard<'_>) -> Policy {
    let own = list(OWN_ANNOTATIONS);
    let message = format!(
        r#""annotations " + {own}.filter(k, k in variables.annotations).join(", ") + " are landlord's own: create the namespace without them""#
    );
    let expression = format!("!{own}.exists(k, k in variables.annotations)");
    Policy {
        variables: vec![("annotations", field_or("object.metadata.annotations", "{}"))],
        effect: Effect::Validate(vec![Validation { expression, message }]),
        ..policy(guard)
    }
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
