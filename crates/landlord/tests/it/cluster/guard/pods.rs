//! Pods: which wait, which are refused, which pass; and nobody lets one go but the controller, and
//! those whose Pod runs in its pool.

use http::Method;
use local_cluster::user::{ADMIN, CONTROLLER};
use rstest::rstest;
use serde_json::{Value, json};

use super::super::world::{LEDGER, NODE_SELECTOR, eventually};
use super::stage::{
    GATE, OWNER, Refusal, STRANGER, Stage, builder, gates, is_held, ledger, selector,
};

const GATES: &str = "/spec/schedulingGates";

/// Namespaces that are not ready: nobody has looked at them, or landlord has not finished, or
/// a user took the selector away.
async fn unready(stage: &Stage) -> Vec<&'static str> {
    let label = stage.label();
    let cases = [
        ("fresh", json!({})),
        (
            "pending",
            json!({LEDGER: format!(r#"{{"pending":"Contested",{}"#, &ledger("solar")[1..]), NODE_SELECTOR: "pool=solar"}),
        ),
        ("of-another", json!({LEDGER: ledger("solar-2"), NODE_SELECTOR: "pool=solar"})),
        ("without-selector", json!({LEDGER: ledger("solar")})),
        ("broken", json!({LEDGER: "{", NODE_SELECTOR: "pool=solar"})),
    ];
    for (name, annotations) in &cases {
        stage
            .create(ADMIN, json!({"name": name, "labels": {label: "solar"}}))
            .await
            .expect("created");
        stage.patch(ADMIN, name, json!({"annotations": annotations})).await.expect("patched");
    }
    cases.map(|(name, _)| name).to_vec()
}

#[tokio::test]
async fn pods_wait_until_their_namespace_is_ready() {
    let stage = Stage::new(builder(), "landlord", "").await;
    for name in unready(&stage).await {
        let pod = stage.pod(STRANGER, name, "web", json!({})).await.expect("it waits");
        assert_eq!(gates(&pod), [GATE], "{name}");
        let pod = stage
            .pod(ADMIN, name, "admins", json!({"schedulingGates": [{"name": "other.io/gate"}]}))
            .await
            .expect("it waits");
        assert_eq!(gates(&pod), ["other.io/gate", GATE], "{name}");
    }
    stage.ready("web", "solar").await;
    assert_eq!(selector(&stage.passing_pod(OWNER, "web", "web", json!({})).await), ["pool=solar"]);
    let node = async || stage.get_pod("web", "web").await.spec.expect("a spec").node_name;
    eventually("the scheduler", async || {
        node().await.is_some_and(|node| node.starts_with("solar-"))
    })
    .await;

    others_pass(&stage).await;
    nodes_are_not_named(&stage).await;
    nobody_lets_a_pod_go(&stage).await;
    an_author_gains_nothing_by_a_gate(&stage).await;
    subresources_change_nothing(&stage).await;
    only_schedulers_bind(&stage).await;
    stage.install("--on-unready=deny").await;
    pods_are_refused(&stage).await;
}

/// Namespaces without a tenant, and those that are never looked at.
async fn others_pass(stage: &Stage) {
    stage.create(STRANGER, json!({"name": "free"})).await.expect("created");
    stage
        .create(ADMIN, json!({"name": "kube-own", "labels": {stage.label(): "solar"}}))
        .await
        .expect("created");
    stage
        .create(STRANGER, json!({"name": "empty", "labels": {stage.label(): ""}}))
        .await
        .expect("created");
    for name in ["free", "kube-own", "empty"] {
        let pod = stage
            .pod(STRANGER, name, "web", json!({"nodeSelector": {"pool": "lunar"}}))
            .await
            .expect("it passes");
        assert_eq!(
            (gates(&pod), selector(&pod)),
            (vec![], vec!["pool=lunar".to_owned()]),
            "{name}"
        );
    }
}

async fn nodes_are_not_named(stage: &Stage) {
    for name in ["fresh", "web"] {
        let refused = stage
            .pod(OWNER, name, "named", json!({"nodeName": "lunar-1"}))
            .await
            .expect_err("it names its node");
        assert_eq!(
            (refused.code, refused.message.contains("names its node (lunar-1)")),
            (403, true),
            "{}",
            refused.message
        );
        let pod = stage
            .pod(ADMIN, name, "named", json!({"nodeName": "lunar-1"}))
            .await
            .expect("an admin may");
        assert_eq!(gates(&pod), [""; 0]);
    }
}

/// Takes landlord's gate from a Pod, each time in another way.
async fn let_go(
    stage: &Stage,
    user: &str,
    namespace: &str,
    name: &str,
) -> Vec<Result<Value, Refusal>> {
    let_go_with("", stage, user, namespace, name).await
}

/// The same as a trial: nothing is stored.
async fn try_to_let_go(
    stage: &Stage,
    user: &str,
    namespace: &str,
    name: &str,
) -> Vec<Result<Value, Refusal>> {
    let_go_with("?dryRun=All", stage, user, namespace, name).await
}

/// The way that takes nothing but landlord's gate.
const OF_LANDLORDS_GATE: usize = 2;

async fn let_go_with(
    query: &str,
    stage: &Stage,
    user: &str,
    namespace: &str,
    name: &str,
) -> Vec<Result<Value, Refusal>> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}{query}");
    let mut free = serde_json::to_value(stage.get_pod(namespace, name).await).expect("JSON");
    free["spec"].as_object_mut().expect("a spec").remove("schedulingGates");
    let strategic = json!({"spec": {"schedulingGates": [{"$patch": "delete", "name": GATE}]}});
    let ways = [
        (Method::PATCH, "application/json-patch+json", json!([{"op": "remove", "path": GATES}])),
        (Method::PATCH, "application/merge-patch+json", json!({"spec": {"schedulingGates": null}})),
        (Method::PATCH, "application/strategic-merge-patch+json", strategic),
        (Method::PUT, "application/json", free),
    ];
    let mut answers = Vec::new();
    for (method, content, body) in ways {
        answers.push(stage.send(user, method, &path, content, &body).await);
    }
    answers
}

async fn nobody_lets_a_pod_go(stage: &Stage) {
    for user in [OWNER, ADMIN] {
        for answer in let_go(stage, user, "fresh", "web").await {
            let refused = answer.expect_err("it has to wait");
            assert_eq!(
                (refused.code, refused.message.contains("is not ready")),
                (403, true),
                "{}",
                refused.message
            );
        }
    }
    // A foreign pool can be asked for while a Pod waits, but not be reached.
    let path = "/api/v1/namespaces/fresh/pods/web";
    let foreign = json!({"spec": {"nodeSelector": {"pool": "lunar"}}});
    stage
        .send(OWNER, Method::PATCH, path, "application/merge-patch+json", &foreign)
        .await
        .expect("a Pod that waits may be changed");
    stage.make_ready("fresh", "solar").await;
    let refused = |answers: Vec<Result<Value, Refusal>>| {
        answers.into_iter().all(|one| one.is_err_and(|one| one.message.contains("pool=solar")))
    };
    eventually("refused for the selector", async || {
        refused(try_to_let_go(stage, OWNER, "fresh", "web").await)
    })
    .await;
    assert!(refused(let_go(stage, OWNER, "fresh", "web").await));
    assert!(is_held(&stage.get_pod("fresh", "web").await));
    // The controller is trusted: the API server may judge it by an old state of the namespace.
    assert!(let_go(stage, CONTROLLER, "of-another", "web").await.remove(0).is_ok());
    assert!(!is_held(&stage.get_pod("of-another", "web").await));
}

async fn an_author_gains_nothing_by_a_gate(stage: &Stage) {
    let gate = json!({"schedulingGates": [{"name": GATE}]});
    let pod = stage.pod(OWNER, "pending", "gated", gate.clone()).await.expect("it waits");
    assert_eq!(gates(&pod), [GATE]);
    assert!(let_go(stage, OWNER, "pending", "gated").await.iter().all(Result::is_err));
    let pod = stage.pod(OWNER, "web", "gated", gate).await.expect("it waits");
    assert_eq!(
        (gates(&pod), selector(&pod)),
        (vec![GATE.to_owned()], vec!["pool=solar".to_owned()])
    );
    assert!(
        let_go(stage, OWNER, "web", "gated").await.remove(0).is_ok(),
        "it runs where it has to"
    );
}

/// What runs on which node is not changed by way of a subresource, while what they are there for
/// is.
async fn subresources_change_nothing(stage: &Stage) {
    let bodies = [
        json!({"spec": {"schedulingGates": null}}),
        json!({"spec": {"schedulingGates": [{"$patch": "delete", "name": GATE}]}}),
        json!({"spec": {"nodeName": "lunar-1"}}),
        json!({"spec": {"nodeSelector": {"pool": "lunar"}}}),
        json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "debug"}]}}),
        json!({"status": {"nominatedNodeName": "lunar-1"}}),
    ];
    let path = |sub: &str| format!("/api/v1/namespaces/pending/pods/web/{sub}");
    let place = async || {
        let spec = stage.get_pod("pending", "web").await.spec.expect("a spec");
        (spec.node_name, spec.node_selector, spec.scheduling_gates)
    };
    let before = place().await;
    for sub in ["ephemeralcontainers", "status", "resize"] {
        for body in &bodies {
            // The API server takes all of them, and writes what belongs to the subresource.
            stage
                .send(
                    OWNER,
                    Method::PATCH,
                    &path(sub),
                    "application/strategic-merge-patch+json",
                    body,
                )
                .await
                .expect("taken");
            assert_eq!(place().await, before, "{sub}: {body}");
        }
    }
    let after = stage.get_pod("pending", "web").await;
    assert_eq!(after.spec.expect("a spec").ephemeral_containers.map(|all| all.len()), Some(1));
    assert_eq!(after.status.expect("a status").nominated_node_name.as_deref(), Some("lunar-1"));
}

async fn only_schedulers_bind(stage: &Stage) {
    stage.pod(OWNER, "web", "unbound", json!({"schedulerName": "none"})).await.expect("it passes");
    let target = |kind: &str| json!({"metadata": {"name": "unbound"}, "target": {"kind": kind, "name": "lunar-1"}});
    let path = "/api/v1/namespaces/web/pods/unbound/binding";
    for user in [OWNER, STRANGER] {
        let refused = stage
            .send(user, Method::POST, path, "application/json", &target("Node"))
            .await
            .expect_err("no scheduler");
        assert!(
            refused
                .message
                .contains("only schedulers (system:kube-scheduler) and admins bind Pods"),
            "{}",
            refused.message
        );
        assert_eq!(
            stage.bind(user, "web", "unbound", "lunar-1").await.expect_err("no scheduler").code,
            403
        );
    }
    assert_eq!(stage.get_pod("web", "unbound").await.spec.expect("a spec").node_name, None);
    stage.bind(ADMIN, "web", "unbound", "solar-1").await.expect("an admin may");
}

async fn pods_are_refused(stage: &Stage) {
    for name in ["pending", "of-another", "without-selector", "broken"] {
        for (user, spec) in
            [(OWNER, json!({})), (ADMIN, json!({"schedulingGates": [{"name": GATE}]}))]
        {
            let refused = stage.pod(user, name, "late", spec).await.expect_err("not ready");
            let said = refused.message.contains(&format!("namespace {name} is not ready"))
                && refused.message.contains("landlord explain");
            assert_eq!((refused.code, said), (403, true), "{}", refused.message);
        }
    }
    assert!(
        let_go(stage, OWNER, "pending", "web").await.iter().all(Result::is_err),
        "what waited under hold still does"
    );
    let pod = stage.pod(OWNER, "web", "late", json!({})).await.expect("it passes");
    assert_eq!((gates(&pod), selector(&pod)), (vec![], vec!["pool=solar".to_owned()]));
}

/// A user's own gates keep no ticket for a pool that the namespace has lost: whoever takes the last
/// gate away is judged by what the namespace wants now.
#[rstest]
#[tokio::test]
async fn own_gates_are_no_ticket(
    #[values("", "--on-unready=deny", "--without-mutating-policies")] flags: &str,
) {
    let stage = Stage::new(builder(), "landlord", flags).await;
    stage.ready("stock", "solar").await;
    let own = |names: &[&str]| {
        let gates: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"schedulingGates": gates})
    };
    let passes =
        async || stage.try_pod(OWNER, "stock", json!({})).await.is_ok_and(|pod| !is_held(&pod));
    eventually("a namespace that is ready", passes).await;
    for (name, names) in [
        ("fair", vec!["mine.io/later"]),
        ("hoard", vec!["mine.io/later"]),
        ("hoard-of-two", vec!["mine.io/later", "mine.io/even-later"]),
    ] {
        stage.pod(OWNER, "stock", name, own(&names)).await.expect("it waits by itself");
    }
    assert!(let_go(&stage, OWNER, "stock", "fair").await.remove(0).is_ok(), "it runs in its pool");

    // The tenant gets another pool, which says nothing of the key that Pods carry; then an admin
    // moves the namespace; then landlord is not done with it.
    let annotations = [
        json!({NODE_SELECTOR: "zone=b"}),
        json!({LEDGER: ledger("lunar"), NODE_SELECTOR: "pool=lunar"}),
        json!({LEDGER: null}),
    ];
    for (annotations, said) in annotations.into_iter().zip(["zone=b", "pool=lunar", "is not ready"])
    {
        let label = if said == "pool=lunar" { "lunar" } else { "solar" };
        let metadata = json!({"labels": {stage.label(): label}, "annotations": annotations});
        stage.patch(ADMIN, "stock", metadata).await.expect("patched");
        let refused = async || {
            let mut answers = try_to_let_go(&stage, OWNER, "stock", "hoard").await;
            let _ = answers.remove(OF_LANDLORDS_GATE);
            answers.iter().all(|one| one.as_ref().is_err_and(|one| one.message.contains(said)))
        };
        eventually(&format!("refused: {said}"), refused).await;
        for name in ["hoard", "hoard-of-two"] {
            for user in [OWNER, STRANGER] {
                let mut answers = let_go(&stage, user, "stock", name).await;
                let _ = answers.remove(OF_LANDLORDS_GATE);
                for answer in answers {
                    let refused = answer.expect_err("a ticket");
                    assert_eq!(
                        (refused.code, refused.message.contains(said)),
                        (403, true),
                        "{}",
                        refused.message
                    );
                }
            }
        }
    }
    let path = "/api/v1/namespaces/stock/pods/hoard-of-two";
    let one_less = json!([{"op": "remove", "path": format!("{GATES}/0")}]);
    let patch = async || {
        stage.send(OWNER, Method::PATCH, path, "application/json-patch+json", &one_less).await
    };
    patch().await.expect("a gate remains");
    patch().await.expect_err("the last one");
    assert_eq!(gates(&stage.get_pod("stock", "hoard-of-two").await), ["mine.io/even-later"]);
    assert_eq!(stage.get_pod("stock", "hoard").await.spec.expect("a spec").node_name, None);
}
