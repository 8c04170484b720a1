//! Requests that are not quite a CREATE: dry run, generated names, server-side apply.

use kube::api::{Patch, PatchParams, PostParams};
use local_cluster::user::ADMIN;
use serde_json::json;

use super::tenants::Source;
use super::world::{NODE_SELECTOR, OWNER, annotations, labels, ledger, map, namespace, refusal};

#[tokio::test]
async fn a_server_side_dry_run_shows_the_result_and_leaves_nothing_behind() {
    let source = Source::Landlord;
    source.tenant("dry").selecting("pool", "solar").apply().await;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let body = namespace(json!({"name": "dry-web", "labels": {source.label(): "dry"}}));
    let shown =
        refusal(source.world().namespaces(OWNER).create(&params, &body).await).expect("shown");
    assert_eq!(annotations(&shown), map([(NODE_SELECTOR, "pool=solar")]));
    assert!(
        source.world().namespaces(ADMIN).get_opt("dry-web").await.expect("an answer").is_none()
    );
}

#[tokio::test]
async fn a_generated_name_waits_only_for_what_needs_the_name() {
    let source = Source::Landlord;
    let wants = json!({"labels": {"home": "{{namespace}}", "cost-center": "4711"}});
    source.tenant("generated").selecting("pool", "solar").wanting(wants).apply().await;
    let made = source
        .world()
        .create(OWNER, json!({"generateName": "ci-", "labels": {source.label(): "generated"}}))
        .await
        .expect("created");
    let name = made.metadata.name.clone().expect("a name");
    assert!(name.starts_with("ci-"));
    assert_eq!(
        labels(&made),
        map([
            ("cost-center", "4711"),
            ("kubernetes.io/metadata.name", &name),
            (source.label(), "generated")
        ])
    );
    assert_eq!(annotations(&made), map([(NODE_SELECTOR, "pool=solar")]));
    let edited = source
        .world()
        .patch(OWNER, &name, json!({"metadata": {"annotations": {"note": "x"}}}))
        .await
        .expect("edited");
    assert_eq!(labels(&edited).get("home"), Some(&name), "the next request completes it");
}

/// The API server lets a creator send the timestamp and wipes it afterwards: a live namespace that
/// skipped the webhook.
#[tokio::test]
async fn a_deletion_timestamp_in_the_body_is_no_way_round() {
    for source in [Source::Landlord, Source::Capsule] {
        source.tenant("applied").selecting("pool", "solar").apply().await;
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "applied-web", "labels": {source.label(): "applied"}, "deletionTimestamp": "2020-01-01T00:00:00Z"}});
        let params = PatchParams::apply("test");
        let made = source
            .world()
            .namespaces(OWNER)
            .patch("applied-web", &params, &Patch::Apply(object))
            .await;
        let made = refusal(made).expect("created");
        assert_eq!(made.metadata.deletion_timestamp, None, "it lives");
        assert_eq!(annotations(&made), map([(NODE_SELECTOR, "pool=solar")]));
        assert!(ledger(&made).is_some());
    }
}
