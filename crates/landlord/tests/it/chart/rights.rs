//! Rights: which roles follow from which values, and what no role allows.

use std::collections::BTreeSet;
use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use super::{rendered, sets, the};
use crate::helm::render;
use crate::landlord::root;

/// The roles that are bound to the controller.
fn roles(objects: &[Value]) -> BTreeSet<&str> {
    let account = json!({"kind": "ServiceAccount", "namespace": "landlord", "name": "controller"});
    let bindings = objects
        .iter()
        .filter(|one| one["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding")));
    let bound: BTreeSet<&str> = bindings
        .filter(|one| one["subjects"][0] == account)
        .map(|one| one["roleRef"]["name"].as_str().expect("a name"))
        .collect();
    let roles = objects
        .iter()
        .filter(|one| ["Role", "ClusterRole"].contains(&one["kind"].as_str().unwrap_or_default()));
    let names: BTreeSet<&str> =
        roles.map(|one| one["metadata"]["name"].as_str().expect("a name")).collect();
    let others = [
        "landlord:policy-server",
        "landlord:policy-server-pods",
        "landlord:dashboard",
        "landlord:tenants-view",
        "landlord:tenants-edit",
        "landlord:release",
        "landlord:doctor-test",
    ];
    assert_eq!(
        names.iter().filter(|name| !others.contains(name)).copied().collect::<BTreeSet<_>>(),
        bound,
        "each role is bound"
    );
    bound
}

/// Puts the fields of one map into another.
fn merge(into: &mut Value, from: Value) {
    let Value::Object(fields) = from else { panic!("no map: {from}") };
    fields.into_iter().for_each(|(key, value)| into[key] = value);
}

const ALWAYS: [&str; 3] = ["controller", "events", "leases"];

#[rstest]
#[case::nothing(json!({}), &["tenants"])]
#[case::capsule(json!({"settings": {"tenantSource": "capsule"}}), &["tenants-capsule"])]
#[case::inline(json!({"settings": {"tenantSource": {"inline": []}}}), &[])]
#[case::both(json!({"settings": {"tenantSource": "capsule"}, "rbac": {"also": ["landlord"]}}), &["tenants", "tenants-capsule"])]
#[case::policy(json!({"policy": {"enabled": true}}), &["tenants", "policy"])]
#[case::guard(json!({"guard": {"enabled": true}}), &["tenants", "guard", "holds"])]
#[case::holds(json!({"releasePods": true}), &["tenants", "holds"])]
#[case::audit(json!({"audit": {"enabled": true}}), &["tenants", "violations"])]
#[case::web(json!({"web": {"enabled": true}}), &["tenants", "web", "guard-probe"])]
#[case::reports(json!({"reports": {"enabled": true}}), &["tenants", "reports"])]
#[case::reports_by_hand(json!({"rbac": {"also": ["reports"]}}), &["tenants", "reports"])]
#[case::strategy(json!({"policy": {"enabled": true}, "settings": {"strategy": {"mode": "auto"}}}), &["tenants", "policy", "strategy", "guard-probe"])]
fn rights_follow_the_features(#[case] values: Value, #[case] beside: &[&str]) {
    // On by default, with two roles of its own.
    let mut without_guard = json!({"guard": {"enabled": false}});
    merge(&mut without_guard, values);
    let objects = rendered(without_guard);
    let wanted: BTreeSet<String> =
        ALWAYS.iter().chain(beside).map(|name| format!("landlord:{name}")).collect();
    assert_eq!(roles(&objects), wanted.iter().map(String::as_str).collect());
}

/// Rights by which an account gets others, or what others keep to themselves.
const DANGEROUS: [&str; 9] = [
    "*",
    "secrets",
    "serviceaccounts/token",
    "pods/exec",
    "pods/attach",
    "nodes/proxy",
    "users",
    "clusterroles",
    "clusterrolebindings",
];
const ESCALATING: [&str; 4] = ["*", "escalate", "bind", "impersonate"];

/// Of each rule of a role: what it is about, resources or paths, and what it allows.
fn rules(role: &Value) -> Vec<(Vec<&str>, Vec<&str>)> {
    role["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|rule| (about(rule), texts(&rule["verbs"])))
        .collect()
}

fn about(rule: &Value) -> Vec<&str> {
    ["resources", "nonResourceURLs"].into_iter().flat_map(|field| texts(&rule[field])).collect()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn no_role_reads_a_secret_or_gets_other_rights() {
    let deployed: Vec<Value> = serde_saphyr::from_multiple(
        &fs::read_to_string(root().join("deploy/rbac.yaml")).expect("the rights"),
    )
    .expect("YAML");
    let rendered = sets()
        .into_iter()
        .flat_map(|(_, values)| render("landlord", &values).expect("valid values"));
    let roles: Vec<Value> = deployed
        .into_iter()
        .chain(rendered)
        .filter(|one| ["Role", "ClusterRole"].iter().any(|kind| one["kind"] == *kind))
        .collect();
    assert!(roles.len() > 30, "{}", roles.len());
    for role in &roles {
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        for (resources, verbs) in rules(role) {
            assert!(!resources.is_empty() && !verbs.is_empty(), "{name}: a rule about nothing");
            // A path is for anyone who may see the dashboard, and only that one path.
            assert!(
                resources.iter().all(|one| !one.starts_with('/') || *one == "/landlord/dashboard"),
                "{name}: {resources:?}"
            );
            assert!(!resources.iter().any(|one| DANGEROUS.contains(one)), "{name}: {resources:?}");
            assert!(!verbs.iter().any(|one| ESCALATING.contains(one)), "{name}: {verbs:?}");
            let is_server = name.contains("policy-server");
            assert!(
                !is_server || verbs == ["get"],
                "{name}: the policy server only gets, {verbs:?}"
            );
        }
    }
}

/// What writes reports, and what takes them away, has rights on them only then.
#[rstest]
#[case::off(json!({}), false)]
#[case::on(json!({"reports": {"enabled": true}}), true)]
fn reports_are_written_and_removed_where_they_are_on(#[case] values: Value, #[case] is_on: bool) {
    let objects = rendered(values);
    let container = &the(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(texts(&container["args"]).contains(&"--reports"), is_on);
    let of_reports = |role: &&Value| {
        let has = |(resources, verbs): (Vec<&str>, Vec<&str>)| {
            resources.contains(&"reports") && verbs.contains(&"delete")
        };
        rules(role).into_iter().any(has)
    };
    let roles = objects.iter().filter(|one| one["kind"] == "ClusterRole").filter(of_reports);
    let names: Vec<&str> = roles.filter_map(|role| role["metadata"]["name"].as_str()).collect();
    let wanted = if is_on { vec!["landlord:release", "landlord:reports"] } else { Vec::new() };
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), wanted.into_iter().collect());
}

#[test]
fn custom_tenants_are_read_by_controller_and_policy_server() {
    let custom =
        json!({"apiVersion": "management.cattle.io/v3", "kind": "Project", "namespaced": true});
    let objects = rendered(
        json!({"settings": {"tenantSource": {"custom": custom}}, "policy": {"enabled": true}}),
    );
    let rules = |name: &str| {
        let role = objects
            .iter()
            .find(|one| one["kind"] == "ClusterRole" && one["metadata"]["name"] == name)
            .expect("a role");
        role["rules"].clone()
    };
    let rule = |verbs: Value| json!([{"apiGroups": ["management.cattle.io"], "resources": ["projects"], "verbs": verbs}]);
    assert_eq!(rules("landlord:tenants-custom"), rule(json!(["get", "list", "watch"])));
    assert_eq!(rules("landlord:policy-server"), rule(json!(["get"])));
    let read = &the(&objects, "ClusterAdmissionPolicy")["spec"]["contextAwareResources"];
    assert_eq!(*read, json!([{"apiVersion": "management.cattle.io/v3", "kind": "Project"}]));
}
