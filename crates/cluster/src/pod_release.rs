//! Pod release: what is to be done with one gated Pod. Pure.

use std::fmt;

use guard::GATE;
use json_patch::{Patch, PatchOperation};
use k8s_openapi::api::core::v1::Toleration;
use serde_json::json;

use crate::gated_pod::GatedPod;
use crate::operation::{add, remove, test};
use crate::placement::Placement;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Send this JSON patch.
    Release(Patch),
    /// It would have to run where its own selector does not let it.
    Clash(Clash),
    /// Its namespace is not compliant yet.
    Wait,
}

/// Keys for which the Pod and its namespace want different values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    tenant: Option<String>,
    /// Key, the Pod's value, the namespace's.
    keys: Vec<(String, String, String)>,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |value: fn(&(String, String, String)) -> &String| {
            self.keys
                .iter()
                .map(|one| format!("{}={}", one.0, value(one)))
                .collect::<Vec<_>>()
                .join(",")
        };
        let whose = self
            .tenant
            .as_ref()
            .map_or("the namespace".to_owned(), |tenant| format!("tenant {tenant:?}"));
        write!(
            f,
            "the Pod's nodeSelector says {}, that of {whose} {}: take the key out of the Pod (or of the template it is made from), or write \
             the same value, and create the Pod anew",
            list(|one| &one.1),
            list(|one| &one.2),
        )
    }
}

/// Decides about a Pod by the placement of its namespace; without placement it waits.
pub fn release(placement: Option<&Placement>, pod: &GatedPod) -> Verdict {
    let Some((placement, gate)) = placement.zip(pod.gates.iter().position(|gate| gate == GATE))
    else {
        return Verdict::Wait;
    };
    let differs = |(key, value): (&str, &str)| {
        let own = pod.node_selector.get(key).filter(|own| *own != value)?;
        Some((key.to_owned(), own.clone(), value.to_owned()))
    };
    let keys: Vec<_> = placement.selector.iter().filter_map(differs).collect();
    if keys.is_empty() {
        Verdict::Release(patch(placement, pod, gate))
    } else {
        Verdict::Clash(Clash { tenant: placement.tenant.clone(), keys })
    }
}

/// All in one, and only on the very state that was looked at.
fn patch(placement: &Placement, pod: &GatedPod, gate: usize) -> Patch {
    let guards = [("uid", &pod.uid), ("resourceVersion", &pod.version)];
    let guards = guards.map(|(field, value)| test(["metadata", field], value.as_str()));
    let gate = remove(["spec", "schedulingGates", &gate.to_string()]);
    Patch(
        guards
            .into_iter()
            .chain(selector(placement, pod))
            .chain(tolerations(placement, pod))
            .chain([gate])
            .collect(),
    )
}

/// Adds the keys that the Pod does not have.
fn selector(placement: &Placement, pod: &GatedPod) -> Vec<PatchOperation> {
    let missing =
        placement.selector.iter().filter(|(key, _)| !pod.node_selector.contains_key(*key));
    let adds = missing.map(|(key, value)| add(["spec", "nodeSelector", key], value));
    let whole = (pod.node_selector.is_empty() && !placement.selector.is_empty())
        .then(|| add(["spec", "nodeSelector"], json!({})));
    whole.into_iter().chain(adds).collect()
}

/// Adds the tolerations that the Pod's own do not cover.
fn tolerations(placement: &Placement, pod: &GatedPod) -> Vec<PatchOperation> {
    let lacking = placement
        .tolerations
        .iter()
        .filter(|wanted| !pod.tolerations.iter().any(|own| covers(own, wanted)));
    let adds: Vec<PatchOperation> =
        lacking.map(|wanted| add(["spec", "tolerations", "-"], json!(wanted))).collect();
    let whole = (pod.tolerations.is_empty() && !adds.is_empty())
        .then(|| add(["spec", "tolerations"], json!([])));
    whole.into_iter().chain(adds).collect()
}

/// Whether a taint that `wanted` tolerates is tolerated by `own` as well, for as long (`isSuperset`
/// of `k8s.io/kubernetes/pkg/util/tolerations`).
fn covers(own: &Toleration, wanted: &Toleration) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (key, effect, operator) = (text(&own.key), text(&own.effect), text(&own.operator));
    let exists = operator == "Exists";
    let equal = ["", "Equal"].contains(&operator.as_str())
        && text(&wanted.operator) != "Exists"
        && text(&own.value) == text(&wanted.value);
    (key == text(&wanted.key) || (key.is_empty() && exists))
        && (effect.is_empty() || effect == text(&wanted.effect))
        && own.toleration_seconds.is_none()
        && (exists || equal)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::Value;

    use super::*;
    use crate::gated_pod::{a_pod, a_toleration};

    fn placement(selector: &str, tolerations: &[Toleration]) -> Placement {
        Placement {
            tenant: Some("solar".to_owned()),
            selector: selector.parse().expect("a selector"),
            tolerations: tolerations.to_vec(),
        }
    }

    /// What the patch does beside its two tests, an operation a line.
    fn changes(placement: &Placement, pod: &GatedPod) -> Vec<String> {
        let Verdict::Release(patch) = release(Some(placement), pod) else { panic!("no release") };
        let Value::Array(patch) = json!(patch) else { panic!("no list") };
        let guards = [("uid", &pod.uid), ("resourceVersion", &pod.version)];
        let guards = guards.map(|(field, value)| json!({"op": "test", "path": format!("/metadata/{field}"), "value": value}));
        assert_eq!(patch[..2], guards);
        let text = |one: &Value| one.as_str().unwrap_or_default().to_owned();
        let line = |op: &Value| match &op["value"] {
            Value::Null => format!("{} {}", text(&op["op"]), text(&op["path"])),
            value => format!("{} {} {value}", text(&op["op"]), text(&op["path"])),
        };
        patch[2..].iter().map(line).collect()
    }

    const LAST: &str = "remove /spec/schedulingGates/0";

    #[rstest]
    #[case::nothing_is_demanded("", json!({}), &[LAST])]
    #[case::all("pool=solar", json!({}), &["add /spec/nodeSelector {}", "add /spec/nodeSelector/pool \"solar\"", LAST])]
    #[case::more("pool=solar", json!({"disk": "ssd"}), &["add /spec/nodeSelector/pool \"solar\"", LAST])]
    #[case::some("a.b/c=,pool=solar", json!({"pool": "solar"}), &["add /spec/nodeSelector/a.b~1c \"\"", LAST])]
    #[case::none("pool=solar", json!({"pool": "solar"}), &[LAST])]
    fn missing_keys_are_added(#[case] selector: &str, #[case] own: Value, #[case] wanted: &[&str]) {
        assert_eq!(changes(&placement(selector, &[]), &a_pod(own, &[], &[GATE])), wanted);
    }

    #[rstest]
    #[case::first(&[GATE, "other"], "remove /spec/schedulingGates/0")]
    #[case::last(&["a", "b", GATE], "remove /spec/schedulingGates/2")]
    fn other_gates_stay(#[case] gates: &[&str], #[case] wanted: &str) {
        assert_eq!(changes(&placement("", &[]), &a_pod(json!({}), &[], gates)), [wanted]);
    }

    #[rstest]
    #[case::itself("pool=solar:NoSchedule", true)]
    #[case::every_value("pool:NoSchedule", true)]
    #[case::every_effect("pool=solar:", true)]
    #[case::everything(":", true)]
    #[case::another_value("pool=lunar:NoSchedule", false)]
    #[case::another_key("tier=solar:NoSchedule", false)]
    #[case::another_effect("pool=solar:NoExecute", false)]
    fn what_the_pod_tolerates_is_not_added(#[case] own: &str, #[case] enough: bool) {
        let wanted = a_toleration("pool=solar:NoSchedule");
        let pod = a_pod(json!({}), &[a_toleration(own)], &[GATE]);
        let add = format!("add /spec/tolerations/- {}", json!(wanted));
        let changed = changes(&placement("", &[wanted]), &pod);
        assert_eq!(
            changed,
            if enough { vec![LAST.to_owned()] } else { vec![add, LAST.to_owned()] }
        );
    }

    #[test]
    fn what_is_tolerated_for_a_while_is_not_tolerated() {
        let wanted = a_toleration("pool=solar:NoExecute");
        let own = Toleration { toleration_seconds: Some(300), ..wanted.clone() };
        assert_eq!(changes(&placement("", &[wanted]), &a_pod(json!({}), &[own], &[GATE])).len(), 2);
    }

    #[test]
    fn a_pod_without_tolerations_gets_a_list() {
        let wanted = a_toleration("pool:NoSchedule");
        let changed =
            changes(&placement("", std::slice::from_ref(&wanted)), &a_pod(json!({}), &[], &[GATE]));
        assert_eq!(
            changed,
            [
                "add /spec/tolerations []",
                &format!("add /spec/tolerations/- {}", json!(wanted)),
                LAST
            ]
        );
    }

    #[test]
    fn it_waits_without_a_placement_and_without_the_gate() {
        assert_eq!(release(None, &a_pod(json!({}), &[], &[GATE])), Verdict::Wait);
        assert_eq!(
            release(Some(&placement("", &[])), &a_pod(json!({}), &[], &["other"])),
            Verdict::Wait
        );
    }

    #[test]
    fn a_clash_names_both_values_and_the_remedy() {
        let pod = a_pod(json!({"pool": "lunar", "tier": "prod", "disk": "ssd"}), &[], &[GATE]);
        let Verdict::Clash(clash) =
            release(Some(&placement("pool=solar,tier=test,disk=ssd", &[])), &pod)
        else {
            panic!("no clash")
        };
        assert_eq!(
            clash.to_string(),
            "the Pod's nodeSelector says pool=lunar,tier=prod, that of tenant \"solar\" pool=solar,tier=test: take the key out of the Pod (or \
             of the template it is made from), or write the same value, and create the Pod anew"
        );
    }
}
