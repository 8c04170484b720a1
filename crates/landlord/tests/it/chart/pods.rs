//! Pods and what selects them.

use serde_json::json;

use super::{of_kind, rendered, sets, the};

/// What a cluster that restricts Pods asks of this one.
#[test]
fn the_pod_may_do_nothing_that_it_need_not() {
    for (what, values) in sets() {
        let objects = rendered(values);
        let spec = &the(&objects, "Deployment")["spec"]["template"]["spec"];
        let context = &spec["securityContext"];
        assert!(
            context["runAsNonRoot"] == true && context["runAsUser"].as_i64() > Some(0),
            "{what}: {context}"
        );
        assert_eq!(context["seccompProfile"], json!({"type": "RuntimeDefault"}), "{what}");
        let dropped = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
        assert_eq!(spec["containers"][0]["securityContext"], dropped, "{what}");
    }
}

/// Selectors find the Pods that they are about.
#[test]
fn selectors_match_the_pods() {
    let objects =
        rendered(json!({"serviceMonitor": {"enabled": true}, "podLabels": {"team": "x"}}));
    let labels = &the(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
    let service = the(&objects, "Service");
    for (what, selector, labels) in [
        ("Deployment", &the(&objects, "Deployment")["spec"]["selector"]["matchLabels"], labels),
        ("Service", &service["spec"]["selector"], labels),
        (
            "PodDisruptionBudget",
            &the(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            labels,
        ),
        (
            "NetworkPolicy",
            &the(&objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
            labels,
        ),
        (
            "ServiceMonitor",
            &the(&objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"],
            &service["metadata"]["labels"],
        ),
    ] {
        let selector = selector.as_object().expect("labels");
        assert!(
            !selector.is_empty() && selector.iter().all(|(key, value)| &labels[key] == value),
            "{what}: {selector:?} of {labels}"
        );
    }
    assert!(
        of_kind(&rendered(json!({"replicas": 1})), "PodDisruptionBudget").is_empty(),
        "a single replica can be moved"
    );
}
