//! `landlord render`, `schema` and `completions`.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::Value;

use crate::landlord::run;

/// What is applied to clusters, here and by users, is what the Rust types say.
#[test]
fn the_custom_resource_definition_is_the_one_in_deploy() {
    let run = run("render crds");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(run.out, include_str!("../../../../deploy/crds.yaml"), "run `make manifests`");
}

/// The guard for default settings, for those who do not render their own.
#[test]
fn the_guard_is_the_one_in_deploy() {
    let run = run("render guard");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(run.out, include_str!("../../../../deploy/guard.yaml"), "run `make manifests`");
}

/// Anyone who has the binary has the manifests: the same, and what is there belongs together.
#[test]
fn manifests_are_those_of_deploy() {
    let rendered = ["render rbac", "render policy", "render manifests"].map(|words| run(words).out);
    for text in &rendered {
        assert!(
            !text.contains("make manifests"),
            "that is for those who have the repository: {text}"
        );
    }
    let [rbac, policy, all] = rendered;
    let deployed = |text: &str| {
        text.replace("# Rendered from charts/landlord by `make manifests`: edit the chart.\n\n", "")
    };
    assert_eq!(rbac, deployed(include_str!("../../../../deploy/rbac.yaml")));
    assert_eq!(policy, deployed(include_str!("../../../../deploy/cluster-admission-policy.yaml")));
    let all: Vec<Value> = serde_saphyr::from_multiple(&all).expect("YAML");
    let kinds: BTreeSet<&str> =
        all.iter().map(|object| object["kind"].as_str().expect("a kind")).collect();
    for kind in [
        "CustomResourceDefinition",
        "Namespace",
        "ServiceAccount",
        "ClusterRole",
        "FlowSchema",
        "ConfigMap",
        "Deployment",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
    assert!(!kinds.contains("ClusterAdmissionPolicy"));
}

/// The controller may change and delete what it may have to, and nothing else.
#[test]
fn the_rights_name_the_guards_objects() {
    // The older form gives way to the newer one when the API server is updated.
    let forms = ["--place --on-unready=hold", "--without-mutating-policies"]
        .map(|flags| run(&format!("render guard {flags}")).out);
    let guard: Vec<Value> = forms
        .iter()
        .flat_map(|form| serde_saphyr::from_multiple::<Value>(form).expect("YAML"))
        .collect();
    let rendered: BTreeSet<&str> =
        guard.iter().map(|object| object["metadata"]["name"].as_str().expect("a name")).collect();
    let rights: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("../../../../deploy/rbac.yaml")).expect("YAML");
    let rules = rights
        .iter()
        .filter(|object| object["metadata"]["name"] == "landlord:guard")
        .filter_map(|object| object["rules"].as_array());
    let named = rules.flatten().filter_map(|rule| rule["resourceNames"].as_array()).flatten();
    assert_eq!(named.map(|name| name.as_str().expect("a name")).collect::<BTreeSet<_>>(), rendered);
}

/// Rules of structural schemas that are easily broken: types everywhere, no references, no
/// `properties` beside `additionalProperties`.
#[test]
fn the_schema_is_structural() {
    let definition: Value = serde_saphyr::from_str(&run("render crds").out).expect("YAML");
    check(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "openAPIV3Schema");
}

fn check(schema: &Value, path: &str) {
    let fields = schema.as_object().unwrap_or_else(|| panic!("{path} is no schema"));
    // These two stand in for a type.
    let open = ["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"]
        .iter()
        .any(|name| fields.contains_key(*name));
    assert!(open || fields.contains_key("type"), "{path} has no type");
    assert!(!fields.contains_key("$ref"), "{path} is a reference");
    assert!(
        !(fields.contains_key("properties") && fields.contains_key("additionalProperties")),
        "{path} has both kinds of properties"
    );
    for (name, inner) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        check(inner, &format!("{path}.{name}"));
    }
    for name in ["items", "additionalProperties"] {
        fields
            .get(name)
            .filter(|inner| inner.is_object())
            .into_iter()
            .for_each(|inner| check(inner, &format!("{path}.{name}")));
    }
}

#[test]
fn the_schema_of_the_settings() {
    let run = run("schema");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_snapshot!(run.out);
}

/// What they hold is checked where the metrics are (`monitoring/tests.rs`).
#[test]
fn monitoring_is_what_grafana_and_prometheus_read() {
    let dashboard: Value = serde_json::from_str(&run("render grafana").out).expect("JSON");
    assert_eq!(
        (&dashboard["uid"], dashboard["panels"].as_array().map(Vec::is_empty)),
        (&"landlord".into(), Some(false))
    );
    let rule: Value = serde_saphyr::from_str(&run("render alerts").out).expect("YAML");
    assert_eq!(
        (&rule["apiVersion"], &rule["kind"]),
        (&"monitoring.coreos.com/v1".into(), &"PrometheusRule".into())
    );
    let plain: Value = serde_saphyr::from_str(&run("render alerts --plain").out).expect("YAML");
    assert_eq!(rule["spec"], plain);
}

#[test]
fn completions_for_a_shell() {
    assert!(run("completions bash").out.contains(
        "complete -o nospace -o bashdefault -o nosort -F _clap_complete_landlord landlord"
    ));
}
