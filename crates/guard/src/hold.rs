//! Hold: a Pod in a namespace that is not ready waits at a scheduling gate instead of failing, and
//! so does one that the plugin `PodNodeSelector` judged by an older state of the namespace. The
//! controller releases them.

use super::expression::{is_held, names_its_node, quote};
use super::policy::{Effect, Policy};
use super::{GATE, Guard, Part, pods};

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    let mut variables = pods::readiness(guard);
    variables.extend(pods::selectors());
    variables.push(("waits", waits(guard).to_owned()));
    let free = [
        ("names-no-node", format!("!({})", names_its_node("object"))),
        ("not-held-yet", format!("!({})", is_held("object"))),
    ];
    Policy {
        part: Part::Hold,
        rule: (&["pods"], &["CREATE"]),
        label: guard.selecting_label(),
        object_label: None,
        tenants: None,
        conditions: guard.not_excluded("request.namespace").into_iter().chain(free).collect(),
        variables,
        effect: Effect::Mutate(vec![patch()]),
    }
}

/// Where *place* fills in what is missing, nothing is missing.
fn waits(guard: &Guard<'_>) -> &'static str {
    if guard.place {
        "!variables.ready"
    } else {
        "!variables.ready || variables.pairs.exists(p, !(p[0] in variables.nodeSelector))"
    }
}

/// The list first, where there is none: an API server of 1.36 panics on a list with an object in it.
fn patch() -> String {
    let gate = format!("Object.spec.schedulingGates{{name: {}}}", quote(GATE));
    format!(
        r#"!variables.waits ? [] :
(has(object.spec.schedulingGates) ? [] : [JSONPatch{{op: "add", path: "/spec/schedulingGates", value: []}}])
+ [JSONPatch{{op: "add", path: "/spec/schedulingGates/-", value: {gate}}}]"#
    )
}

#[cfg(test)]
mod tests {
    use super::Guard;
    use serde_json::{Value, json};
    use tenancy::settings::Settings;

    /// Kubernetes 1.36.3 ends the request by a panic: `reflect.Set: value of type *structpb.Struct`.
    #[test]
    fn no_list_of_a_patch_has_an_object_in_it() {
        let settings = Settings::from_value(&json!({})).expect("settings");
        let guard = Guard { place: true, ..Guard::new(&settings) };
        let text = Value::from(guard.objects()).to_string();
        assert!(text.contains("value: Object.spec.schedulingGates"), "{text}");
        assert!(!text.contains("[Object"), "{text}");
    }
}
