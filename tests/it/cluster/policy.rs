//! The policy as an object: what Kubewarden makes of it, and what it says when it cannot.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::Api;
use local_cluster::eventually;
use local_cluster::kubewarden::{apply_policy, policies};
use local_cluster::user::{ADMIN, POLICY_SERVER};
use serde_json::json;

use super::tenants::Source;
use super::world::{OWNER, World, builder, landlord, shipped};

#[tokio::test]
async fn the_webhook_says_what_the_policy_says() {
    let api: Api<MutatingWebhookConfiguration> = Api::all(landlord().client(ADMIN));
    let found =
        serde_json::to_value(api.get("kw.cap.landlord").await.expect("the webhook")).expect("JSON");
    let (webhook, spec) = (&found["webhooks"][0], &shipped("landlord")["spec"]);
    for field in ["failurePolicy", "timeoutSeconds", "matchConditions"] {
        assert_eq!(webhook[field], spec[field], "{field}");
    }
    let rules = webhook["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| (&rule["resources"], &rule["operations"]));
    let wanted = spec["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| (&rule["resources"], &rule["operations"]));
    assert!(rules.eq(wanted), "{webhook}");
    assert_eq!(webhook["sideEffects"], "None");
    for selector in ["namespaceSelector", "objectSelector"] {
        assert_eq!(webhook[selector], json!({}), "{selector} could be missed by a label");
    }
    let url = webhook["clientConfig"]["url"].as_str().expect("a URL");
    assert!(url.ends_with("/validate/kw.cap.landlord"), "{url}");
}

#[tokio::test]
async fn settings_are_followed_and_broken_ones_are_reported() {
    let world = World::start(builder(), shipped("landlord")).await;
    let client = world.client(ADMIN);
    let mut policy = shipped("landlord");
    policy["spec"]["settings"]["unclaimed"] = json!("allow");
    apply_policy(&client, &policy.to_string()).await.expect("active");
    world.create(OWNER, json!({"name": "free"})).await.expect("unclaimed: allow");

    policy["spec"]["settings"]["unclaimd"] = json!("allow");
    let words =
        apply_policy(&client, &policy.to_string()).await.expect_err("broken settings").to_string();
    assert!(words.contains("unclaimd") && words.contains("unclaimed"), "{words}");

    policies(&client).delete("landlord", &Default::default()).await.expect("deleted");
    let webhooks: Api<MutatingWebhookConfiguration> = Api::all(client);
    let gone = async || webhooks.get_opt("kw.cap.landlord").await.expect("an answer").is_none();
    eventually("the webhook goes with its policy", gone).await;
}

/// The policy reads tenants with the rights that are shipped, and these are rights to nothing else.
#[tokio::test]
async fn the_policy_server_reads_tenants_and_nothing_else() {
    let world = landlord();
    let client = world.client(POLICY_SERVER);
    let tenants = |path: &str| client.request_text(request(path));
    Source::Landlord.tenant("readable").apply().await;
    tenants("/apis/landlord.dev/v1alpha1/tenants/readable").await.expect("get");
    for path in [
        "/apis/landlord.dev/v1alpha1/tenants",
        "/api/v1/secrets",
        "/api/v1/namespaces",
        "/api/v1/pods",
    ] {
        let refused = tenants(path).await.expect_err("forbidden").to_string();
        assert!(refused.contains("cannot list resource"), "{path}: {refused}");
    }
}

#[tokio::test]
async fn evaluations_are_counted() {
    let world = landlord();
    Source::Landlord.tenant("counted").apply().await;
    world
        .create(
            OWNER,
            json!({"name": "counted-web", "labels": {Source::Landlord.label(): "counted"}}),
        )
        .await
        .expect("created");
    let metrics = world.kubewarden.metrics().await.expect("metrics");
    let line = r#"kubewarden_policy_evaluations_total{policy_name="kw.cap.landlord",accepted="true",mutated="true"}"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("kubewarden_policy_evaluation_latency_seconds_bucket"), "{metrics}");
}

fn request(path: &str) -> http::Request<Vec<u8>> {
    http::Request::get(path).body(Vec::new()).expect("a request")
}

/// What stayed as it was although the tenant wants it otherwise is a warning, as kubectl prints it.
#[tokio::test]
async fn warnings_reach_the_client() {
    let source = Source::Landlord;
    let wants = json!({"labels": {"cost-center": "4711"}});
    source.tenant("polite").with("conflicts", json!("keep")).wanting(wants).apply().await;
    let body = json!({"metadata": {"name": "polite-web", "labels": {source.label(): "polite", "cost-center": "0815"}}});
    let post = http::Request::post("/api/v1/namespaces")
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes().into());
    let answer =
        source.world().client(OWNER).send(post.expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), 201);
    let warning = answer.headers().get("warning").expect("a warning").to_str().expect("text");
    assert!(
        warning.contains("cost-center") && warning.contains("0815") && warning.contains("4711"),
        "{warning}"
    );
}
