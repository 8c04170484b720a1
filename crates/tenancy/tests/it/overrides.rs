//! Overrides: which namespaces they are for, and what an empty field in one says.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::metadata::Key;
use tenancy::settings::Settings;

use crate::cluster::{Cluster, namespace};

const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";

fn refusal(spec: Value) -> Option<String> {
    let settings = Settings::from_value(&Value::Null).expect("settings");
    let object = json!({"metadata": {"name": "solar"}, "spec": spec});
    settings.tenant(&object).err().map(|error| error.to_string())
}

fn selected(selector: Value) -> Value {
    json!({"overrides": [{"namespaceSelector": selector, "labels": {"tier": "x"}}]})
}

#[rstest]
#[case::a_bare_label(json!({"env": "prod"}), "unknown field `env`")]
#[case::a_missing_letter(json!({"matchLabel": {"env": "prod"}}), "did you mean `matchLabels`?")]
#[case::another_case(json!({"matchlabels": {"env": "prod"}}), "did you mean `matchLabels`?")]
#[case::beside_a_right_one(json!({"matchLabels": {"env": "prod"}, "env": "prod"}), "unknown field `env`")]
#[case::empty(json!({}), "it has no term")]
#[case::no_labels(json!({"matchLabels": {}}), "it has no term")]
#[case::no_expressions(json!({"matchLabels": null, "matchExpressions": []}), "it has no term")]
#[case::in_an_expression(json!({"matchExpressions": [{"key": "env", "operator": "In", "value": ["prod"], "values": ["dev"]}]}), "matchExpressions[0]: unknown field `value`")]
#[case::no_object(json!([]), "[] is not an object")]
fn a_mistaken_selector_is_refused(#[case] selector: Value, #[case] message: &str) {
    let refusal = refusal(selected(selector)).expect("it is refused");
    assert!(refusal.contains("spec.overrides[0].namespaceSelector"), "{refusal}");
    assert!(refusal.contains(message), "{refusal}");
}

/// Capsule's selectors are read as Capsule reads them.
#[rstest]
fn capsule_reads_a_selector_as_kubernetes_does(
    #[values(json!({}), json!({"env": "prod"}), json!({"matchLabels": {}}))] selector: Value,
) {
    let settings = Settings::from_value(&json!({"tenantSource": "capsule"})).expect("settings");
    let item = json!({"namespaceSelector": selector, "labels": {"a": "1"}});
    let spec = json!({"namespaceOptions": {"additionalMetadataList": [item]}});
    assert!(settings.tenant(&json!({"metadata": {"name": "solar"}, "spec": spec})).is_ok());
}

#[rstest]
#[case::own_label(json!({"labels": {"tier": "gold"}}), json!({"matchLabels": {"tier": "gold"}}), Some("it needs label \"tier\""))]
#[case::own_key_exists(json!({"labels": {"tier": "gold"}}), json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), Some("it needs label \"tier\""))]
#[case::own_key_is_absent(json!({"labels": {"tier": "gold"}}), json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), None)]
#[case::own_key_differs(json!({"labels": {"tier": "gold"}}), json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]}), None)]
#[case::templated(json!({"labels": {"{{tenant.name}}-tier": "gold"}}), json!({"matchLabels": {"solar-tier": "gold"}}), Some("it needs label \"solar-tier\""))]
#[case::of_a_hook(json!({"hooks": [{"name": "one", "set": {"labels": {"tier": "gold"}}}]}), json!({"matchLabels": {"tier": "gold"}}), Some("it needs label \"tier\""))]
#[case::removed_by_a_hook(json!({"hooks": [{"name": "one", "remove": {"labels": ["tier"]}}]}), json!({"matchLabels": {"tier": "gold"}}), Some("it needs label \"tier\""))]
#[case::an_annotation(json!({"annotations": {"tier": "gold"}}), json!({"matchLabels": {"tier": "gold"}}), None)]
#[case::landlords_label(json!({}), json!({"matchLabels": {"landlord.dev/tenant": "solar"}}), Some("it needs label \"landlord.dev/tenant\""))]
#[case::the_name(json!({}), json!({"matchLabels": {"kubernetes.io/metadata.name": "web"}}), None)]
#[case::two_values(json!({}), json!({"matchLabels": {"env": "a"}, "matchExpressions": [{"key": "env", "operator": "In", "values": ["b", "c"]}]}), Some("no label \"env\" fulfils"))]
#[case::common_value(json!({}), json!({"matchLabels": {"env": "b"}, "matchExpressions": [{"key": "env", "operator": "In", "values": ["b", "c"]}]}), None)]
#[case::excluded_value(json!({}), json!({"matchLabels": {"env": "b"}, "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["b"]}]}), Some("no label \"env\" fulfils"))]
#[case::there_and_not(json!({}), json!({"matchExpressions": [{"key": "env", "operator": "Exists"}, {"key": "env", "operator": "DoesNotExist"}]}), Some("no label \"env\" fulfils"))]
#[case::there_and_another(json!({}), json!({"matchExpressions": [{"key": "env", "operator": "Exists"}, {"key": "env", "operator": "NotIn", "values": ["a"]}]}), None)]
fn an_override_that_never_matches_is_reported(
    #[case] mut spec: Value,
    #[case] selector: Value,
    #[case] message: Option<&str>,
) {
    spec["overrides"] = json!([
        {"namespaceSelector": {"matchLabels": {"env": "prod"}}},
        {"namespaceSelector": selector, "annotations": {"a": "1"}},
    ]);
    match (message, refusal(spec)) {
        (None, None) => {}
        (Some(message), Some(refusal)) => {
            assert!(refusal.contains("spec.overrides[1].namespaceSelector: "), "{refusal}");
            assert!(refusal.contains(message), "{refusal}");
        }
        (_, refusal) => panic!("{refusal:?}"),
    }
}

/// An empty field in an override says that these namespaces have none; what a later one adds, counts.
#[rstest]
#[case::none(json!([{"nodeSelector": {}, "tolerations": []}]), "", "[]")]
#[case::selector_only(json!([{"nodeSelector": {}}]), "", POOL)]
#[case::tolerations_only(json!([{"tolerations": []}]), "pool=solar", "[]")]
#[case::says_nothing(json!([{"labels": {"a": "1"}}]), "pool=solar", POOL)]
#[case::and_then_some(json!([{"nodeSelector": {}}, {"nodeSelector": {"zone": "a"}}]), "zone=a", POOL)]
#[case::some_and_then_none(json!([{"nodeSelector": {"zone": "a"}}, {"nodeSelector": {}}]), "", POOL)]
fn an_empty_field_says_none(
    #[case] overrides: Value,
    #[case] selector: &str,
    #[case] tolerations: &str,
) {
    let mut overrides = overrides;
    for one in overrides.as_array_mut().expect("a list") {
        one["namespaceSelector"] = json!({"matchLabels": {"agents": "true"}});
    }
    let spec = json!({
        "nodeSelector": {"pool": "solar"}, "overrides": overrides,
        "tolerations": [{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}],
    });
    let cluster = Cluster::new(&Value::Null).with("solar", &spec);
    let labels = |agents: &str| json!({"name": "web", "labels": {"landlord.dev/tenant": "solar", "agents": agents}});
    let after = cluster.bring(&namespace(&labels("true"))).metadata.annotations;
    assert_eq!((after[SELECTOR].as_str(), after[TOLERATIONS].as_str()), (selector, tolerations));
    let others = cluster.bring(&namespace(&labels("false"))).metadata.annotations;
    assert_eq!((others[SELECTOR].as_str(), others[TOLERATIONS].as_str()), ("pool=solar", POOL));
}

const POOL: &str = r#"[{"key":"pool","operator":"Exists","effect":"NoSchedule"}]"#;

/// Each part of a node selector is of the layer that set it.
#[rstest]
#[case::of_one(json!([]), "tenant spec")]
#[case::of_two(json!([{"nodeSelector": {"disk": "nvme"}}]), "disk: override 0, pool: tenant spec")]
#[case::replaced(json!([{"nodeSelector": {"disk": "hdd"}}, {"nodeSelector": {"disk": "nvme", "pool": "x"}}]), "override 1")]
#[case::of_three(json!([{"nodeSelector": {"disk": "hdd"}}, {"nodeSelector": {"zone": "a"}}]), "disk: override 0, pool: tenant spec, zone: override 1")]
#[case::none(json!([{"nodeSelector": {}}]), "override 0")]
#[case::none_and_then_some(json!([{"nodeSelector": {}}, {"nodeSelector": {"disk": "nvme"}}]), "override 1")]
fn a_node_selector_names_its_layers(#[case] overrides: Value, #[case] why: &str) {
    let mut overrides = overrides;
    for one in overrides.as_array_mut().expect("a list") {
        one["namespaceSelector"] = json!({"matchLabels": {"env": "prod"}});
    }
    let spec = json!({"nodeSelector": {"pool": "solar"}, "overrides": overrides});
    let cluster = Cluster::new(&Value::Null).with("solar", &spec);
    let web = json!({"name": "web", "labels": {"landlord.dev/tenant": "solar", "env": "prod"}});
    let step = cluster.step(&namespace(&web));
    let plan = step.plan().expect("a plan");
    assert_eq!(plan.set[&Key::annotation(SELECTOR)].why.to_string(), why);
}
