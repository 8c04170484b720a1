//! The Helm chart as a real Helm renders it: what follows from which values, and that deploy/ is
//! the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};

use crate::helm::{lint, render};
use crate::landlord::{binary, root, run};

/// Values as users combine them.
fn sets() -> Vec<(&'static str, Value)> {
    let custom = json!({"custom": {"apiVersion": "example.com/v1", "kind": "Team", "nodeSelector": "$.spec.nodes"}});
    vec![
        ("the defaults", json!({})),
        (
            "the policy",
            json!({"policy": {"enabled": true, "pods": {"enabled": true}, "policyServer": "big"}}),
        ),
        ("the guard", json!({"guard": {"enabled": true, "place": true}})),
        ("held Pods", json!({"releasePods": true})),
        ("Capsule", json!({"settings": {"tenantSource": "capsule"}})),
        (
            "custom tenants",
            json!({"settings": {"tenantSource": custom}, "policy": {"enabled": true}}),
        ),
        (
            "inline tenants",
            json!({"settings": {"tenantSource": {"inline": [{"name": "solar"}]}}, "policy": {"enabled": true}}),
        ),
        (
            "a strategy",
            json!({"settings": {"strategy": {"mode": "auto"}}, "policy": {"enabled": true}, "guard": {"enabled": true}}),
        ),
        ("all that is optional", everything_optional()),
        (
            "nothing that is optional",
            json!({"crds": {"install": false}, "rbac": {"create": false}, "serviceAccount": {"create": false},
            "networkPolicy": {"enabled": false}, "flowSchema": {"enabled": false}, "podDisruptionBudget": {"enabled": false}}),
        ),
    ]
}

fn everything_optional() -> Value {
    json!({
        "createNamespace": true, "replicas": 3, "extraArgs": ["--max-writes-per-second=50"], "env": [{"name": "LANDLORD_LOG", "value": "debug"}],
        "image": {"digest": format!("sha256:{}", "0".repeat(64))}, "imagePullSecrets": [{"name": "pull"}], "priorityClassName": "high",
        "serviceAccount": {"annotations": {"a": "b"}}, "podAnnotations": {"a": "b"}, "podLabels": {"team": "x"}, "nodeSelector": {"a": "b"},
        "tolerations": [{"operator": "Exists"}], "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "affinity": {"nodeAffinity": {}}, "service": {"annotations": {"a": "b"}}, "serviceMonitor": {"enabled": true, "labels": {"release": "x"}},
        "networkPolicy": {"from": [{"namespaceSelector": {}}]}, "web": {"enabled": true, "port": 8000, "from": [{"namespaceSelector": {}}]},
    })
}

#[test]
fn lint_has_nothing_to_say() {
    for (what, values) in sets() {
        let run = lint(&values);
        assert!(
            run.code == Some(0) && !run.out.contains("[WARNING]") && !run.out.contains("[ERROR]"),
            "{what}: {}{}",
            run.out,
            run.err
        );
    }
}

/// `make manifests` would change nothing: deploy/, and what the chart has from the binary.
#[test]
fn what_is_generated_is_in_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Command::new(root().join("scripts/render-manifests"))
        .arg(folder.path())
        .env("LANDLORD", binary())
        .output()
        .expect("bash");
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    let read = |path: &Path| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let manifests = |root: &Path| {
        let files = fs::read_dir(root.join("deploy"))
            .expect("deploy/")
            .map(|file| file.expect("a file").file_name());
        files.map(|name| format!("deploy/{}", name.display())).collect::<BTreeSet<String>>()
    };
    let mut generated = manifests(folder.path());
    assert_eq!(generated, manifests(&root()), "deploy/ has what is rendered");
    generated.extend(
        ["charts/landlord/files/crds.yaml", "charts/landlord/values.schema.json"]
            .map(str::to_owned),
    );
    for path in generated {
        assert_eq!(
            read(&root().join(&path)),
            read(&folder.path().join(&path)),
            "{path}: run `make manifests`"
        );
    }
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let [one] = of_kind(objects, kind)
        .try_into()
        .unwrap_or_else(|found: Vec<_>| panic!("{} of kind {kind}", found.len()));
    one
}

fn rendered(values: Value) -> Vec<Value> {
    render("landlord", &values).expect("valid values")
}

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
    let others = ["landlord:policy-server", "landlord:policy-server-pods", "landlord:dashboard"];
    assert_eq!(
        names.iter().filter(|name| !others.contains(name)).copied().collect::<BTreeSet<_>>(),
        bound,
        "each role is bound"
    );
    bound
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
#[case::web(json!({"web": {"enabled": true}}), &["tenants", "web"])]
#[case::strategy(json!({"policy": {"enabled": true}, "settings": {"strategy": {"mode": "auto"}}}), &["tenants", "policy", "strategy", "guard-probe"])]
fn rights_follow_the_features(#[case] values: Value, #[case] beside: &[&str]) {
    let objects = rendered(values);
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

/// The settings in a ConfigMap.
fn settings(objects: &[Value]) -> Value {
    let text = the(objects, "ConfigMap")["data"]["settings.yaml"].as_str().expect("text");
    serde_saphyr::from_str(text).expect("YAML")
}

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
            .all(|binding| binding["subjects"] == json!([account]))
    );
    assert_eq!(
        the(&elsewhere, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"],
        "keeper"
    );

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

#[rstest]
#[case::another_controller(json!({"settings": {"controller": "kube-system:other"}}), "the controller of this release is \"landlord:controller\"")]
#[case::a_strategy_without_a_policy(json!({"settings": {"strategy": {"mode": "auto"}}}), "set policy.enabled=true")]
#[case::pods_without_a_policy(json!({"policy": {"pods": {"enabled": true}}}), "policy.pods.enabled needs policy.enabled=true")]
#[case::place_without_a_guard(json!({"guard": {"place": true}}), "set guard.enabled=true")]
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
        let arguments = ["template", "landlord", crate::helm::CHART, &version];
        let run = crate::helm::helm(arguments, &json!({"guard": guard}), None);
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
}

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

/// Without docker: the image is built by the Makefile's own target, and holds what the Pod starts.
#[test]
fn the_image_is_what_the_pod_expects() {
    let read =
        |name: &str| fs::read_to_string(root().join(name)).expect("a file of the repository");
    let (dockerfile, makefile) = (read("Dockerfile"), read("Makefile"));
    let all = |word: &str| {
        dockerfile
            .lines()
            .filter_map(|line| line.strip_prefix(word).map(str::trim))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(all("FROM "), [format!("rust:{version}.0-trixie AS build"), "scratch".to_owned()]);
    assert_eq!(all("ENV "), [format!("RUSTUP_TOOLCHAIN={version}.0")]);
    let [run] = all("RUN ").try_into().expect("one command");
    let target = run.strip_prefix("make ").expect("make");
    assert!(makefile.contains(&format!("\n{target}: ")), "{target} is a target");
    assert!(makefile.contains("IMAGE_BINARY := $(TARGET_DIR)/image/landlord\n"));
    assert_eq!(all("COPY "), [". .", "--from=build /landlord/target/image/landlord /landlord"]);
    assert_eq!(all("ENTRYPOINT "), [r#"["/landlord"]"#]);

    let objects = rendered(json!({}));
    let spec = &the(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    let context = &spec["securityContext"];
    assert_eq!(all("USER "), [format!("{}:{}", context["runAsUser"], context["runAsGroup"])]);
    assert_eq!(all("EXPOSE "), [container["ports"][0]["containerPort"].to_string()]);
    assert!(container["command"].is_null() && container["args"][0] == "controller");
    // A release copies the released program into an image and goes on from there (scripts/publish).
    let (_, rest) = dockerfile.split_once("\nUSER ").expect("a user");
    assert!(
        rest.contains("\nENTRYPOINT ") && rest.contains("\nCMD ") && !rest.contains("\nCOPY "),
        "{rest}"
    );
}

/// What the README sets by Helm are values of the chart, with such a default.
#[test]
fn the_readme_sets_values_that_there_are() {
    let values =
        fs::read_to_string(root().join("charts/landlord/values.yaml")).expect("the values");
    let values: Value = serde_saphyr::from_str(&values).expect("YAML");
    for readme in ["README.md", "charts/landlord/README.md", "docs/install.md"] {
        let text = fs::read_to_string(root().join(readme)).expect("the README");
        for setting in
            text.split("--set ").skip(1).filter_map(|rest| rest.split(['`', ' ', '\n']).next())
        {
            let (path, value) = setting.split_once('=').expect("a value");
            let default = values.pointer(&format!("/{}", path.replace('.', "/")));
            assert!(
                default.is_some_and(|default| default.is_boolean())
                    == ["true", "false"].contains(&value),
                "{readme}: {setting}: {default:?}"
            );
        }
    }
    assert!(
        fs::read_to_string(root().join("README.md"))
            .expect("the README")
            .contains("--set guard.enabled=true")
    );
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
