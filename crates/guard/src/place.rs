//! Place: the work of the plugins `PodNodeSelector` and `PodTolerationRestriction` in clusters that
//! have neither. A Pod with another value for a key keeps it here and is refused by *deny*.

use super::expression::names_its_node;
use super::policy::{Effect, Policy};
use super::{Guard, Part, pods};

/// A Pod's toleration `p` says the same as the wanted one `t`; an absent operator means `Equal`.
const SAME: &str = r#"has(p.key) && p.key == t[0] && (has(p.operator) ? p.operator : "Equal") == t[1]
        && (has(p.value) ? p.value : "") == t[2] && has(p.effect) && p.effect == t[3] && !has(p.tolerationSeconds)"#;

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    let mut variables = pods::readiness(guard);
    variables.extend(pods::selectors());
    variables.extend(pods::tolerations());
    variables.push((
        "missing",
        "variables.pairs.filter(p, !(p[0] in variables.nodeSelector))".to_owned(),
    ));
    variables.push((
        "missingTolerations",
        format!("variables.wanted.filter(t, !variables.tolerations.exists(p,\n        {SAME}))"),
    ));
    let free = ("names-no-node", format!("!({})", names_its_node("object")));
    Policy {
        part: Part::Place,
        rule: (&["pods"], &["CREATE"]),
        label: guard.selecting_label(),
        object_label: None,
        tenants: None,
        conditions: guard.not_excluded("request.namespace").into_iter().chain([free]).collect(),
        variables,
        effect: Effect::Mutate(vec![selector_patch(), tolerations_patch()]),
    }
}

/// What a namespace that is not ready says may be wrong, and a Pod's node selector cannot be
/// changed later.
fn selector_patch() -> String {
    r#"!variables.ready || size(variables.missing) == 0 ? [] :
(has(object.spec.nodeSelector) ? [] : [JSONPatch{op: "add", path: "/spec/nodeSelector", value: {}}])
+ variables.missing.map(p, JSONPatch{op: "add", path: "/spec/nodeSelector/" + jsonpatch.escapeKey(p[0]), value: p[1]})"#
        .to_owned()
}

fn tolerations_patch() -> String {
    r#"!variables.ready || size(variables.missingTolerations) == 0 ? [] :
(has(object.spec.tolerations) ? [] : [JSONPatch{op: "add", path: "/spec/tolerations", value: []}])
+ variables.missingTolerations.map(t, JSONPatch{op: "add", path: "/spec/tolerations/-",
    value: Object.spec.tolerations{key: t[0], operator: t[1], value: t[2], effect: t[3]}})"#
        .to_owned()
}
