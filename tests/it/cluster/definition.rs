//! An invalid Tenant is refused when it is applied, and the refusal names the field.

use rstest::rstest;
use serde_json::{Value, json};

use super::world::landlord;

#[rstest]
#[case("selector-key", json!({"nodeSelector": {"not a key": "x"}}), "spec.nodeSelector")]
#[case("selector-value", json!({"nodeSelector": {"pool": "not a value"}}), "spec.nodeSelector.pool")]
#[case("selector-template", json!({"nodeSelector": {"pool": "{{namespace}}"}}), "spec.nodeSelector.pool")]
#[case("label-value", json!({"labels": {"a": "not/a value"}}), "spec.labels.a")]
#[case("label-tag", json!({"labels": {"a": "{{tenant.nmae}}"}}), "spec.labels.a")]
#[case("label-reserved", json!({"labels": {"landlord.dev/tenant": "x"}}), "spec.labels")]
#[case("name-label", json!({"labels": {"kubernetes.io/metadata.name": "x"}}), "spec.labels")]
#[case("annotation-reserved", json!({"annotations": {"scheduler.alpha.kubernetes.io/node-selector": "x=y"}}), "spec.annotations")]
#[case("toleration-effect", json!({"tolerations": [{"key": "a", "effect": "Never"}]}), "spec.tolerations[0].effect")]
#[case("toleration-key", json!({"tolerations": [{"key": "", "effect": "NoSchedule"}]}), "spec.tolerations[0].key")]
#[case("toleration-exists", json!({"tolerations": [{"key": "a", "operator": "Exists", "value": "x", "effect": "NoSchedule"}]}), "spec.tolerations[0]")]
#[case("toleration-seconds", json!({"tolerations": [{"key": "a", "effect": "NoExecute", "tolerationSeconds": 3}]}), "spec.tolerations[0]")]
#[case("owner-kind", json!({"owners": [{"kind": "Robot", "name": "x"}]}), "spec.owners[0].kind")]
#[case("owner-account", json!({"owners": [{"kind": "ServiceAccount", "name": "x"}]}), "spec.owners[0]")]
#[case("owners-many", json!({"owners": vec![json!({"kind": "User", "name": "x"}); 65]}), "spec.owners")]
#[case("override-operator", json!({"overrides": [{"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}]}), "spec.overrides[0].namespaceSelector.matchExpressions[0]")]
#[case("conflicts", json!({"conflicts": "fight"}), "spec.conflicts")]
#[case("release", json!({"release": "forget"}), "spec.release")]
#[case("unknown-field", json!({"nodeSelektor": {}}), "nodeSelektor")]
#[case("data", json!({"data": {"a": 1}}), "spec.data.a")]
#[tokio::test]
async fn an_invalid_tenant_is_refused(
    #[case] name: &str,
    #[case] spec: Value,
    #[case] field: &str,
) {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec});
    let words = landlord().apply(tenant).await.expect_err("refused");
    assert!(words.contains(field), "{words}");
}

#[tokio::test]
async fn a_name_that_is_no_label_value_is_refused() {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "x".repeat(64)}, "spec": {}});
    let words = landlord().apply(tenant).await.expect_err("refused");
    assert!(
        words.contains("metadata.name becomes a label value: shorten it to 63 characters"),
        "{words}"
    );
}

/// Everything that a tenant can say, and that the engine takes, the API server takes too.
#[tokio::test]
async fn a_tenant_with_every_field_is_taken() {
    let spec = json!({
        "owners": [{"kind": "ServiceAccount", "name": "ci:robot"}], "data": {"team": "4711"}, "namespaces": {"prefixes": ["full-"]},
        "nodeSelector": {"example.com/pool": ""}, "tolerations": [{"key": "pool", "operator": "Equal", "value": "x", "effect": "NoSchedule"}],
        "labels": {"{{tenant.name}}/a": "{{ namespace }}"}, "annotations": {"contact": "team { {{tenant.name}}"},
        "overrides": [{"namespaceSelector": {"matchLabels": {"env": "prod"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
                       "nodeSelector": {"tier": "prod"}, "labels": {}, "annotations": {}, "tolerations": []}],
        "conflicts": "keep", "release": "restore",
    });
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "full"}, "spec": spec});
    landlord().apply(tenant).await.expect("taken");
}
