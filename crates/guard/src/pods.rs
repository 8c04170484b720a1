//! Pods: what the policies about Pods know of the Pod's namespace. A namespace is ready if its
//! ledger says so.

use tenancy::keys::{NODE_SELECTOR, TOLERATIONS, UNCLAIMED};
use tenancy::ledger;
use tenancy::ready::LIST;
use tenancy::settings::GuardScope;

use super::Guard;
use super::expression::{field_or, quote, value_of};
use super::policy::Named;

/// `variables.ready`, and what it is made of.
pub(super) fn readiness(guard: &Guard<'_>) -> Vec<Named> {
    vec![
        ("labels", field_or("namespaceObject.metadata.labels", "{}")),
        ("annotations", field_or("namespaceObject.metadata.annotations", "{}")),
        ("tenant", value_of("variables.labels", guard.settings.tenant_label())),
        ("ledger", value_of("variables.annotations", ledger::ANNOTATION)),
        ("listed", listed()),
        ("ready", ready(guard)),
    ]
}

/// `variables.pairs`: keys and values of the namespace's node selector; and the Pod's own
/// `variables.nodeSelector`.
pub(super) fn selectors() -> Vec<Named> {
    vec![
        ("selector", value_of("variables.annotations", NODE_SELECTOR)),
        ("pairs", r#"variables.selector == "" ? [] : variables.selector.split(",").map(p, p.split("=").map(s, s.trim()))"#.to_owned()),
        ("nodeSelector", field_or("object.spec.nodeSelector", "{}")),
    ]
}

/// `variables.wanted`: the namespace's tolerations as `[key, operator, value, effect]`; and the
/// Pod's own `variables.tolerations`.
pub(super) fn tolerations() -> Vec<Named> {
    let split = r#"variables.compact == "" ? [] : variables.compact.split(",").map(t,
    t.split(":")[0].contains("=") ? [t.split("=")[0], "Equal", t.split(":")[0].split("=")[1], t.split(":")[1]]
    : [t.split(":")[0], "Exists", "", t.split(":")[1]])"#;
    vec![
        ("compact", value_of("variables.annotations", TOLERATIONS)),
        ("wanted", split.to_owned()),
        ("tolerations", field_or("object.spec.tolerations", "[]")),
    ]
}

/// The ledger's list of annotations. What it remembers of values stands after it, and could be
/// anything.
fn listed() -> String {
    let list = quote(LIST);
    format!(
        "variables.ledger.contains({list}) ? variables.ledger.split({list})[1].split(\"]\")[0] : \"\""
    )
}

/// Labels hold nothing that JSON would quote, so the beginning of a ledger can be told without a
/// parser.
fn ready(guard: &Guard<'_>) -> String {
    let (head, key) = (quote(r#"{"tenant":""#), quote(NODE_SELECTOR));
    let listed = quote(&format!("{NODE_SELECTOR:?}"));
    let claimed = format!(
        "variables.ledger.startsWith({head} + variables.tenant + \"\\\"\") && (!variables.listed.contains({listed}) || {key} in variables.annotations)"
    );
    match guard.scope {
        GuardScope::Labelled => claimed,
        GuardScope::All => format!(
            "variables.tenant == \"\" ? {} in variables.annotations : {claimed}",
            quote(UNCLAIMED)
        ),
    }
}
