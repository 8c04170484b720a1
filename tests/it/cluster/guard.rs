//! The policy with the guard beside it: what the policy writes stands, and nobody notices the
//! guard.

use std::fs;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams, PostParams};
use local_cluster::eventually;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::world::{
    NODE_SELECTOR, OWNER, OWNERS, STRANGER, World, annotations, builder, labels, ledger, map,
    refusal, shipped,
};
use crate::compiled::root;

const LABEL: &str = "landlord.dev/tenant";

fn pod() -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "web"}]}})).expect("a Pod")
}

/// With the tenant solar, and the guard as it is shipped in force.
async fn world() -> World {
    let world = World::start(builder(), shipped("landlord")).await;
    for pool in ["solar", "lunar"] {
        let spec = json!({"owners": [{"kind": "Group", "name": OWNERS}], "nodeSelector": {"pool": pool}, "labels": {"cost": "1"}});
        world
            .apply(json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": pool}, "spec": spec}))
            .await
            .expect("a tenant");
    }
    world
        .create(ADMIN, json!({"name": "probe", "labels": {LABEL: "solar"}}))
        .await
        .expect("created");
    let guard = fs::read_to_string(root().join("deploy/guard.yaml")).expect("the guard");
    world.cluster.apply(&guard).await.expect("a guard that the API server takes");
    let trial = PatchParams { dry_run: true, ..PatchParams::default() };
    let (api, forged) =
        (world.namespaces(OWNER), Patch::Merge(metadata(json!({}), json!({LABEL: "lunar"}))));
    let sealed = async || {
        let answer = api.patch("probe", &trial, &forged).await;
        answer.is_err_and(|error| error.to_string().contains("are sealed"))
    };
    eventually("the guard in force", sealed).await;
    world
}

fn metadata(annotations: Value, labels: Value) -> Value {
    json!({"metadata": {"annotations": annotations, "labels": labels}})
}

#[tokio::test]
async fn policy_and_guard_work_together() {
    let world = world().await;
    let api = |name: &str| Api::<Pod>::namespaced(world.client(OWNER), name);
    for number in 0..10 {
        let name = format!("web-{number}");
        let made = world
            .create(OWNER, json!({"name": name, "labels": {LABEL: "solar"}}))
            .await
            .expect("created");
        assert!(ledger(&made).is_some_and(|ledger| ledger.starts_with(r#"{"tenant":"solar","#)));
        assert_eq!(annotations(&made), map([(NODE_SELECTOR, "pool=solar")]), "and no stamp");
        let spec = api(&name)
            .create(&PostParams::default(), &pod())
            .await
            .expect("a Pod")
            .spec
            .expect("a spec");
        assert_eq!(
            (spec.scheduling_gates, spec.node_selector),
            (None, Some(map([("pool", "solar")])))
        );
    }
    let refused = world
        .create(STRANGER, json!({"name": "stolen", "labels": {LABEL: "solar"}}))
        .await
        .expect_err("not hers");
    assert_eq!(refused.code, 403);

    // Owners of both tenants move nothing any more; admins do, and the policy writes what follows
    // in the same request.
    let moved = |tenant: &str| metadata(json!({"note": "a"}), json!({LABEL: tenant, "cost": "2"}));
    let refused = world.patch(OWNER, "web-0", moved("lunar")).await.expect_err("sealed");
    let words = "labels landlord.dev/tenant are sealed: leave them as they are";
    assert_eq!((refused.code, refused.message.contains(words)), (403, true), "{refused:?}");
    // What is merely dropped comes back, by guard and policy, and the rest is taken.
    let dropping =
        json!({"metadata": {"annotations": {"note": "a"}, "labels": {LABEL: null, "cost": "2"}}});
    let after = world.patch(OWNER, "web-0", dropping).await.expect("taken");
    assert_eq!((labels(&after)[LABEL].as_str(), labels(&after)["cost"].as_str()), ("solar", "1"));
    assert_eq!(annotations(&after), map([(NODE_SELECTOR, "pool=solar"), ("note", "a")]));
    let after = world.patch(ADMIN, "web-0", moved("lunar")).await.expect("moved");
    assert_eq!(
        (labels(&after)[LABEL].as_str(), annotations(&after)[NODE_SELECTOR].as_str()),
        ("lunar", "pool=lunar")
    );
    let refused = refusal(
        api("web-1")
            .create(&PostParams::default(), &{
                let mut pod = pod();
                pod.spec.as_mut().expect("a spec").node_name = Some("lunar-1".to_owned());
                pod.metadata.name = Some("named".to_owned());
                pod
            })
            .await,
    );
    assert!(refused.is_err_and(|refused| refused.code == 403));
}
