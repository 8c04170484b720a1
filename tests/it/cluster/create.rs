//! What a namespace carries once it is created: scenarios 1, 3, 4, 6, 7 and 10.

use rstest::rstest;
use serde_json::json;

use super::tenants::Source;
use super::world::{LEDGER, NODE_SELECTOR, OWNER, annotations, labels, ledger, map};

#[rstest]
#[case(Source::Landlord)]
#[case(Source::Capsule)]
#[tokio::test]
async fn scenario_1_metadata_and_selector_at_create(#[case] source: Source) {
    let wants = json!({"labels": {"k8s.io/custom-label": "foo", "clastix.io/custom-label": "bar"},
                       "annotations": {"k8s.io/custom-annotation": "bizz", "clastix.io/custom-annotation": "buzz"}});
    source.tenant("first").selecting("node", "foobar").wanting(wants).apply().await;
    let made = source
        .world()
        .create(OWNER, json!({"name": "first-web", "labels": {source.label(): "first"}}))
        .await
        .expect("created");
    let own = map([
        ("k8s.io/custom-label", "foo"),
        ("clastix.io/custom-label", "bar"),
        ("kubernetes.io/metadata.name", "first-web"),
    ]);
    assert_eq!(labels(&made), own.into_iter().chain(map([(source.label(), "first")])).collect());
    let annotations_wanted = map([
        ("k8s.io/custom-annotation", "bizz"),
        ("clastix.io/custom-annotation", "buzz"),
        (NODE_SELECTOR, "node=foobar"),
    ]);
    assert_eq!(annotations(&made), annotations_wanted);
    assert!(
        ledger(&made).is_some_and(|ledger| ledger.starts_with(r#"{"tenant":"first","#)),
        "{LEDGER} is written"
    );
}

#[tokio::test]
async fn scenario_3_forced_labels_win() {
    let wants = json!({"labels": {"capsule.clastix.io/tenant": "tenan-override", "kubernetes.io/metadata.name": "namespace-override"}});
    Source::Capsule.tenant("forced").wanting(wants).apply().await;
    let metadata = json!({"name": "forced-web", "labels": {"capsule.clastix.io/tenant": "forced"}});
    let made = Source::Capsule.world().create(OWNER, metadata).await.expect("created");
    assert_eq!(
        labels(&made),
        map([
            ("capsule.clastix.io/tenant", "forced"),
            ("kubernetes.io/metadata.name", "forced-web")
        ])
    );
}

#[rstest]
#[case(Source::Landlord)]
#[case(Source::Capsule)]
#[tokio::test]
async fn scenario_4_lists_and_selectors(#[case] source: Source) {
    let item = |number: &str, label: &str| {
        json!({"namespaceSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": ["matching_namespace_label_value"]}]},
               "labels": {format!("k8s.io/custom-label{number}"): "foo"}, "annotations": {format!("k8s.io/custom-annotation{number}"): "bizz"}})
    };
    let templated = json!({"projectcapsule.dev/templated-tenant-label": "{{ tenant.name }}", "projectcapsule.dev/templated-namespace-label": "{{ namespace }}"});
    let everywhere = json!({"labels": {"k8s.io/custom-label": "foo", "clastix.io/custom-label": "bar"},
                            "annotations": {"k8s.io/custom-annotation": "bizz", "clastix.io/custom-annotation": "buzz"}});
    let list = json!([everywhere, item("_2", "matching_namespace_label"), item("_3", "another_label"),
                      {"labels": templated, "annotations": templated}]);
    source.tenant("lists").listing(list).apply().await;
    let sent = json!({source.label(): "lists", "matching_namespace_label": "matching_namespace_label_value"});
    let made = source
        .world()
        .create(OWNER, json!({"name": "lists-web", "labels": sent}))
        .await
        .expect("created");
    let templated = map([
        ("projectcapsule.dev/templated-tenant-label", "lists"),
        ("projectcapsule.dev/templated-namespace-label", "lists-web"),
    ]);
    let mut expected = map([
        ("k8s.io/custom-label", "foo"),
        ("clastix.io/custom-label", "bar"),
        ("k8s.io/custom-label_2", "foo"),
        ("kubernetes.io/metadata.name", "lists-web"),
        ("matching_namespace_label", "matching_namespace_label_value"),
        (source.label(), "lists"),
    ]);
    expected.extend(templated.clone());
    assert_eq!(labels(&made), expected);
    let mut expected = map([
        ("k8s.io/custom-annotation", "bizz"),
        ("clastix.io/custom-annotation", "buzz"),
        ("k8s.io/custom-annotation_2", "bizz"),
    ]);
    expected.extend(templated);
    assert_eq!(annotations(&made), expected);
}

#[rstest]
#[case(Source::Landlord)]
#[case(Source::Capsule)]
#[tokio::test]
async fn scenario_6_selector_on_three_namespaces(#[case] source: Source) {
    source.tenant("three").selecting("kubernetes.io/os", "linux").apply().await;
    for name in ["bim", "bum", "bam"] {
        let made = source
            .world()
            .create(OWNER, json!({"name": name, "labels": {source.label(): "three"}}))
            .await
            .expect("created");
        assert_eq!(annotations(&made), map([(NODE_SELECTOR, "kubernetes.io/os=linux")]));
    }
}

#[tokio::test]
async fn scenario_7_class_lists() {
    let registries =
        json!({"allowed": ["docker.io", "myregistry.azurecr.io"], "allowedRegex": r"quay\.\w+"});
    Source::Capsule.tenant("classes").with("containerRegistries", registries).apply().await;
    let metadata =
        json!({"name": "classes-web", "labels": {"capsule.clastix.io/tenant": "classes"}});
    let made = Source::Capsule.world().create(OWNER, metadata).await.expect("created");
    let expected = map([
        ("capsule.clastix.io/allowed-registries", "docker.io,myregistry.azurecr.io"),
        ("capsule.clastix.io/allowed-registries-regexp", r"quay\.\w+"),
    ]);
    assert_eq!(annotations(&made), expected);
}

#[rstest]
#[case("wildcard", json!(["*"]), false)]
#[case("explicit", json!(["*", "Namespace"]), true)]
#[tokio::test]
async fn scenario_10_rules(
    #[case] tenant: &str,
    #[case] kinds: serde_json::Value,
    #[case] applies: bool,
) {
    let metadata = json!([{"kinds": kinds, "labels": {
        "example.corp/namespace-lifecycle": {"managed": "managed-namespace"}, "example.corp/tier": {"default": "baseline"}}}]);
    Source::Capsule
        .tenant(tenant)
        .with("rules", json!([{"enforce": {"metadata": metadata}}]))
        .apply()
        .await;
    let name = format!("{tenant}-web");
    let sent = json!({"capsule.clastix.io/tenant": tenant, "example.corp/user-owned": "keep"});
    let world = Source::Capsule.world();
    let made = world.create(OWNER, json!({"name": name, "labels": sent})).await.expect("created");
    let found = |key: &str| labels(&made).get(key).cloned();
    assert_eq!(found("example.corp/user-owned").as_deref(), Some("keep"));
    assert_eq!(
        found("example.corp/namespace-lifecycle").as_deref(),
        applies.then_some("managed-namespace")
    );
    assert_eq!(found("example.corp/tier").as_deref(), applies.then_some("baseline"));
    let edited = world
        .patch(OWNER, &name, json!({"metadata": {"labels": {"example.corp/tier": "gold"}}}))
        .await
        .expect("edited");
    assert_eq!(labels(&edited)["example.corp/tier"], "gold", "a default is never repaired");
}
