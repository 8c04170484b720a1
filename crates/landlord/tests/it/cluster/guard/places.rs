//! Where there is no `PodNodeSelector`, or it judged by an old state of the namespace: *hold* and
//! *deny* tell by the Pod itself, *place* does its work.

use std::collections::BTreeSet;

use local_cluster::Builder;
use local_cluster::user::ADMIN;
use serde_json::json;

use super::super::world::{LEDGER, NODE_SELECTOR};
use super::stage::{GATE, OWNER, STRANGER, Stage, builder, gates, is_held, ledger, selector};
use test_support::shapes::{COMPACT, SELECTOR, Tolerated, json_tolerations, shapes, tolerated};

#[tokio::test]
async fn a_pod_that_lacks_the_selector_waits_and_one_that_contradicts_it_is_refused() {
    let stage = Stage::new(builder().without_pod_node_selector(), "landlord", "").await;
    stage.ready("web", "solar").await;
    let carrying = json!({"nodeSelector": {"pool": "solar", "disk": "ssd"}});
    stage.passing_pod(OWNER, "web", "carries", carrying.clone()).await;
    let lacking = stage
        .pod(OWNER, "web", "lacks", json!({"nodeSelector": {"disk": "ssd"}}))
        .await
        .expect("it waits");
    assert_eq!(
        (gates(&lacking), selector(&lacking)),
        (vec![GATE.to_owned()], vec!["disk=ssd".to_owned()])
    );
    for gate in [json!([]), json!([{"name": GATE}])] {
        let spec = json!({"nodeSelector": {"pool": "lunar"}, "schedulingGates": gate});
        let refused = stage.pod(OWNER, "web", "differs", spec).await.expect_err("another pool");
        assert_eq!(
            (refused.code, refused.message.contains("pool=solar")),
            (403, true),
            "{}",
            refused.message
        );
    }
    stage.install("--on-unready=deny").await;
    let refused =
        stage.pod(OWNER, "web", "late", json!({})).await.expect_err("it lacks the selector");
    assert!(
        refused.message.contains("does not carry the node selector pool=solar"),
        "{}",
        refused.message
    );
    stage.pod(OWNER, "web", "carries-too", carrying).await.expect("it passes");
    all_namespaces_wait(&stage).await;
}

/// With scope `all`, a namespace waits until a user has looked at it, whatever it says or does
/// not say.
async fn all_namespaces_wait(stage: &Stage) {
    stage.create(STRANGER, json!({"name": "unseen"})).await.expect("created");
    stage
        .pod(STRANGER, "unseen", "early", json!({}))
        .await
        .expect("labelled namespaces only, as yet");
    stage.install("--scope=all").await;
    assert!(is_held(&stage.pod(STRANGER, "unseen", "web", json!({})).await.expect("it waits")));
    assert!(
        stage.bind(STRANGER, "unseen", "early", "lunar-1").await.is_err_and(|one| one.code == 403)
    );
    stage.create(ADMIN, json!({"name": "kube-own"})).await.expect("created");
    assert!(!is_held(&stage.pod(STRANGER, "kube-own", "web", json!({})).await.expect("excluded")));
    stage
        .patch(ADMIN, "unseen", json!({"annotations": {"landlord.dev/unclaimed": "true"}}))
        .await
        .expect("patched");
    stage.passing_pod(STRANGER, "unseen", "late", json!({})).await;
}

/// What each Pod's selector and tolerations become; `None` for one that is refused.
async fn placements(
    builder: Builder,
    flags: &str,
) -> Vec<Option<(Vec<String>, BTreeSet<Tolerated>)>> {
    let stage = Stage::new(builder, "landlord", flags).await;
    stage
        .create(ADMIN, json!({"name": "web", "labels": {stage.label(): "solar"}}))
        .await
        .expect("created");
    let annotations = json!({LEDGER: ledger("solar"), NODE_SELECTOR: SELECTOR, "landlord.dev/tolerations": COMPACT,
                             "scheduler.alpha.kubernetes.io/defaultTolerations": json_tolerations()});
    stage.patch(ADMIN, "web", json!({"annotations": annotations})).await.expect("patched");
    stage.passing_pod(OWNER, "web", "first", json!({})).await;
    let mut placements = Vec::new();
    for (number, spec) in shapes().into_iter().enumerate() {
        let made = stage.pod(OWNER, "web", &format!("web-{number}"), spec).await.ok();
        assert!(
            made.as_ref().is_none_or(|pod| gates(pod).is_empty()),
            "a namespace that is ready holds nobody"
        );
        placements.push(made.map(|pod| (selector(&pod), tolerated(&pod))));
    }
    placements
}

#[tokio::test]
async fn place_gives_what_the_plugins_give() {
    let by_guard = placements(builder().without_pod_node_selector(), "--place").await;
    let by_plugins = placements(builder().plugin("PodTolerationRestriction"), "").await;
    let refused = by_guard.iter().filter(|one| one.is_none()).count();
    assert_eq!((by_guard.len(), refused), (312, 4 * 24), "both kinds of Pods are among them");
    for (number, (ours, theirs)) in by_guard.iter().zip(&by_plugins).enumerate() {
        assert_eq!(ours, theirs, "{}", shapes()[number]);
    }
}
