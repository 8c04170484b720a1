//! Deny: a Pod is refused that names its node, whose namespace is not ready, or that does not carry
//! the namespace's node selector. With *hold* Pods that wait are let in; letting one go is judged
//! like its creation, unless the controller does it: a Pod may have waited at a gate of its own
//! since its namespace had another selector.

use super::expression::{has_gates, is_held, names_its_node};
use super::policy::{Effect, Named, Policy, Validation};
use super::{Guard, Part, pods};

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    let mut variables = pods::readiness(guard);
    variables.extend(pods::selectors());
    variables.extend(verdicts(guard));
    Policy {
        part: Part::Deny,
        rule: (&["pods"], &["CREATE", "UPDATE"]),
        label: guard.selecting_label(),
        object_label: None,
        tenants: None,
        conditions: guard
            .not_excluded("request.namespace")
            .into_iter()
            .chain([beginning(guard)])
            .collect(),
        variables,
        effect: Effect::Validate(vec![unnamed(), ready(), carrying()]),
    }
}

/// A Pod begins its way to a node when it is created, when it leaves landlord's gate, and when it
/// leaves its last gate, no matter whose.
fn beginning(guard: &Guard<'_>) -> Named {
    let [held, still_held] = ["oldObject", "object"].map(is_held);
    let [gated, still_gated] = ["oldObject", "object"].map(has_gates);
    (
        "created-or-let-go",
        format!(
            "request.operation == \"CREATE\" ||\n({held} && !({still_held}) ||\n{gated} && !({still_gated})) && !({})",
            guard.is_controller()
        ),
    )
}

fn verdicts(guard: &Guard<'_>) -> Vec<Named> {
    let waits = if guard.holds() { is_held("object") } else { "false".to_owned() };
    vec![
        ("named", names_its_node("object")),
        ("admin", guard.is_admin()),
        ("waits", waits),
        ("carries", "variables.pairs.all(p, p[0] in variables.nodeSelector && variables.nodeSelector[p[0]] == p[1])".to_owned()),
        ("differs", "variables.pairs.exists(p, p[0] in variables.nodeSelector && variables.nodeSelector[p[0]] != p[1])".to_owned()),
    ]
}

fn unnamed() -> Validation {
    Validation {
        expression: "!variables.named || variables.admin".to_owned(),
        message: r#""the Pod names its node (" + object.spec.nodeName + "), and in namespace " + request.namespace
+ " only admins may: leave spec.nodeName to the scheduler""#
            .to_owned(),
    }
}

/// A Pod of an admin that names its node goes where the admin says.
fn ready() -> Validation {
    Validation {
        expression: "variables.named || variables.ready || variables.waits".to_owned(),
        message: r#""namespace " + request.namespace + " is not ready: landlord has yet to write what "
+ (variables.tenant == "" ? "belongs" : "tenant " + variables.tenant + " wants") + " on it; try again in a moment, or ask `landlord explain "
+ request.namespace + "` why""#
            .to_owned(),
    }
}

fn carrying() -> Validation {
    Validation {
        expression: "variables.named || !variables.ready || (variables.waits ? !variables.differs : variables.carries)".to_owned(),
        message: r#""the Pod does not carry the node selector " + variables.selector + " of namespace " + request.namespace
+ ": leave these keys out of spec.nodeSelector and create it again""#
            .to_owned(),
    }
}
