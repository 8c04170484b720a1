//! Scenario 8: an owner who may update namespaces, their status and their finalizers cannot get
//! them out of the pool.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Patch, PatchParams, PostParams};
use rstest::rstest;
use serde_json::{Value, json};

use super::tenants::Source;
use super::world::{NODE_SELECTOR, OWNER, annotations, labels, ledger, refusal};

/// A namespace of a tenant that has a selector and metadata, and another tenant to escape to.
async fn victim(source: Source, name: &str) -> Namespace {
    let wants = json!({"labels": {"cost-center": "4711"}, "annotations": {"contact": "a@b.c"}});
    source.tenant("kept").selecting("pool", "solar").wanting(wants).apply().await;
    source
        .tenant("greener")
        .selecting("pool", "lunar")
        .with("owners", json!([{"kind": "User", "name": "somebody"}]))
        .apply()
        .await;
    source
        .world()
        .create(OWNER, json!({"name": name, "labels": {source.label(): "kept"}}))
        .await
        .expect("created")
}

fn annotation(key: &str, value: Value) -> Value {
    json!({"metadata": {"annotations": {key: value}}})
}

fn label(key: &str, value: Value) -> Value {
    json!({"metadata": {"labels": {key: value}}})
}

#[rstest]
#[tokio::test]
async fn managed_keys_are_put_back(
    #[values(Source::Landlord, Source::Capsule)] source: Source,
    #[values(
        ("label", label("cost-center", json!("0"))),
        ("label-gone", label("cost-center", json!(null))),
        ("annotation", annotation("contact", json!("x@y.z"))),
        ("selector", annotation(NODE_SELECTOR, json!("pool=lunar"))),
        ("selector-gone", annotation(NODE_SELECTOR, json!(null))),
        ("selector-broken", annotation(NODE_SELECTOR, json!("pool in (lunar)"))),
        ("ledger", annotation("landlord.dev/ledger", json!(r#"{"tenant":"kept","labels":[],"annotations":[]}"#))),
        ("ledger-gone", annotation("landlord.dev/ledger", json!(null)))
    )]
    (case, patch): (&str, Value),
) {
    let name = format!("{case}-{}", if source == Source::Landlord { "l" } else { "c" });
    let before = victim(source, &name).await;
    let after = source.world().patch(OWNER, &name, patch).await.expect("the request succeeds");
    assert_eq!(
        (labels(&after), annotations(&after), ledger(&after)),
        (labels(&before), annotations(&before), ledger(&before))
    );
}

#[rstest]
#[tokio::test]
async fn subresources_are_no_way_round(
    #[values(Source::Landlord, Source::Capsule)] source: Source,
    #[values("status", "finalize")] subresource: &str,
) {
    let name = format!("by-{subresource}");
    let before = victim(source, &name).await;
    let api = source.world().namespaces(OWNER);
    let after = match subresource {
        "status" => {
            api.patch_status(
                &name,
                &PatchParams::default(),
                &Patch::Merge(annotation(NODE_SELECTOR, json!("pool=lunar"))),
            )
            .await
        }
        _ => {
            let mut body = before.clone();
            body.metadata
                .annotations
                .get_or_insert_default()
                .insert(NODE_SELECTOR.to_owned(), "pool=lunar".to_owned());
            api.replace_subresource(subresource, &name, &PostParams::default(), &body).await
        }
    };
    let after = refusal(after).expect("the request succeeds");
    assert_eq!(
        (labels(&after), annotations(&after), ledger(&after)),
        (labels(&before), annotations(&before), ledger(&before))
    );
}

#[rstest]
#[tokio::test]
async fn the_tenant_is_not_to_be_changed(
    #[values(Source::Landlord, Source::Capsule)] source: Source,
) {
    let before = victim(source, "mover").await;
    let world = source.world();
    let refused = world
        .patch(OWNER, "mover", label(source.label(), json!("greener")))
        .await
        .expect_err("not hers");
    assert_eq!(refused.code, 403);
    assert!(
        refused.message.contains("\"greener\"") && refused.message.contains(OWNER),
        "{}",
        refused.message
    );
    let after =
        world.patch(OWNER, "mover", label(source.label(), json!(null))).await.expect("put back");
    assert_eq!(labels(&after), labels(&before));
}
