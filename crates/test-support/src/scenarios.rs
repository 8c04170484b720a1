//! Scenarios 1 to 16 of `tests/conformance/scenarios.md`: landlord's tests run them with the
//! controller alone, the policy's with both stages.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::policy;
use crate::world::{LEDGER, NODE_SELECTOR, World, eventually, map};

fn additional(labels: Value, annotations: Value) -> Value {
    json!({"additionalMetadata": {"labels": labels, "annotations": annotations}})
}

fn list(items: Value) -> Value {
    json!({"namespaceOptions": {"additionalMetadataList": items}})
}

/// All but 11 and 15, on one cluster of Capsule's.
pub async fn what_a_tenant_says_reaches_its_namespaces(world: &World) {
    scenarios_1_and_2(world).await;
    scenario_3(world).await;
    scenario_4(world).await;
    scenario_5(world).await;
    scenario_6(world).await;
    scenario_7(world).await;
    scenario_8(world).await;
    scenario_9(world).await;
    scenario_10(world).await;
    scenarios_12_and_13(world).await;
    scenario_14(world).await;
    scenario_16(world).await;
}

async fn scenarios_1_and_2(world: &World) {
    let options = |labels: Value, annotations: Value| json!({"nodeSelector": {"node": "foobar"}, "namespaceOptions": additional(labels, annotations)});
    world
        .set_tenant(
            "first",
            options(
                json!({"k8s.io/custom-label": "foo"}),
                json!({"k8s.io/custom-annotation": "bizz"}),
            ),
        )
        .await;
    world.create("first-web", "first", json!({})).await;
    let annotations = [("k8s.io/custom-annotation", "bizz"), (NODE_SELECTOR, "node=foobar")];
    world.comes_to("first-web", "first", [("k8s.io/custom-label", "foo")], annotations).await;
    let labels = json!({"k8s.io/custom-label": "foo", "newlabel": "foobazbar"});
    world.set_tenant("first", options(labels, json!({"newannotation": "foobazbar"}))).await;
    let annotations = [("newannotation", "foobazbar"), (NODE_SELECTOR, "node=foobar")];
    world
        .comes_to(
            "first-web",
            "first",
            [("k8s.io/custom-label", "foo"), ("newlabel", "foobazbar")],
            annotations,
        )
        .await;
}

async fn scenario_3(world: &World) {
    let labels = json!({"capsule.clastix.io/tenant": "tenan-override", "kubernetes.io/metadata.name": "namespace-override", "a": "b"});
    world.set_tenant("forced", json!({"namespaceOptions": additional(labels, json!({}))})).await;
    world.create("forced-web", "forced", json!({})).await;
    world.comes_to("forced-web", "forced", [("a", "b")], []).await;
}

async fn scenario_4(world: &World) {
    let selecting = |label: &str, suffix: &str| {
        json!({"namespaceSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": ["yes"]}]},
               "labels": {format!("label{suffix}"): "foo"}, "annotations": {format!("annotation{suffix}"): "bizz"}})
    };
    let templated = json!({"labels": {"of": "{{ tenant.name }}", "in": "{{ namespace }}"}});
    world
        .set_tenant(
            "lists",
            list(json!([selecting("here", "_2"), selecting("nowhere", "_3"), templated])),
        )
        .await;
    world.create("lists-web", "lists", json!({"here": "yes"})).await;
    let labels = [("here", "yes"), ("label_2", "foo"), ("of", "lists"), ("in", "lists-web")];
    world.comes_to("lists-web", "lists", labels, [("annotation_2", "bizz")]).await;
}

async fn scenario_5(world: &World) {
    let first = json!({"labels": {"clastix.io/custom-label": "bar"}, "annotations": {"clastix.io/custom-annotation": "buzz"}});
    let second = json!({"labels": {"k8s.io/custom-label": "foo"}, "annotations": {"k8s.io/custom-annotation": "bizz"}});
    world.set_tenant("life", list(json!([first, second]))).await;
    world
        .create(
            "life-web",
            "life",
            json!({"matching_namespace_label": "matching_namespace_label_value", "env": "e2e"}),
        )
        .await;
    let labels = json!({"test-label": "test-value", "k8s.io/custom-label": "foo-value"});
    let annotations =
        json!({"test-annotation": "test-value", "k8s.io/custom-annotation": "bizz-value"});
    world.patch("life-web", json!({"labels": labels, "annotations": annotations})).await;
    let own = [
        ("test-label", "test-value"),
        ("matching_namespace_label", "matching_namespace_label_value"),
        ("env", "e2e"),
    ];
    let [a, b, c] = own;
    let annotations = [
        ("test-annotation", "test-value"),
        ("clastix.io/custom-annotation", "buzz"),
        ("k8s.io/custom-annotation", "bizz"),
    ];
    world
        .comes_to(
            "life-web",
            "life",
            [a, b, c, ("clastix.io/custom-label", "bar"), ("k8s.io/custom-label", "foo")],
            annotations,
        )
        .await;

    let first = json!({"labels": {"clastix.io/custom-label": "bar"}});
    world
        .set_tenant(
            "life",
            list(json!([first, {"annotations": {"k8s.io/custom-annotation": "bizz"}}])),
        )
        .await;
    let annotations = [("test-annotation", "test-value"), ("k8s.io/custom-annotation", "bizz")];
    world
        .comes_to("life-web", "life", [a, b, c, ("clastix.io/custom-label", "bar")], annotations)
        .await;

    world.set_tenant("life", list(json!([]))).await;
    world.comes_to("life-web", "life", own, [("test-annotation", "test-value")]).await;
}

async fn scenario_6(world: &World) {
    world.set_tenant("linux", json!({"nodeSelector": {"kubernetes.io/os": "linux"}})).await;
    for name in ["bim", "bum", "bam"] {
        world.create(name, "linux", json!({})).await;
        world.comes_to(name, "linux", [], [(NODE_SELECTOR, "kubernetes.io/os=linux")]).await;
    }
}

async fn scenario_7(world: &World) {
    let registries =
        json!({"allowed": ["docker.io", "myregistry.azurecr.io"], "allowedRegex": r"quay\.\w+"});
    world.set_tenant("classes", json!({"containerRegistries": registries})).await;
    world.create("classes-web", "classes", json!({})).await;
    let annotations = [
        ("capsule.clastix.io/allowed-registries", "docker.io,myregistry.azurecr.io"),
        ("capsule.clastix.io/allowed-registries-regexp", r"quay\.\w+"),
    ];
    world.comes_to("classes-web", "classes", [], annotations).await;
}

async fn scenario_8(world: &World) {
    world
        .set_tenant("kept", json!({"nodeSelector": {"pool": "solar"}, "namespaceOptions": additional(json!({"a": "b"}), json!({}))}))
        .await;
    world.create("kept-web", "kept", json!({})).await;
    world.comes_to("kept-web", "kept", [("a", "b")], [(NODE_SELECTOR, "pool=solar")]).await;
    for patch in [
        json!({"labels": {"a": "x"}}),
        json!({"annotations": {NODE_SELECTOR: "pool=lunar"}}),
        json!({"annotations": {NODE_SELECTOR: null}}),
        json!({"annotations": {LEDGER: null}}),
        json!({"annotations": {LEDGER: "{\"tenant\":\"other\"}"}}),
    ] {
        world.patch("kept-web", patch.clone()).await;
        world.comes_to("kept-web", "kept", [("a", "b")], [(NODE_SELECTOR, "pool=solar")]).await;
        world.patch_status("kept-web", patch).await;
        world.comes_to("kept-web", "kept", [("a", "b")], [(NODE_SELECTOR, "pool=solar")]).await;
    }
}

async fn scenario_9(world: &World) {
    world.set_tenant("cordon", json!({"cordoned": true})).await;
    world.create("cordon-web", "cordon", json!({})).await;
    world.comes_to("cordon-web", "cordon", [("projectcapsule.dev/cordoned", "true")], []).await;
    world.set_tenant("cordon", json!({"cordoned": false})).await;
    world.comes_to("cordon-web", "cordon", [], []).await;
}

async fn scenario_10(world: &World) {
    let wildcard = json!([{"kinds": ["*"], "labels": {"example.corp/wild": {"managed": "no"}}}]);
    world.set_tenant("wild", json!({"rules": [{"enforce": {"metadata": wildcard}}]})).await;
    world.create("wild-web", "wild", json!({})).await;
    eventually("a ledger", async || !world.ledger("wild-web").await.is_empty()).await;
    world.comes_to("wild-web", "wild", [], []).await;
    scenario_10_default(world).await;
    let metadata = json!([{"kinds": ["*", "Namespace"], "labels": {"example.corp/namespace-lifecycle": {"managed": "managed-namespace"}}}]);
    world.set_tenant("rules", json!({"rules": [{"enforce": {"metadata": metadata}}]})).await;
    world.create("rules-web", "rules", json!({"example.corp/user-owned": "keep"})).await;
    let labels = [
        ("example.corp/namespace-lifecycle", "managed-namespace"),
        ("example.corp/user-owned", "keep"),
    ];
    world.comes_to("rules-web", "rules", labels, []).await;
    world.set_tenant("rules", json!({"rules": []})).await;
    world.comes_to("rules-web", "rules", [("example.corp/user-owned", "keep")], []).await;
}

/// Set at create where it is absent, never repaired later.
async fn scenario_10_default(world: &World) {
    let metadata = json!([{"kinds": ["Namespace"], "labels": {"example.corp/level": {"default": "baseline"}}}]);
    world
        .set_tenant(
            "defaults",
            json!({"rules": [{"enforce": {"metadata": metadata}}], "cordoned": true}),
        )
        .await;
    world.create("defaults-web", "defaults", json!({})).await;
    let cordoned = ("projectcapsule.dev/cordoned", "true");
    world
        .comes_to("defaults-web", "defaults", [("example.corp/level", "baseline"), cordoned], [])
        .await;
    world
        .patch(
            "defaults-web",
            json!({"labels": {"example.corp/level": null, "projectcapsule.dev/cordoned": null}}),
        )
        .await;
    world.comes_to("defaults-web", "defaults", [cordoned], []).await;
}

async fn scenarios_12_and_13(world: &World) {
    world.set_tenant("late", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create_bare("late-web", json!({})).await;
    world.patch("late-web", json!({"labels": {"capsule.clastix.io/tenant": "late"}})).await;
    world.comes_to("late-web", "late", [], [(NODE_SELECTOR, "pool=solar")]).await;
}

async fn scenario_14(world: &World) {
    for (tenant, pool) in [("from", "solar"), ("to", "lunar")] {
        let options = additional(json!({tenant: "yes"}), json!({}));
        world
            .set_tenant(
                tenant,
                json!({"nodeSelector": {"pool": pool}, "namespaceOptions": options}),
            )
            .await;
    }
    world.create("moving", "from", json!({})).await;
    world.comes_to("moving", "from", [("from", "yes")], [(NODE_SELECTOR, "pool=solar")]).await;
    world.patch("moving", json!({"labels": {"capsule.clastix.io/tenant": "to"}})).await;
    world.comes_to("moving", "to", [("to", "yes")], [(NODE_SELECTOR, "pool=lunar")]).await;
    // A claim that is taken away, by the value that says so: nothing of the tenant's stays.
    world.patch("moving", json!({"labels": {"capsule.clastix.io/tenant": ""}})).await;
    eventually("the release", async || {
        world.metadata("moving").await
            == (map([("kubernetes.io/metadata.name", "moving")]), map([]))
    })
    .await;
}

async fn scenario_16(world: &World) {
    let invalid = json!([{"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}, "labels": {"a": "b"}}]);
    world.set_tenant("invalid", list(invalid)).await;
    world.set_tenant("valid", list(json!([{"labels": {"a": "b"}}]))).await;
    world.create("valid-web", "valid", json!({})).await;
    world.comes_to("valid-web", "valid", [("a", "b")], []).await;
    if world.policy.is_some() {
        // It is refused as it is created; the controller alone says so in its log.
        return;
    }
    world.create("invalid-web", "invalid", json!({})).await;
    eventually("the report", async || world.log("one").contains("namespace=\"invalid-web\"")).await;
    let (labels, _) = world.metadata("invalid-web").await;
    assert_eq!(labels.get("a"), None);
    assert!(world.log("one").contains("tenant=\"invalid\""), "{}", world.log("one"));
    world.set_tenant("invalid", list(json!([{"labels": {"a": "b"}}]))).await;
    world.comes_to("invalid-web", "invalid", [("a", "b")], []).await;
}

/// 50 namespaces follow their tenant's selector: changed, removed, added again.
pub async fn scenario_11_every_namespace_follows_its_selector(world: &World) {
    world.set_tenant("many", json!({"nodeSelector": {"pool": "a"}})).await;
    for number in 0..50 {
        world.create(&format!("many-{number}"), "many", json!({})).await;
    }
    for (spec, annotations) in [
        (json!({"nodeSelector": {"pool": "b"}}), map([(NODE_SELECTOR, "pool=b")])),
        (json!({"owners": [{"kind": "User", "name": "olivia"}]}), map([])),
        (json!({"nodeSelector": {"pool": "c"}}), map([(NODE_SELECTOR, "pool=c")])),
    ] {
        world.set_tenant("many", spec).await;
        for number in 0..50 {
            let name = format!("many-{number}");
            eventually(&name, async || world.metadata(&name).await.1 == annotations).await;
        }
    }
}

/// Nobody is asked as it is created, and nobody looks; the controller finds it later.
pub async fn scenario_15_what_came_while_all_were_down_is_found(world: &mut World) {
    world.set_tenant("down", json!({"nodeSelector": {"pool": "solar"}})).await;
    if let Some(kubewarden) = &world.policy {
        policy::take_down(&world.cluster, world.source, kubewarden).await;
    }
    world.controller(0).signal(Signal::SIGSTOP).expect("a signal");
    world.create("missed", "down", json!({})).await;
    assert_eq!(world.metadata("missed").await.1, map([]), "nobody has written anything");
    world.controller(0).signal(Signal::SIGCONT).expect("a signal");
    world.comes_to("missed", "down", [], [(NODE_SELECTOR, "pool=solar")]).await;
}
