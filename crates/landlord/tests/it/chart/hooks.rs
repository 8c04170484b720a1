//! Hooks: what `helm uninstall` runs before it deletes anything, and `helm test`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{named, of_kind, rendered, the};
use crate::landlord::run;

const HOOK: &str = "helm.sh/hook";

fn of_hook<'a>(objects: &'a [Value], hook: &str) -> Vec<&'a Value> {
    objects.iter().filter(|one| one["metadata"]["annotations"][HOOK] == hook).collect()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn an_uninstallation_releases_first() {
    let objects = rendered(json!({"policy": {"enabled": true, "name": "tenancy"}}));
    let hooks = of_hook(&objects, "pre-delete");
    let kinds: BTreeSet<_> = hooks.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        ["ClusterRole", "ClusterRoleBinding", "Job", "Role", "RoleBinding", "ServiceAccount"]
            .into()
    );
    for hook in &hooks {
        let policy = &hook["metadata"]["annotations"]["helm.sh/hook-delete-policy"];
        assert_eq!(policy, "before-hook-creation,hook-succeeded", "nothing of it is left");
    }
    let job = &the(&objects, "Job")["spec"];
    assert_eq!(job["activeDeadlineSeconds"], 270, "less than Helm waits");
    let pod = &job["template"];
    assert_eq!(pod["spec"]["serviceAccountName"], "landlord-release");
    assert_ne!(
        pod["metadata"]["labels"]["app.kubernetes.io/component"], "controller",
        "no Service and no budget counts it"
    );
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["args"],
        json!([
            "release",
            "--all",
            "--yes",
            "--stop-controller",
            "--lease-namespace=landlord",
            "--policy=tenancy",
            "--with-policy"
        ])
    );
}

/// Its arguments are arguments of `landlord release`, which get as far as the cluster.
#[test]
fn commands_of_hooks_are_commands_of_the_binary() {
    let objects = rendered(
        json!({"policy": {"enabled": true}, "uninstall": {"freePods": true, "keepClaims": true}}),
    );
    for pod in [&the(&objects, "Job")["spec"]["template"]["spec"], &the(&objects, "Pod")["spec"]] {
        let words: Vec<&str> = pod["containers"][0]["args"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let run = run(&format!("{} --kubeconfig=/nowhere", words.join(" ")));
        assert!(
            run.code == Some(1) && run.err.contains("/nowhere"),
            "{words:?}: {:?} {}",
            run.code,
            run.err
        );
    }
}

#[test]
fn an_uninstallation_can_do_without() {
    for values in [json!({"uninstall": {"release": false}}), json!({"rbac": {"create": false}})] {
        let objects = rendered(values);
        assert!(of_hook(&objects, "pre-delete").is_empty() && of_kind(&objects, "Job").is_empty());
    }
}

/// It may delete every part of the guard, whichever form that has, and nothing else of the kind.
#[test]
fn the_hook_may_delete_the_guard_and_no_other_policy() {
    let forms = ["--place --on-unready=hold", "--without-mutating-policies"]
        .map(|flags| run(&format!("render guard {flags}")).out);
    let guard: Vec<Value> = forms
        .iter()
        .flat_map(|form| serde_saphyr::from_multiple::<Value>(form).expect("YAML"))
        .collect();
    let parts: BTreeSet<&str> =
        guard.iter().map(|object| object["metadata"]["name"].as_str().expect("a name")).collect();
    let objects = rendered(json!({}));
    let role = named(&objects, "ClusterRole", "landlord:release");
    let rules = role["rules"].as_array().expect("rules");
    let deleting: Vec<&Value> =
        rules.iter().filter(|rule| texts(&rule["verbs"]).contains("delete")).collect();
    let [rule] = deleting.try_into().expect("one rule");
    assert_eq!(texts(&rule["resourceNames"]), parts);
}

/// A test reads, and asks what the controller may do.
#[test]
fn the_test_has_no_right_to_write() {
    let objects = rendered(json!({"policy": {"enabled": true}}));
    let hooks = of_hook(&objects, "test");
    assert_eq!(hooks.len(), 6);
    let rules = hooks.iter().filter_map(|one| one["rules"].as_array()).flatten();
    for rule in rules {
        let verbs = texts(&rule["verbs"]);
        let asks = texts(&rule["resources"]) == ["subjectaccessreviews"].into();
        assert!(verbs.is_subset(&["get", "list"].into()) || asks, "{rule}");
    }
    let pod = &the(&objects, "Pod")["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(
        pod["containers"][0]["args"][3],
        "--skip=webhook,pod-node-selector,default-selector,guard-enforced"
    );
    assert!(of_hook(&rendered(json!({"tests": {"enabled": false}})), "test").is_empty());
}
