//! Overrides on a real API server: what clients that write a whole manifest read.

use http::Request;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::tenants::Source;
use super::world::{NODE_SELECTOR, OWNER, annotations, labels, ledger};

/// A manifest of a repository, which knows none of landlord's keys.
fn manifest(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": "web"}}})
}

/// Sends the request as the user; the warnings that come back.
async fn send(user: &str, method: &str, path: &str, kind: &str, body: &Value) -> Vec<String> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .body(body.to_string().into_bytes().into())
        .expect("a request");
    let answer = Source::Landlord.world().client(user).send(request).await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    let headers = answer.headers().get_all("warning");
    headers.iter().map(|header| header.to_str().expect("text").to_owned()).collect()
}

/// `kubectl replace`, and what Terraform and Argo CD (`Replace=true`) do, as an admin and as an
/// owner; and `kubectl apply --server-side --force-conflicts` of other values.
#[tokio::test]
async fn a_manifest_that_knows_nothing_of_landlord_changes_nothing_and_says_so() {
    let source = Source::Landlord;
    let (world, name) = (source.world(), "replaced-web");
    let wants = json!({"labels": {"cost-center": "4711"}});
    source.tenant("replaced").selecting("pool", "solar").wanting(wants).apply().await;
    let metadata = json!({"name": name, "labels": {source.label(): "replaced", "team": "web"}});
    let before = world.create(OWNER, metadata).await.expect("created");
    let path = format!("/api/v1/namespaces/{name}");
    for user in [ADMIN, OWNER] {
        let told = send(user, "PUT", &path, "application/json", &manifest(name)).await;
        for key in [source.label(), "cost-center", NODE_SELECTOR, "landlord.dev/ledger"] {
            assert!(
                told.iter().any(|one| one.contains(key) && one.contains("put back")),
                "{user}, {key}: {told:?}"
            );
        }
        let after = world.namespaces(user).get(name).await.expect("there");
        assert_eq!(
            (labels(&after), annotations(&after), ledger(&after)),
            (labels(&before), annotations(&before), ledger(&before)),
            "{user}"
        );
    }

    let mut applied = manifest(name);
    applied["metadata"]["labels"]["cost-center"] = json!("9999");
    let forced = format!("{path}?fieldManager=terraform&force=true");
    let told = send(OWNER, "PATCH", &forced, "application/apply-patch+yaml", &applied).await;
    assert!(
        told.iter().any(|one| one.contains(
            r#"label \"cost-center\" was put back to \"4711\": tenant \"replaced\" manages it"#
        )),
        "{told:?}"
    );

    let out = json!({"metadata": {"labels": {source.label(): ""}}});
    let told = send(ADMIN, "PATCH", &path, "application/merge-patch+json", &out).await;
    assert!(told.iter().any(|one| one.contains("leaves tenant")), "{told:?}");
    let after = world.namespaces(ADMIN).get(name).await.expect("there");
    assert_eq!((annotations(&after), ledger(&after)), Default::default());
    assert!(!labels(&after).contains_key(source.label()), "{:?}", labels(&after));
}
