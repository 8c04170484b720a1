//! Settings that change, kinds that come later, tenants that go, and a status that says how it
//! stands.

use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use local_cluster::Node;
use local_cluster::kubewarden::DEFINITION as POLICY_DEFINITION;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::autoscalers;
use super::world::{LEDGER, NODE_SELECTOR, World, eventually, map};
use crate::landlord::run;

#[tokio::test]
async fn settings_are_followed_and_broken_ones_are_refused() {
    let mut world = World::without_controller("landlord").await;
    world.set_settings(&json!({"tenantSource": "landlord", "excludedNamespaces": ["kube-*", "default", "landlord", "web"]}));
    world.add_controller("one").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.create("other", "solar", json!({})).await;
    world.comes_to("other", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    assert_eq!(world.metadata("web").await.1.len(), 0, "excluded");

    world.set_settings(&json!({"tenantSource": "landlord", "excludedNamespace": []}));
    eventually("a refusal", async || world.log("one").contains("settings refused")).await;
    assert!(world.log("one").contains("excludedNamespaces"), "the nearest valid name");
    eventually("the metric", async || {
        world.page("one", "/metrics").await.contains("landlord_settings_valid 0")
    })
    .await;
    world.create("third", "solar", json!({})).await;
    world.comes_to("third", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;

    world.set_settings(&json!({"tenantSource": "landlord"}));
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
}

/// Tenants that are written in the settings: no object is watched, and an edit of the settings is
/// an edit of theirs.
#[tokio::test]
async fn inline_tenants_are_followed_in_the_settings() {
    let mut world = World::without_controller("landlord").await;
    let tenant = |pool: &str| json!({"tenantSource": {"inline": [{"name": "solar", "nodeSelector": {"pool": pool}, "labels": {"a": "b"}}]}});
    world.set_settings(&tenant("solar"));
    world.add_controller("one").await;
    world.create("web", "solar", json!({})).await;
    world.comes_to("web", "solar", [("a", "b")], [(NODE_SELECTOR, "pool=solar")]).await;
    world.set_settings(&tenant("lunar"));
    world.comes_to("web", "solar", [("a", "b")], [(NODE_SELECTOR, "pool=lunar")]).await;
}

#[tokio::test]
async fn a_kind_that_is_not_installed_is_waited_for() {
    let mut world = World::without_controller("landlord").await;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "pools.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Pool", "plural": "pools", "singular": "pool", "listKind": "PoolList"},
                 "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                     "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let rights = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "pools"},
        "rules": [{"apiGroups": ["example.com"], "resources": ["pools"], "verbs": ["get", "list", "watch"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "pools"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pools"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "landlord", "name": "controller"}]});
    for object in [rights, binding] {
        world.cluster.apply(&object.to_string()).await.expect("rights");
    }
    world
        .set_settings(&json!({"tenantSource": {"custom": {"apiVersion": "example.com/v1", "kind": "Pool", "nodeSelector": "$.selector"}}}));
    world.add_controller("one").await;
    eventually("the reason", async || {
        world.page("one", "/readyz").await.contains("example.com/v1 Pool is not installed")
    })
    .await;
    assert!(world.page("one", "/healthz").await.contains("ok"), "it waits, and does not crash");

    world.cluster.apply(&definition.to_string()).await.expect("the kind");
    let pool = json!({"apiVersion": "example.com/v1", "kind": "Pool", "metadata": {"name": "solar"}, "selector": "pool=solar"});
    world.cluster.apply(&pool.to_string()).await.expect("a tenant");
    world.create("web", "solar", json!({})).await;
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    eventually("readiness", async || world.page("one", "/readyz").await == "ready\n").await;
}

/// After 30 s without a return: keys and ledger go, the label stays, the namespace stays.
#[tokio::test]
async fn a_deleted_tenant_releases_its_namespaces_after_a_grace() {
    let world = World::new("landlord").await;
    world.set_tenant("back", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.set_tenant("gone", json!({"nodeSelector": {"pool": "solar"}})).await;
    // Two of few would be a loss of many.
    for tenant in ["stays-a", "stays-b", "stays-c"] {
        world.set_tenant(tenant, json!({})).await;
    }
    for tenant in ["back", "gone"] {
        world.create(&format!("{tenant}-web"), tenant, json!({"own": "key"})).await;
        world
            .comes_to(
                &format!("{tenant}-web"),
                tenant,
                [("own", "key")],
                [(NODE_SELECTOR, "pool=solar")],
            )
            .await;
        world.delete_tenant(tenant).await;
    }
    // It is a moment ago that this one went.
    assert_eq!(world.metadata("gone-web").await.1, map([(NODE_SELECTOR, "pool=solar")]));
    world.set_tenant("back", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.comes_to("back-web", "back", [("own", "key")], [(NODE_SELECTOR, "pool=lunar")]).await;
    world.comes_to("gone-web", "gone", [("own", "key")], []).await;
    let annotations = world
        .namespaces()
        .get("gone-web")
        .await
        .expect("it stays")
        .metadata
        .annotations
        .unwrap_or_default();
    assert!(!annotations.contains_key(LEDGER));
    world.comes_to("back-web", "back", [("own", "key")], [(NODE_SELECTOR, "pool=lunar")]).await;
}

/// A definition that vanishes takes all tenants with it; that is an accident, not an order.
#[tokio::test]
async fn a_vanished_kind_releases_nothing() {
    let world = World::new("landlord").await;
    for tenant in ["solar", "lunar"] {
        world.set_tenant(tenant, json!({"nodeSelector": {"pool": tenant}})).await;
        world.create(&format!("{tenant}-web"), tenant, json!({})).await;
        world
            .comes_to(
                &format!("{tenant}-web"),
                tenant,
                [],
                [(NODE_SELECTOR, &format!("pool={tenant}"))],
            )
            .await;
    }
    let definitions: Api<DynamicObject> = Api::all_with(
        world.cluster.client(ADMIN).expect("a client"),
        &ApiResource::from_gvk(&GroupVersionKind::gvk(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
        )),
    );
    definitions.delete("tenants.landlord.dev", &Default::default()).await.expect("deleted");
    eventually("a refusal", async || world.log("one").matches("nothing is released").count() >= 1)
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for tenant in ["solar", "lunar"] {
        world
            .comes_to(
                &format!("{tenant}-web"),
                tenant,
                [],
                [(NODE_SELECTOR, &format!("pool={tenant}"))],
            )
            .await;
    }
}

#[tokio::test]
async fn the_status_of_a_tenant_counts_its_namespaces() {
    let world = World::new("landlord").await;
    world.set_tenant("solar", json!({"labels": {"a": "b"}, "conflicts": "reject"})).await;
    world.create("good", "solar", json!({})).await;
    world.create("clash", "solar", json!({"a": "x"})).await;
    let kind = GroupVersionKind::gvk("landlord.dev", "v1alpha1", "Tenant");
    let tenants: Api<DynamicObject> = Api::all_with(
        world.cluster.client(ADMIN).expect("a client"),
        &ApiResource::from_gvk(&kind),
    );
    let status = async || tenants.get("solar").await.expect("the tenant").data["status"].clone();
    let wanted = json!({"total": 2, "compliant": 1, "pending": 0, "conflicted": 1, "failed": 0});
    eventually("the counts", async || status().await["namespaces"] == wanted).await;
    let conditions = status().await["conditions"].clone();
    let found = |kind: &str| {
        conditions
            .as_array()
            .expect("conditions")
            .iter()
            .find(|one| one["type"] == kind)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        (&found("Ready")["status"], &found("Converged")["status"]),
        (&Value::from("True"), &Value::from("False"))
    );
    assert_eq!(status().await["observedGeneration"], 1);
    // An edit that changes no count, and another tenant of that name.
    world.set_tenant("solar", json!({"labels": {"a": "b"}, "conflicts": "reject", "owners": [{"kind": "User", "name": "olivia"}]})).await;
    eventually("the edit's generation", async || status().await["observedGeneration"] == 2).await;
    world.delete_tenant("solar").await;
    world.set_tenant("solar", json!({"labels": {"a": "b"}, "conflicts": "reject"})).await;
    eventually("the new one's status", async || status().await["namespaces"] == wanted).await;
    let events: Api<k8s_openapi::api::events::v1::Event> =
        Api::namespaced(world.cluster.client(ADMIN).expect("a client"), "default");
    eventually("an event", async || {
        !events.list(&ListParams::default()).await.expect("events").items.is_empty()
    })
    .await;
}

/// A ClusterAdmissionPolicy that nobody runs.
fn policy(settings: Value) -> String {
    json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": {"name": "ours"},
           "spec": {"module": "registry://example.com/landlord:1", "settings": settings, "rules": [], "mutating": true}})
    .to_string()
}

/// The settings of a ClusterAdmissionPolicy are followed, and a broken one is reported where people
/// look.
#[tokio::test]
async fn a_policys_settings_are_followed() {
    let mut world = World::without_controller("landlord").await;
    world.cluster.apply(POLICY_DEFINITION).await.expect("the kind");
    world.add_controller_reading("--policy=ours", "one").await;
    eventually("what it waits for", async || world.log("one").contains("it does not exist yet"))
        .await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.cluster.apply(&policy(json!({"tenantSource": "landlord"}))).await.expect("a policy");
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;

    world
        .cluster
        .apply(&policy(json!({"tenantSource": "landlord", "conflict": "keep"})))
        .await
        .expect("a policy");
    let refused = async || {
        world
            .events("ClusterAdmissionPolicy", "ours")
            .await
            .iter()
            .any(|(reason, note)| reason == "SettingsRefused" && note.contains("conflicts"))
    };
    eventually("an event", refused).await;
    eventually("a condition", async || {
        world.condition("solar", "Ready").await["reason"] == "OldSettings"
    })
    .await;
    world.create("second", "solar", json!({})).await;
    world.comes_to("second", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;

    world
        .cluster
        .apply(&policy(
            json!({"tenantSource": "landlord", "excludedNamespaces": ["kube-*", "third"]}),
        ))
        .await
        .expect("a policy");
    eventually("good settings", async || {
        world.condition("solar", "Ready").await["reason"] == "Valid"
    })
    .await;
    world.create("third", "solar", json!({})).await;
    world.create("fourth", "solar", json!({})).await;
    world.comes_to("fourth", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    assert!(world.metadata("third").await.1.is_empty(), "excluded now");
}

/// Of solar Karpenter makes nodes, of terra Cluster API, and of lunar nothing does.
async fn pools_that_autoscalers_make_are_not_wrong(world: &World) {
    for (tenant, pool) in [("terra", "terra"), ("lunar", "lunar")] {
        world.set_tenant(tenant, json!({"nodeSelector": {"pool": pool}})).await;
    }
    world.cluster.apply(&autoscalers::definitions()).await.expect("definitions");
    world.cluster.apply(autoscalers::POOLS).await.expect("pools");
    for (tenant, maker) in [("solar", "NodePool general"), ("terra", "MachineDeployment md-terra")]
    {
        eventually(maker, async || {
            let condition = world.condition(tenant, "NodesMatch").await;
            condition["reason"] == "ScalesFromZero"
                && condition["status"] == "True"
                && condition["message"].as_str().is_some_and(|message| message.contains(maker))
        })
        .await;
    }
    let lunar = world.condition("lunar", "NodesMatch").await;
    assert_eq!((&lunar["status"], &lunar["reason"]), (&json!("False"), &json!("NoNode")));
    let doctor = format!(
        "doctor --kubeconfig={} --settings={}",
        world.cluster.kubeconfig_of(ADMIN).display(),
        world.cluster.file("settings.yaml").display()
    );
    let run = tokio::task::spawn_blocking(move || run(&doctor)).await.expect("the command");
    assert!(run.out.contains("no node matches pool=lunar of tenant lunar"), "{}", run.out);
    for right in
        ["NodePool general makes nodes with pool=solar", "MachineDeployment md-terra makes"]
    {
        assert!(
            run.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(right),
            "{}",
            run.out
        );
    }
}

/// More than twice as many as there are Events in a minute, as another minute may begin in the
/// middle of them.
const NAMESPACES: usize = 50;

/// What the lines of a log say in all.
fn written_in_bulk(log: &str) -> usize {
    let lines = log.lines().filter(|line| line.contains("written in bulk"));
    lines
        .filter_map(|line| {
            line.split_once("namespaces=")?.1.split_whitespace().next()?.parse::<usize>().ok()
        })
        .sum()
}

#[tokio::test]
async fn a_tenant_says_whether_nodes_match_and_what_was_written_in_bulk() {
    let world = World::new("landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    let nodes = async || world.condition("solar", "NodesMatch").await;
    eventually("no node", async || nodes().await["status"] == "False").await;
    assert!(nodes().await["message"].as_str().expect("a message").contains("pool=solar"));
    pools_that_autoscalers_make_are_not_wrong(&world).await;
    world.cluster.add_nodes([Node::new("n1").label("pool", "solar")]).await.expect("a node");
    eventually("a node", async || nodes().await["status"] == "True").await;

    for number in 0..NAMESPACES {
        world.create(&format!("web-{number}"), "solar", json!({})).await;
    }
    eventually("all", async || {
        world.status("solar").await["namespaces"]["compliant"] == NAMESPACES
    })
    .await;
    world
        .set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}, "labels": {"a": "b"}}))
        .await;
    eventually("all of them", async || written_in_bulk(&world.log("one")) == NAMESPACES).await;
    let told = async || {
        world
            .events("Tenant", "solar")
            .await
            .iter()
            .any(|(reason, _)| reason == "NamespacesWritten")
    };
    eventually("a summary", told).await;
    let events = world.events_of("Namespace").await;
    let written = events.iter().filter(|(reason, _)| reason == "Written").count();
    assert!(
        (1..NAMESPACES).contains(&written),
        "{written}: the budget is for those who came first"
    );
}
