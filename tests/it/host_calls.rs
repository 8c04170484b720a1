//! What the policy asks of its host: one GET of one tenant, however many there are.

use std::sync::Arc;

use policy_host::{Denied, Objects, Verdict};
use rstest::rstest;
use serde_json::{Value, json};

use crate::compiled::POLICY;

const ADMIN: &str = "system:masters";

fn tenant(name: &str) -> Value {
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": {"nodeSelector": {"pool": name}}})
}

fn namespace(labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "labels": labels}})
}

fn request(operation: &str, object: Value, old: Value) -> Value {
    json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": operation,
           "userInfo": {"username": "admin", "groups": [ADMIN]}, "object": object, "oldObject": old})
}

/// The verdict, and what the policy asked for.
fn ask(request: &Value, settings: &Value, objects: Vec<Value>) -> (Verdict, Vec<Value>) {
    let host = Arc::new(
        Objects::from_values(objects).expect("objects").granting("landlord.dev/v1alpha1", "Tenant"),
    );
    let verdict = POLICY.validate(request, settings, Arc::clone(&host) as _);
    (verdict, host.requests())
}

fn get(name: &str, disable_cache: bool) -> Value {
    json!({"api_version": "landlord.dev/v1alpha1", "kind": "Tenant", "name": name, "namespace": null,
           "disable_cache": disable_cache, "field_masks": null})
}

#[rstest]
#[case::fresh(json!({}), true)]
#[case::cached(json!({"tenantLookup": "cached"}), false)]
fn a_create_asks_once_with_exactly_these_fields(
    #[case] settings: Value,
    #[case] disable_cache: bool,
) {
    let request =
        request("CREATE", namespace(json!({"landlord.dev/tenant": "solar"})), json!(null));
    let crowd = (0..500).map(|n| tenant(&format!("t{n}"))).chain([tenant("solar")]);
    let (verdict, asked) = ask(&request, &settings, crowd.collect());
    assert!(verdict.allowed, "{}", verdict.message());
    assert_eq!(asked, [get("solar", disable_cache)]);
}

#[rstest]
#[case::of_a_tenant("web", json!({"tenantLookup": "fresh"}), 1)]
#[case::excluded("kube-system", json!({}), 0)]
#[case::not_placed("web", json!({"pods": {"place": false}}), 0)]
fn a_pod_asks_for_its_namespace_and_for_no_tenant(
    #[case] name: &str,
    #[case] more: Value,
    #[case] times: usize,
) {
    let mut settings = json!({"pods": {"place": true}});
    settings.as_object_mut().expect("settings").extend(more.as_object().expect("settings").clone());
    let request = json!({"kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "namespace": name, "object": {"spec": {}}});
    let (verdict, asked) = ask(&request, &settings, vec![namespace(json!({}))]);
    assert!(verdict.allowed, "{}", verdict.message());
    let mut expected = get("web", true);
    (expected["api_version"], expected["kind"]) = (json!("v1"), json!("Namespace"));
    assert_eq!(asked, vec![expected; times]);
}

#[test]
fn an_update_asks_once_and_a_move_twice() {
    let of = |tenant: &str| namespace(json!({"landlord.dev/tenant": tenant}));
    let tenants = || vec![tenant("solar"), tenant("lunar")];
    let (_, same) = ask(&request("UPDATE", of("solar"), of("solar")), &json!({}), tenants());
    assert_eq!(same, [get("solar", true)]);
    let (verdict, moved) = ask(&request("UPDATE", of("lunar"), of("solar")), &json!({}), tenants());
    assert!(verdict.allowed, "{}", verdict.message());
    assert_eq!(moved, [get("solar", true), get("lunar", true)]);
}

#[test]
fn a_namespaced_tenant_is_asked_for_in_its_namespace() {
    let settings = json!({"tenantSource": {"custom": {"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "namespaced": true}},
                          "identify": [{"annotation": "project"}]});
    let mut object = namespace(json!({}));
    object["metadata"]["annotations"] = json!({"project": "c-1:p-2"});
    let (verdict, asked) = ask(&request("CREATE", object, json!(null)), &settings, Vec::new());
    assert_eq!(verdict.code(), Some(422), "{}", verdict.message());
    let mut expected = get("p-2", true);
    expected["namespace"] = json!("c-1");
    assert_eq!(asked, [expected]);
}

#[rstest]
#[case::unclaimed(json!({}))]
#[case::a_name_that_no_object_can_have(json!({"landlord.dev/tenant": "So_lar"}))]
fn nothing_to_ask_for(#[case] labels: Value) {
    let (_, asked) =
        ask(&request("CREATE", namespace(labels), json!(null)), &json!({}), Vec::new());
    assert_eq!(asked, [] as [Value; 0]);
}

#[test]
fn at_most_three_guesses_by_name_prefix() {
    let rules: Vec<Value> = (1..=5)
        .map(|segments| json!({"namePrefix": {"separator": "-", "segments": segments}}))
        .collect();
    let mut object = namespace(json!({}));
    object["metadata"]["name"] = json!("a-b-c-d-e-f");
    let (verdict, asked) =
        ask(&request("CREATE", object, json!(null)), &json!({"identify": rules}), Vec::new());
    assert!(verdict.allowed, "{}", verdict.message());
    assert_eq!(asked, [get("a", true), get("a-b", true), get("a-b-c", true)]);
}

#[test]
fn a_host_that_grants_nothing_is_a_lookup_error() {
    let request =
        request("CREATE", namespace(json!({"landlord.dev/tenant": "solar"})), json!(null));
    let verdict = POLICY.validate(&request, &json!({}), Arc::new(Denied));
    assert_eq!(verdict.code(), Some(503));
    assert!(verdict.message().contains("has not been granted access"), "{}", verdict.message());
}

#[test]
fn nonsense_is_a_denial_and_no_trap() {
    for request in [
        json!(null),
        json!([]),
        json!({"operation": "CREATE", "kind": {"kind": "Namespace"}}),
        json!({"operation": 1}),
    ] {
        let verdict = POLICY.validate(&request, &json!({}), Arc::new(Denied));
        assert!(
            !verdict.message().contains("internal server error"),
            "{request}: {}",
            verdict.message()
        );
    }
    let broken = POLICY.call("validate", b"{", Arc::new(Denied)).expect("an answer");
    assert!(String::from_utf8_lossy(&broken).contains("not the JSON that Kubewarden sends"));
}
