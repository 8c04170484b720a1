//! Settings: what the chart makes of them, and which values it refuses.

use rstest::rstest;
use serde_json::{Value, json};

use super::{of_kind, rendered, settings, the};
use crate::helm::{CHART, helm, render};
use crate::landlord::{root, run};

/// The controller's service account is named, and its namespace is never looked at, wherever it is.
#[test]
fn settings_follow_the_release() {
    assert_eq!(
        settings(&rendered(json!({}))),
        json!({"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}),
        "the engine's defaults are left out"
    );

    let elsewhere =
        render("tenancy", &json!({"serviceAccount": {"name": "keeper"}})).expect("valid values");
    let schema: Value = serde_json::from_str(&run("schema").out).expect("JSON");
    let mut excluded =
        schema["properties"]["excludedNamespaces"]["default"].as_array().expect("a list").clone();
    excluded.push(json!("tenancy"));
    let found = settings(&elsewhere);
    assert_eq!(
        (&found["controller"], &found["excludedNamespaces"]),
        (&json!("tenancy:keeper"), &json!(excluded))
    );
    let account = json!({"kind": "ServiceAccount", "namespace": "tenancy", "name": "keeper"});
    assert!(
        of_kind(&elsewhere, "ClusterRoleBinding")
            .iter()
            .filter(|binding| binding["metadata"]["annotations"]["helm.sh/hook"].is_null())
            .all(|binding| binding["subjects"] == json!([account]))
    );
    assert_eq!(
        the(&elsewhere, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"],
        "keeper"
    );
}

/// And so is the Kubewarden policy's own namespace; the release's is excluded beside the values'.
#[test]
fn policies_follow_the_release() {
    let policy =
        json!({"enabled": true, "pods": {"enabled": true}, "serviceAccount": {"namespace": "kw"}});
    let own = render(
        "tenancy",
        &json!({"settings": {"excludedNamespaces": ["kube-*"]}, "policy": policy}),
    )
    .expect("valid values");
    let policies = of_kind(&own, "ClusterAdmissionPolicy");
    assert!(
        policies.iter().all(|one| one["spec"]["settings"]["excludedNamespaces"]
            == json!(["kube-*", "tenancy", "kw"])),
        "{policies:#?}"
    );
    let conditions = policies
        .iter()
        .map(|one| &one["spec"]["matchConditions"][0]["expression"])
        .collect::<Vec<_>>();
    assert!(
        conditions.contains(&&json!(
            "!(request.namespace in ['tenancy', 'kw']) && !request.namespace.matches('^kube-.*$')"
        )),
        "{conditions:?}"
    );
    let ours = "request.operation == 'CREATE' || request.userInfo.username != 'system:serviceaccount:tenancy:controller'";
    assert!(conditions.contains(&&json!(ours)), "{conditions:?}");
    assert!(of_kind(&own, "ConfigMap").is_empty(), "one document");
}

/// Helm warns of a map in the place of a default that is none, as if the map did not count.
#[test]
fn another_source_is_no_reason_for_a_warning() {
    let values = json!({"settings": {"tenantSource": {"inline": [{"name": "solar"}]}}});
    let run = helm(["template", "landlord", CHART], &values, None);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
}

/// Without a webhook, the guard is all that judges a namespace without the tenant label.
#[test]
fn the_guard_looks_at_all_where_no_webhook_does() {
    let scope = |values: Value| settings(&rendered(values))["guard"].clone();
    assert_eq!(scope(json!({})), json!({"scope": "all"}));
    assert_eq!(
        scope(json!({"settings": {"guard": {"onUnready": "deny"}}})),
        json!({"scope": "all", "onUnready": "deny"})
    );
    assert_eq!(
        scope(json!({"settings": {"guard": {"scope": "labelled"}}})),
        json!({"scope": "labelled"}),
        "what is asked for is taken"
    );
    let shipped = std::fs::read_to_string(root().join("deploy/controller-only.yaml"));
    assert!(shipped.expect("the file").contains("guard:\n      scope: all\n"));
}

#[rstest]
#[case::another_controller(json!({"settings": {"controller": "kube-system:other"}}), "the controller of this release is \"landlord:controller\"")]
#[case::a_strategy_without_a_policy(json!({"settings": {"strategy": {"mode": "auto"}}}), "set policy.enabled=true")]
#[case::pods_without_a_policy(json!({"policy": {"pods": {"enabled": true}}}), "policy.pods.enabled needs policy.enabled=true")]
#[case::pods_that_nothing_releases(json!({"guard": {"enabled": false}, "policy": {"enabled": true, "pods": {"enabled": true, "hold": true}}}), "set guard.enabled=true or releasePods=true")]
#[case::place_without_a_guard(json!({"guard": {"enabled": false, "place": true}}), "set guard.enabled=true")]
#[case::a_guard_that_may_be(json!({"guard": {"enabled": "maybe"}}), "/guard/enabled")]
#[case::a_label_that_is_none(json!({"commonLabels": {"a": 1}}), "/commonLabels/a")]
#[case::a_probe_of_ones_own(json!({"livenessProbe": {"httpGet": {}}}), "httpGet")]
#[case::another_charts_name(json!({"replicaCount": 2}), "replicaCount")]
#[case::an_address_for_a_registry(json!({"global": {"imageRegistry": "https://example.com"}}), "/global/imageRegistry")]
#[case::a_time_without_a_unit(json!({"serviceMonitor": {"interval": "30"}}), "/serviceMonitor/interval")]
#[case::an_alert_that_does_not_exist(json!({"prometheusRule": {"disabled": ["PodsHeld"]}}), "/prometheusRule/disabled/0")]
#[case::a_budget_without_a_number(json!({"podDisruptionBudget": {"maxUnavailable": "one"}}), "/podDisruptionBudget/maxUnavailable")]
#[case::too_little_time(json!({"uninstall": {"timeoutSeconds": 5}}), "/uninstall/timeoutSeconds")]
#[case::a_log_level(json!({"logLevel": "verbose"}), "/logLevel")]
#[case::a_setting_that_does_not_exist(json!({"settings": {"tenantsource": "capsule"}}), "tenantsource")]
#[case::a_source_that_does_not_exist(json!({"settings": {"tenantSource": "capsul"}}), "/settings/tenantSource")]
#[case::a_strategy_that_does_not_exist(json!({"policy": {"enabled": true}, "settings": {"strategy": {"mode": "fast"}}}), "/settings/strategy/mode")]
#[case::a_value_that_does_not_exist(json!({"guards": {"enabled": true}}), "guards")]
#[case::a_feature_that_does_not_exist(json!({"rbac": {"also": ["guards"]}}), "/rbac/also/0")]
fn mistakes_are_refused(#[case] values: Value, #[case] words: &str) {
    let error = render("landlord", &values).expect_err("must be refused");
    assert!(error.contains(words), "{error}");
}

#[test]
fn the_guard_is_refused_where_it_cannot_work() {
    let refused = |version: &str, guard: Value, words: &str| {
        let version = format!("--kube-version={version}");
        let arguments = ["template", "landlord", CHART, &version];
        let run = helm(arguments, &json!({"guard": guard}), None);
        assert_eq!(
            (run.code == Some(0), run.err.contains(words)),
            (words.is_empty(), true),
            "{}",
            run.err
        );
    };
    refused("1.30.1", json!({"enabled": true}), "");
    refused(
        "1.30.1",
        json!({"enabled": true, "place": true}),
        "guard.place needs MutatingAdmissionPolicies",
    );
    refused("1.35.2", json!({"enabled": true}), "");
    refused("1.35.2", json!({}), "");
}
