//! Host calls answered without a cluster, in Kubewarden's words.

use policy_host::{Denied, HostCalls, Objects, Session};
use rstest::rstest;
use serde_json::{Value, json};

const API: &str = "landlord.dev/v1alpha1";

fn request(name: &str) -> Value {
    json!({"api_version": API, "kind": "Tenant", "name": name, "namespace": null, "disable_cache": true, "field_masks": null})
}

fn get(host: &dyn HostCalls, request: &Value) -> Result<Value, String> {
    let answer =
        host.call("kubewarden", "kubernetes", "get_resource", request.to_string().as_bytes())?;
    serde_json::from_slice(&answer).map_err(|error| error.to_string())
}

fn tenant(name: &str) -> Value {
    json!({"apiVersion": API, "kind": "Tenant", "metadata": {"name": name}})
}

#[test]
fn objects_answer_and_keep_a_record() {
    let host = Objects::from_values([tenant("solar")]).expect("objects");
    assert_eq!(get(&host, &request("solar")), Ok(tenant("solar")));
    let missing = format!("Cannot find {API}/Tenant named 'lunar' inside of namespace 'None'");
    assert_eq!(get(&host, &request("lunar")), Err(missing));
    assert_eq!(host.requests(), [request("solar"), request("lunar")]);
}

#[test]
fn objects_live_in_their_namespaces() {
    let mut object = tenant("solar");
    object["metadata"]["namespace"] = json!("a");
    let host = Objects::from_values([object.clone()]).expect("objects");
    let mut request = request("solar");
    assert!(get(&host, &request).is_err());
    request["namespace"] = json!("a");
    assert_eq!(get(&host, &request), Ok(object));
}

#[test]
fn what_is_not_granted_is_refused() {
    let words = format!(
        "Policy has not been granted access to Kubernetes {API}/Tenant resources. The violation has been reported."
    );
    assert_eq!(get(&Denied, &request("solar")), Err(words.clone()));
    assert_eq!(get(&Objects::default(), &request("solar")), Err(words));
}

#[rstest]
#[case(("kubewarden", "kubernetes", "explode"), "unknown operation: explode")]
#[case(("kubewarden", "weather", "today"), "unknown namespace: weather")]
#[case(("other", "a", "b"), "unknown binding: other")]
fn unknown_calls(#[case] (binding, namespace, operation): (&str, &str, &str), #[case] words: &str) {
    assert_eq!(Denied.call(binding, namespace, operation, b"{}"), Err(words.to_owned()));
}

#[test]
fn what_is_no_object_is_refused() {
    let error =
        Objects::from_values([tenant("a"), json!({"kind": "Tenant"})]).expect_err("no object");
    assert_eq!((error.index, error.field), (1, "apiVersion"));
}

const SESSION: &str = "
- type: Exchange
  request: |
    !KubernetesGetResource
    api_version: landlord.dev/v1alpha1
    kind: Tenant
    name: solar
    disable_cache: true
  response: {type: Success, payload: '{\"a\":1}'}
- type: Exchange
  request: |
    !KubernetesGetResource
    api_version: landlord.dev/v1alpha1
    kind: Tenant
    name: lunar
    disable_cache: true
  response: {type: Error, message: gone}
";

#[test]
fn a_session_is_replayed_in_strict_sequence() {
    let session = Session::parse(SESSION).expect("a session");
    assert_eq!(session.unused().len(), 2);
    assert_eq!(get(&session, &request("solar")), Ok(json!({"a": 1})));
    assert_eq!(get(&session, &request("lunar")), Err("gone".to_owned()));
    assert_eq!(session.unused(), [] as [String; 0]);
    assert_eq!(
        get(&session, &request("lunar")),
        Err("the list of recorded responses is empty".to_owned())
    );
}

#[test]
fn a_session_refuses_another_request() {
    let session = Session::parse(SESSION).expect("a session");
    let mut cached = request("solar");
    cached["disable_cache"] = json!(false);
    let error = get(&session, &cached).expect_err("another request");
    assert!(error.starts_with("Replay error: unexpected request."), "{error}");
}

#[rstest]
#[case("{}", "not a session file")]
#[case(
    "- {type: Exchange, request: '!OciManifest {}', response: {type: Success, payload: ''}}",
    "request of exchange 0"
)]
#[case(
    "- {type: Exchange, request: '!KubernetesGetResource {name: x}', response: {type: Success, payload: ''}}",
    "request of exchange 0"
)]
fn broken_sessions(#[case] yaml: &str, #[case] words: &str) {
    let error = Session::parse(yaml).expect_err("no session").to_string();
    assert!(error.contains(words), "{error}");
}
