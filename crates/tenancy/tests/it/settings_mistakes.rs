//! What the settings as a whole refuse, take, and exclude.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::requester::Requester;
use tenancy::settings::Settings;

fn read(settings: Value) -> Settings {
    Settings::from_value(&settings).expect("settings")
}

/// The system's namespaces stay out of tenancy whatever is listed, unless a field asks for them.
#[rstest]
#[case::default(json!({}), &["kube-system", "kube-public", "kube-node-lease", "landlord", "kubewarden"], &["web"])]
#[case::listed(json!({"excludedNamespaces": ["ci-*"]}), &["kube-system", "landlord", "kubewarden", "ci-1"], &["kube-web"])]
#[case::none(json!({"excludedNamespaces": []}), &["kube-system", "kube-node-lease", "landlord"], &["web"])]
#[case::of_the_controller(json!({"excludedNamespaces": [], "controller": "ops:landlord"}), &["ops", "kube-public"], &["landlord"])]
#[case::asked_for(json!({"excludedNamespaces": [], "includeSystemNamespaces": true}), &[], &["kube-system", "landlord", "kubewarden"])]
#[case::but_one(json!({"excludedNamespaces": ["kube-system"], "includeSystemNamespaces": true}), &["kube-system"], &["kube-public"])]
fn system_namespaces(#[case] settings: Value, #[case] out: &[&str], #[case] within: &[&str]) {
    let settings = read(settings);
    for name in out {
        assert!(settings.excludes(name), "{name}");
    }
    for name in within {
        assert!(!settings.excludes(name), "{name}");
    }
}

#[rstest]
#[case("cattle-system:rancher", true)]
#[case("system:serviceaccount:cattle-system:rancher", true)]
#[case("cattle-system/rancher", false)]
#[case("system:serviceaccount:rancher", false)]
#[case("rancher", false)]
#[case("a:b:c", false)]
#[case("system:serviceaccount:", false)]
#[case("", false)]
fn service_accounts(#[case] account: &str, #[case] valid: bool) {
    let settings = json!({"admins": {"serviceAccounts": [account]}, "controller": account});
    match Settings::from_value(&settings) {
        Ok(settings) => {
            assert!(valid);
            let user = json!({"username": "system:serviceaccount:cattle-system:rancher"});
            let requester = Requester::from_user_info(&user);
            assert!(settings.is_admin(&requester) && settings.is_controller(&requester));
            assert_eq!(settings.controller, "cattle-system:rancher");
        }
        Err(error) => {
            assert!(!valid, "{error}");
            assert!(error.to_string().contains("write `namespace:name`"), "{error}");
        }
    }
}

#[rstest]
#[case("system:kube-scheduler", None)]
#[case("system:serviceaccount:volcano-system:volcano-scheduler", None)]
#[case("default-scheduler", Some("this is the name of a scheduler"))]
#[case("kube-scheduler", Some("write `system:kube-scheduler`"))]
#[case("", Some("empty"))]
fn schedulers(#[case] user: &str, #[case] message: Option<&str>) {
    let read = Settings::from_value(&json!({"schedulers": ["system:kube-scheduler", user]}));
    match (message, read) {
        (None, Ok(_)) => {}
        (Some(message), Err(error)) => {
            let error = error.to_string();
            assert!(error.starts_with("schedulers[1]: ") && error.contains(message), "{error}");
        }
        (_, read) => panic!("{read:?}"),
    }
}

/// One document, checked whole: each field with what its message says.
#[rstest]
#[case(json!({"tenantSource": "rancher"}), "tenantSource: unknown variant `rancher`", "did you mean")]
#[case(json!({"unclaimed": "deny"}), "unclaimed: unknown variant `deny`", "did you mean")]
#[case(json!({"failurePolicy": "Ignore"}), "unknown field `failurePolicy`", "did you mean")]
#[case(json!({"settings": {}}), "unknown field `settings`", "did you mean")]
#[case(json!({"onerror": "allow"}), "did you mean `onError`?", "-")]
#[case(json!({"guard": {"onUnready": "wait"}}), "guard.onUnready: unknown variant `wait`", "did you mean")]
#[case(json!({"strategy": {"mode": "auto", "auto": {"period": 15}}}), "strategy.auto.period: 15 is not a time", "-")]
#[case(json!({"strategy": {"critical": {"names": ["pay-.*"]}}}), "strategy.critical.names[0]: pattern \"pay-.*\" can match no name", "-")]
#[case(json!({"strategy": {"critical": {"labels": {"env": "prod"}}}}), "strategy.critical.labels: unknown field `env`", "-")]
#[case(json!({"strategy": {"critical": {"labels": {}}}}), "strategy.critical.labels: it has no term", "-")]
#[case(json!({"excludedNamespaces": ["kube-.*"]}), "excludedNamespaces[0]: pattern \"kube-.*\" can match no name of a namespace", "-")]
#[case(json!({"protectedKeys": ["openshift.io/.*"]}), "protectedKeys[0]: pattern \"openshift.io/.*\" can match no key", "-")]
#[case(json!({"tenantSource": {"inline": [{"name": "solar", "nodeSelector": {"pool": 7}}]}}), "tenantSource.inline[0].nodeSelector.pool: invalid type: number `7`, expected a string: write it in quotes", "-")]
#[case(json!({"tenantSource": {"inline": [{"name": "solar", "nodeSelector": {"dedicated": true}}]}}), "boolean `true`, expected a string: write it in quotes", "-")]
#[case(json!({"admins": {"users": [7]}}), "admins.users[0]: invalid type: number `7`, expected a string: write it in quotes", "-")]
#[case(json!({"admins": {"users": ["ada", ""]}}), "admins.users[1]: \"\": empty", "-")]
#[case(json!({"admins": {"groups": [" ops"]}}), "admins.groups[0]: \" ops\": it has spaces around it", "-")]
#[case(json!({"admins": {"groups": ["system:authenticated"]}}), "admins.groups[0]: \"system:authenticated\": every user is in it", "-")]
#[case(json!({"admins": "bob"}), "admins: invalid type: string \"bob\", expected an object", "struct")]
#[case(json!({"guard": null}), "guard: invalid type: null, expected an object", "struct")]
#[case(json!({"schedulers": {}}), "schedulers: invalid type: an object, expected a list", "sequence")]
#[case(json!({"schedulers": []}), "schedulers: no Pod would be bound", "-")]
#[case(json!({"excludedNamespaces": ["kube-*", "*"]}), "excludedNamespaces[1]: it matches every namespace", "-")]
#[case(json!({"excludedNamespaces": ["?*"]}), "excludedNamespaces[0]: it matches every namespace", "-")]
#[case(json!({"platformOperators": {"groups": ["system:authenticated"]}}), "platformOperators.groups[0]: \"system:authenticated\": every user is in it", "-")]
#[case(json!({"platformOperators": {"serviceAccounts": ["rancher"]}}), "platformOperators.serviceAccounts[0]: \"rancher\" is not a service account", "-")]
#[case(json!({"platformOperators": {"group": ["ops"]}}), "platformOperators: unknown field `group`", "-")]
#[case(json!({"platformOperators": ["ops"]}), "platformOperators", "-")]
#[case(json!({"pods": {"onUnready": "hold"}}), "pods.onUnready: the policy on Pods holds only where it places them", "-")]
fn mistakes(#[case] settings: Value, #[case] message: &str, #[case] without: &str) {
    let error = Settings::from_value(&settings).expect_err("refused").to_string();
    assert!(error.contains(message), "{error}");
    assert!(!error.contains(without) || without == "-", "{error}");
}

/// Everything that is wrong is told at once, each with its place in the document, and nothing that
/// only follows from it.
#[rstest]
#[case::two_fields(json!({"unclaimed": "deny", "release": "never"}), &["release: unknown", "unclaimed: unknown"])]
#[case::unknown_fields(json!({"failurePolicy": "Ignore", "foo": 1, "unclaimed": "deny"}), &["unknown field `failurePolicy`", "unknown field `foo`", "unclaimed: unknown"])]
#[case::elements(json!({"excludedNamespaces": ["a b", "ok", "c.d", "KUBE"]}), &["excludedNamespaces[0]: ", "excludedNamespaces[2]: ", "excludedNamespaces[3]: "])]
#[case::rules(json!({"identify": [{"label": "a b"}, {"label": "ok"}, {"jsonPath": {"path": "$.x"}}, {"labl": "x"}]}), &["identify[0].label: ", "identify[2].jsonPath.path: ", "identify[3]: "])]
#[case::with_the_strategy(json!({"strategy": {"mode": "auto", "auto": {"period": 15, "hysteresis": 99}}, "controller": "x"}), &["controller: ", "strategy.auto.period: ", "strategy.auto.hysteresis: "])]
#[case::a_follower(json!({"strategy": {"mode": "hybrid", "critical": {"names": ["a b"]}}}), &["strategy.critical.names[0]: "])]
#[case::hooks(json!({"hooks": [{"name": "x", "set": {"labels": {"a b": "1"}}}, {"name": "y", "set": {"labels": {"c d": "1"}}}]}), &["hooks[0].set.labels[\"a b\"]", "hooks[1].set.labels[\"c d\"]"])]
#[case::inline(json!({"tenantSource": {"inline": [{"name": "solar", "nodeSelector": {"pool": 7}, "labels": {"a.b/c": 1}}, {"name": "lunar", "labels": {"x y": "1"}}]}}),
    &["tenantSource.inline[0].nodeSelector.pool: ", "tenantSource.inline[0].labels.a.b/c: ", "tenantSource.inline[1].labels[\"x y\"]"])]
#[case::of_a_kind(json!({"admins": {"serviceAccounts": ["a", "b:c", "d"], "users": [1, 2]}}), &["admins.users[0]: ", "admins.users[1]: ", "admins.serviceAccounts[0]: ", "admins.serviceAccounts[2]: "])]
#[case::one(json!({"tenantSource": {"custom": {"kind": "Project"}}}), &["tenantSource.custom: missing field `apiVersion`"])]
#[case::no_document(json!([]), &["invalid type"])]
fn all_mistakes_are_told(#[case] settings: Value, #[case] places: &[&str]) {
    let error = Settings::from_value(&settings).expect_err("refused").to_string();
    for place in places {
        assert!(error.contains(place), "{place} is not in {error}");
    }
    assert_eq!(error.split("; also ").count(), places.len(), "{error}");
}

#[test]
fn all_mistakes_of_a_tenant_are_told() {
    let spec = json!({"nodeSelector": {"pool": 7, "dedicated": true}, "labels": {"cost-center": 4711, "since": "2024-01-01"}, "onwers": []});
    let object = json!({"metadata": {"name": "solar"}, "spec": spec});
    let error = read(Value::Null).tenant(&object).expect_err("refused").to_string();
    let numbers =
        ["spec.labels.cost-center", "spec.nodeSelector.dedicated", "spec.nodeSelector.pool"];
    for place in numbers {
        assert!(error.contains(place), "{place} is not in {error}");
    }
    assert_eq!(error.matches("write it in quotes").count(), numbers.len(), "{error}");
    assert!(
        error.contains("unknown field `onwers`") && error.contains("did you mean `owners`?"),
        "{error}"
    );
    assert_eq!(error.split("; also ").count(), 4, "{error}");
}

#[test]
fn many_mistakes_are_cut() {
    let users: Vec<u8> = (0..100).collect();
    let error = Settings::from_value(&json!({"admins": {"users": users}})).expect_err("refused");
    assert_eq!(error.to_string().split("; also ").count(), 16);
}

/// An owner that nobody can be is refused wherever the tenant is written.
#[rstest]
#[case("ServiceAccount", "ci:robot", None)]
#[case("ServiceAccount", "system:serviceaccount:ci:robot", None)]
#[case("ServiceAccount", "robot", Some("write `namespace:name`"))]
#[case("ServiceAccount", "ci/robot", Some("write `namespace:name`"))]
#[case("ServiceAccount", "", Some("write `namespace:name`"))]
#[case("Group", "", Some("owners[1].name: empty"))]
#[case("User", "", Some("owners[1].name: empty"))]
#[case("User", "robot", None)]
fn owners(#[case] kind: &str, #[case] name: &str, #[case] message: Option<&str>) {
    let owners = json!([{"kind": "User", "name": "ann"}, {"kind": kind, "name": name}]);
    let inline = json!({"tenantSource": {"inline": [{"name": "solar", "owners": owners}]}});
    let object = json!({"metadata": {"name": "solar"}, "spec": {"owners": owners}});
    let of_object = read(Value::Null).tenant(&object).map(drop).map_err(|error| error.to_string());
    let of_inline = Settings::from_value(&inline).map(drop).map_err(|error| error.to_string());
    for read in [of_object, of_inline] {
        match (message, read) {
            (None, Ok(())) => {}
            (Some(message), Err(error)) => assert!(error.contains(message), "{error}"),
            (_, read) => panic!("{read:?}"),
        }
    }
}
