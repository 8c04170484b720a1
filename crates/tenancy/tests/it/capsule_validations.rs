//! `tenantSource: {capsule: {validations: true}}`: what Capsule's webhook would deny, landlord
//! denies, and reports at reconcile.

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use tenancy::claim::Claim;
use tenancy::hook::Stage;
use tenancy::namespace::Namespace;
use tenancy::plan::{Plan, plan, read_ledger};
use tenancy::settings::Settings;

use crate::arbitrary;

const LABEL: &str = "capsule.clastix.io/tenant";

fn judged(settings: &Value, spec: &Value, metadata: &Value, stage: Stage<'_>) -> Plan {
    tried(settings, spec, metadata, stage).expect("a plan")
}

fn tried(
    settings: &Value,
    spec: &Value,
    metadata: &Value,
    stage: Stage<'_>,
) -> Result<Plan, String> {
    let settings = Settings::from_value(settings).expect("valid settings");
    let tenant = settings
        .tenant(&json!({"metadata": {"name": "solar"}, "spec": spec}))
        .expect("a valid tenant");
    let mut metadata = metadata.clone();
    if metadata.get("generateName").is_none() {
        metadata["name"] = json!("web");
    }
    metadata["labels"][LABEL] = json!("solar");
    let namespace = Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace");
    let claim = Claim { tenant: "solar".into(), rule: format!("label:{LABEL}"), by: None };
    let (ledger, _) = read_ledger(&namespace.metadata);
    plan(&settings, &namespace, &ledger, &claim, &tenant, stage).map_err(|error| error.to_string())
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
#[case::denied_by_expression(options(json!({"forbiddenLabels": {"deniedRegex": "^en"}})), json!({"env": "a"}), "(label \"env\" must not exist)")]
#[case::not_among(metadata_rule("allow", json!({"env": {"values": [{"exact": ["prod"]}]}})), json!({"env": "test"}), "spec.rules[0].enforce.metadata.labels[\"env\"]")]
#[case::not_like(metadata_rule("allow", json!({"env": {"values": [{"exp": "^p"}]}})), json!({"env": "test"}), "is \"test\"")]
#[case::negated(metadata_rule("allow", json!({"env": {"values": [{"exact": ["test"], "negate": true}]}})), json!({"env": "test"}), "is \"test\"")]
#[case::required(metadata_rule("allow", json!({"env": {"required": true}})), json!({}), "is absent, it must exist")]
#[case::pattern(metadata_rule("allow", json!({"team/*": {"required": true}})), json!({"env": "a"}), "is absent, it must exist")]
#[case::deny(metadata_rule("deny", json!({"env": {"values": [{"exact": ["test"]}]}})), json!({"env": "test"}), "is \"test\"")]
#[case::deny_any(metadata_rule("deny", json!({"e*": {}})), json!({"env": "test"}), "it must not exist")]
#[case::default_action(json!({"rules": [{"enforce": {"metadata": [{"kinds": ["Namespace"], "labels": {"env": {}}}]}}]}), json!({"env": "test"}), "it must not exist")]
fn what_capsule_denies_is_denied(
    #[case] spec: Value,
    #[case] labels: Value,
    #[case] message: &str,
) {
    let metadata = json!({"labels": labels});
    for stage in [Stage::Reconcile, Stage::Create(&json!({}))] {
        let failures = failures(&spec, &metadata, stage);
        assert!(failures.len() == 1 && failures[0].contains(message), "{failures:?}");
    }
    assert!(
        judged(&json!({"tenantSource": "capsule"}), &spec, &metadata, Stage::Reconcile)
            .failures
            .is_empty(),
        "off by default"
    );
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

/// In Capsule one of several `allow` is enough; here as far as the other one holds wherever this
/// one does.
#[rstest]
#[case::both(json!({}), json!({}), "dev", true)]
#[case::neither(json!({}), json!({}), "test", false)]
#[case::narrower(json!({}), json!({"namespaceSelector": {"matchLabels": {"team": "a"}}}), "dev", false)]
#[case::same(json!({"audience": [{"kind": "User", "name": "alice"}]}), json!({"audience": [{"kind": "User", "name": "alice"}]}), "dev", true)]
fn what_one_of_several_rules_allows_is_allowed(
    #[case] one: Value,
    #[case] other: Value,
    #[case] env: &str,
    #[case] accepted: bool,
) {
    let rule = |mut rule: Value, value: &str| {
        rule["enforce"] = metadata_rule("allow", json!({"env": {"values": [{"exact": [value]}]}}))
            ["rules"][0]["enforce"]
            .clone();
        rule
    };
    let spec = json!({"rules": [rule(one, "prod"), rule(other, "dev")]});
    let request = json!({"userInfo": {"username": "alice"}});
    let failures =
        failures(&spec, &json!({"labels": {"env": env, "team": "b"}}), Stage::Create(&request));
    assert_eq!(failures.is_empty(), accepted, "{failures:?}");
}

/// No expression is asked about it, so it is denied by what denies and not allowed by what allows.
#[rstest]
#[case("deny", json!([{"exp": "^secret"}]))]
#[case("deny", json!([{"exp": "^secret", "negate": true}]))]
#[case("allow", json!([{"exp": "."}]))]
#[case("allow", json!([{"exp": "^secret", "negate": true}]))]
fn a_value_too_long_for_expressions_is_not_let_through(
    #[case] action: &str,
    #[case] values: Value,
) {
    let mut spec = metadata_rule(action, json!({}));
    spec["rules"][0]["enforce"]["metadata"][0]["annotations"] = json!({"note": {"values": values}});
    assert_eq!(
        failures(
            &spec,
            &json!({"labels": {}, "annotations": {"note": "s".repeat(5000)}}),
            Stage::Reconcile
        )
        .len(),
        1
    );
}

#[test]
fn an_audit_only_warns() {
    let plan = judged(
        &on(),
        &metadata_rule("audit", json!({"env": {}})),
        &json!({"labels": {"env": "a"}}),
        Stage::Reconcile,
    );
    assert!(plan.failures.len() == 1 && plan.rejections().next().is_none(), "{:?}", plan.failures);
}

#[rstest]
#[case(json!({"kind": "User", "name": "alice"}), true)]
#[case(json!({"kind": "User", "name": "bob"}), false)]
#[case(json!({"kind": "Group", "name": "devs"}), true)]
#[case(json!({"kind": "Group", "name": "ops"}), false)]
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
    let error = settings
        .tenant(&json!({"metadata": {"name": "solar"}, "spec": spec}))
        .expect_err("refused")
        .to_string();
    assert!(error.contains(message), "{error}");
}

#[rstest]
#[case("system:serviceaccount:ci:robot", true)]
#[case("ci:robot", true)]
#[case("ci:other", false)]
fn a_service_account_is_an_audience(#[case] name: &str, #[case] judged: bool) {
    let mut spec = metadata_rule("deny", json!({"env": {}}));
    spec["rules"][0]["audience"] = json!([{"kind": "ServiceAccount", "name": name}]);
    let request = json!({"userInfo": {"username": "system:serviceaccount:ci:robot", "groups": ["system:serviceaccounts"]}});
    let failures = failures(&spec, &json!({"labels": {"env": "a"}}), Stage::Create(&request));
    assert_eq!(failures.len(), usize::from(judged), "{failures:?}");
}

#[test]
fn who_belongs_to_two_audiences_is_told_once() {
    let mut spec = metadata_rule("deny", json!({"env": {}}));
    spec["rules"][0]["audience"] =
        json!([{"kind": "User", "name": "alice"}, {"kind": "Group", "name": "devs"}]);
    let request = json!({"userInfo": {"username": "alice", "groups": ["devs"]}});
    let failures = failures(&spec, &json!({"labels": {"env": "a"}}), Stage::Create(&request));
    assert_eq!(failures.len(), 1, "{failures:?}");
}

/// An edit answers for what it brings, so each key has to be a failure of its own, that says which
/// key it is.
#[rstest]
#[case::names(options(json!({"forbiddenLabels": {"denied": ["a", "b"]}})))]
#[case::values(metadata_rule("deny", json!({"*": {"values": [{"exact": ["x"]}]}})))]
#[case::outside(metadata_rule("allow", json!({"[ab]": {"values": [{"exact": ["y"]}]}})))]
fn each_key_is_a_failure_of_its_own(#[case] spec: Value) {
    let of = |labels| failures(&spec, &json!({"labels": labels}), Stage::Reconcile);
    let both = of(json!({"a": "x", "b": "x"}));
    assert_eq!(both, [of(json!({"a": "x"})), of(json!({"b": "x"}))].concat());
    assert!(both.len() == 2 && both[0] != both[1], "{both:?}");
}

fn validated() -> impl Strategy<Value = Value> {
    let rule = (
        proptest::sample::select(vec!["allow", "deny", "audit"]),
        proptest::sample::select(vec!["a", "env", "e*", "*"]),
    )
        .prop_map(|(action, key)| {
            metadata_rule(action, json!({key: {"values": [{"exact": ["1"]}]}}))["rules"][0].clone()
        });
    (arbitrary::capsule_spec(false), vec(rule, 0..3), any::<bool>()).prop_map(
        |(mut spec, rules, demanding)| {
            spec["rules"].as_array_mut().expect("rules").extend(rules);
            if demanding {
                spec["namespaceOptions"]["requiredMetadata"] = json!({"labels": {"env": "^1$"}});
                spec["namespaceOptions"]["forbiddenAnnotations"] =
                    json!({"denied": ["note"], "deniedRegex": "^own"});
            }
            spec
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Validations judge and write nothing; without them nothing is judged.
    #[test]
    fn validations_change_nothing_but_the_verdict(spec in validated(), metadata in arbitrary::metadata("capsule", true)) {
        let on = tried(&on(), &spec, &metadata, Stage::Reconcile).map(|plan| Plan { failures: Vec::new(), ..plan });
        for off in [json!("capsule"), json!({"capsule": {}}), json!({"capsule": {"validations": false}})] {
            // It has no failures, else it would differ.
            prop_assert_eq!(&on, &tried(&json!({"tenantSource": off}), &spec, &metadata, Stage::Reconcile));
        }
    }
}
