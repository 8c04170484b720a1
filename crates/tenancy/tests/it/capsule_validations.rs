//! `tenantSource: {capsule: {validations: true}}`: what Capsule's webhook would deny, landlord denies, and reports at reconcile.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::claim::Claim;
use tenancy::hook::Stage;
use tenancy::namespace::Namespace;
use tenancy::plan::{Plan, plan};
use tenancy::settings::Settings;

const LABEL: &str = "capsule.clastix.io/tenant";

fn judged(settings: &Value, spec: &Value, metadata: &Value, stage: Stage<'_>) -> Plan {
    let settings = Settings::from_value(settings).expect("valid settings");
    let tenant = settings.tenant(&json!({"metadata": {"name": "solar"}, "spec": spec})).expect("a valid tenant");
    let mut metadata = metadata.clone();
    metadata["name"] = json!("web");
    metadata["labels"][LABEL] = json!("solar");
    let namespace = Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace");
    let claim = Claim { tenant: "solar".into(), rule: format!("label:{LABEL}"), by: None };
    plan(&settings, &namespace, &claim, &tenant, stage).expect("a plan")
}

fn on() -> Value {
    json!({"tenantSource": {"capsule": {"validations": true}}})
}

fn failures(spec: &Value, metadata: &Value, stage: Stage<'_>) -> Vec<String> {
    judged(&on(), spec, metadata, stage).failures.iter().map(ToString::to_string).collect()
}

fn metadata_rule(action: &str, labels: Value) -> Value {
    json!({"rules": [{"enforce": {"action": action, "metadata": [{"kinds": ["Namespace"], "labels": labels}]}}]})
}

fn options(options: Value) -> Value {
    json!({ "namespaceOptions": options })
}

#[rstest]
#[case::absent(options(json!({"requiredMetadata": {"labels": {"env": "^(prod|dev)$"}}})), json!({}), "required by spec.namespaceOptions.requiredMetadata.labels[\"env\"]")]
#[case::unlike(options(json!({"requiredMetadata": {"labels": {"env": "^(prod|dev)$"}}})), json!({"env": "test"}), "is \"test\", it must match")]
#[case::denied(options(json!({"forbiddenLabels": {"denied": ["env", "x"]}})), json!({"env": "a"}), "forbidden by spec.namespaceOptions.forbiddenLabels")]
#[case::denied_by_expression(options(json!({"forbiddenLabels": {"deniedRegex": "^en"}})), json!({"env": "a"}), "is \"env\"")]
#[case::not_among(metadata_rule("allow", json!({"env": {"values": [{"exact": ["prod"]}]}})), json!({"env": "test"}), "spec.rules[0].enforce.metadata.labels[\"env\"]")]
#[case::not_like(metadata_rule("allow", json!({"env": {"values": [{"exp": "^p"}]}})), json!({"env": "test"}), "is \"test\"")]
#[case::negated(metadata_rule("allow", json!({"env": {"values": [{"exact": ["test"], "negate": true}]}})), json!({"env": "test"}), "is \"test\"")]
#[case::required(metadata_rule("allow", json!({"env": {"required": true}})), json!({}), "is absent, it must exist")]
#[case::pattern(metadata_rule("allow", json!({"team/*": {"required": true}})), json!({"env": "a"}), "is absent, it must exist")]
#[case::deny(metadata_rule("deny", json!({"env": {"values": [{"exact": ["test"]}]}})), json!({"env": "test"}), "is \"test\"")]
#[case::deny_any(metadata_rule("deny", json!({"e*": {}})), json!({"env": "test"}), "it must not exist")]
#[case::default_action(json!({"rules": [{"enforce": {"metadata": [{"kinds": ["Namespace"], "labels": {"env": {}}}]}}]}), json!({"env": "test"}), "it must not exist")]
fn what_capsule_denies_is_denied(#[case] spec: Value, #[case] labels: Value, #[case] message: &str) {
    let metadata = json!({"labels": labels});
    for stage in [Stage::Reconcile, Stage::Create(&json!({}))] {
        let failures = failures(&spec, &metadata, stage);
        assert!(failures.len() == 1 && failures[0].contains(message), "{failures:?}");
    }
    assert!(judged(&json!({"tenantSource": "capsule"}), &spec, &metadata, Stage::Reconcile).failures.is_empty(), "off by default");
}

#[rstest]
#[case(options(json!({"requiredMetadata": {"labels": {"env": "^(prod|dev)$"}}})), json!({"env": "dev"}))]
#[case(options(json!({"forbiddenLabels": {"denied": ["env"], "deniedRegex": "^x"}})), json!({"team": "a"}))]
#[case::written_by_the_tenant(
    options(json!({"forbiddenLabels": {"denied": ["env"]}, "additionalMetadata": {"labels": {"env": "a"}}})), json!({}))]
#[case::required_and_written(
    options(json!({"requiredMetadata": {"labels": {"env": "^a$"}}, "additionalMetadata": {"labels": {"env": "a"}}})), json!({}))]
#[case(metadata_rule("allow", json!({"env": {"values": [{"exact": ["prod"]}, {"exp": "^te"}]}})), json!({"env": "test"}))]
#[case(metadata_rule("allow", json!({"env": {"values": [{"exact": ["prod"]}]}})), json!({}))]
#[case(metadata_rule("deny", json!({"env": {"values": [{"exact": ["test"]}]}})), json!({"env": "prod"}))]
#[case::other_kinds(json!({"rules": [{"enforce": {"metadata": [{"kinds": ["*"], "labels": {"env": {}}}]}}]}), json!({"env": "test"}))]
#[case::managed(metadata_rule("deny", json!({"env": {"managed": "a"}, "*": {"values": [{"exact": ["a"]}]}})), json!({}))]
#[case::elsewhere(
    json!({"rules": [{"namespaceSelector": {"matchLabels": {"env": "prod"}}, "enforce": {"metadata": [{"kinds": ["Namespace"], "labels": {"x": {}}}]}}]}),
    json!({"x": "1"}))]
fn what_capsule_accepts_is_accepted(#[case] spec: Value, #[case] labels: Value) {
    assert_eq!(failures(&spec, &json!({"labels": labels}), Stage::Reconcile), Vec::<String>::new());
}

#[test]
fn an_audit_only_warns() {
    let plan = judged(&on(), &metadata_rule("audit", json!({"env": {}})), &json!({"labels": {"env": "a"}}), Stage::Reconcile);
    assert!(plan.failures.len() == 1 && plan.rejections().next().is_none(), "{:?}", plan.failures);
}

#[rstest]
#[case(json!({"kind": "User", "name": "alice"}), true)]
#[case(json!({"kind": "User", "name": "bob"}), false)]
#[case(json!({"kind": "Group", "name": "devs"}), true)]
#[case(json!({"kind": "ServiceAccount", "name": "system:serviceaccount:ci:robot"}), false)]
#[case(json!({"kind": "Custom", "name": "TenantOwner"}), true)]
fn an_audience_is_judged_at_admission_only(#[case] subject: Value, #[case] judged: bool) {
    let mut spec = metadata_rule("deny", json!({"env": {}}));
    spec["rules"][0]["audience"] = json!([subject]);
    spec["owners"] = json!([{"kind": "Group", "name": "devs"}]);
    let request = json!({"userInfo": {"username": "alice", "groups": ["devs"]}});
    let metadata = json!({"labels": {"env": "a"}});
    assert_eq!(failures(&spec, &metadata, Stage::Create(&request)).len(), usize::from(judged));
    assert!(failures(&spec, &metadata, Stage::Reconcile).is_empty());
}

#[rstest]
#[case(json!({"rules": [{"audience": [{"kind": "Custom", "name": "CapsuleUser"}], "enforce": {"metadata": [{"kinds": ["Namespace"], "labels": {"a": {}}}]}}]}),
    "spec.rules[0].audience[0]: Custom \"CapsuleUser\" is known to Capsule's configuration only")]
#[case(options(json!({"requiredMetadata": {"labels": {"a": "("}}})), "spec.namespaceOptions.requiredMetadata.labels[\"a\"]: \"(\" is not a regular expression")]
#[case(metadata_rule("perhaps", json!({"a": {}})), "spec.rules[0].enforce.action: \"perhaps\" is no action")]
fn what_landlord_cannot_judge_is_an_error(#[case] spec: Value, #[case] message: &str) {
    let settings = Settings::from_value(&on()).expect("valid settings");
    let error = settings.tenant(&json!({"metadata": {"name": "solar"}, "spec": spec})).expect_err("refused").to_string();
    assert!(error.contains(message), "{error}");
}
