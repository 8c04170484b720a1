//! Where the real scheduler puts Pods.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, PostParams};
use local_cluster::user::ADMIN;
use local_cluster::{Node, eventually};
use serde_json::{Value, json};

use super::tenants::Source;
use super::world::{OWNER, Refusal, World, annotations, builder, refusal, shipped};

/// Clients that create side by side, and namespaces that each of them makes.
const CLIENTS: usize = 8;
const EACH: usize = 25;

async fn pod(world: &World, namespace: &str, spec: Value) -> Result<Pod, Refusal> {
    let mut body = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    spec.as_object()
        .into_iter()
        .flatten()
        .for_each(|(field, value)| body["spec"][field] = value.clone());
    let api: Api<Pod> = Api::namespaced(world.client(OWNER), namespace);
    refusal(api.create(&PostParams::default(), &serde_json::from_value(body).expect("a Pod")).await)
}

/// Namespace and node of every Pod, once all of them are placed.
pub(super) async fn placements(world: &World, label: &str) -> Vec<(String, String)> {
    let api: Api<Pod> = Api::all(world.client(ADMIN));
    let mut placed = Vec::new();
    eventually("every Pod's node", async || {
        let pods = api.list(&ListParams::default()).await.expect("Pods");
        let place = |pod: &Pod| {
            Some((pod.metadata.namespace.clone()?, pod.spec.as_ref()?.node_name.clone()?))
        };
        let ours = || {
            pods.iter().filter(|pod| {
                pod.metadata.namespace.as_deref().is_some_and(|name| name.starts_with(label))
            })
        };
        placed = ours().filter_map(place).collect();
        placed.len() == ours().count()
    })
    .await;
    placed
}

/// A namespace and at once, without a pause, a Pod in it.
async fn storm(world: &World, client: usize) {
    for number in 0..EACH {
        let tenant =
            if (client + number).is_multiple_of(2) { "storm-solar" } else { "storm-lunar" };
        let name = format!("storm-{client}-{number}-{}", tenant.trim_start_matches("storm-"));
        let label = Source::Landlord.label();
        world
            .create(OWNER, json!({"name": name, "labels": {label: tenant}}))
            .await
            .expect("created");
        pod(world, &name, json!({})).await.expect("a Pod");
    }
}

#[tokio::test]
async fn no_pod_of_200_namespaces_is_outside_its_pool() {
    let world = Source::Landlord.world();
    Source::Landlord.tenant("storm-solar").selecting("pool", "solar").apply().await;
    Source::Landlord.tenant("storm-lunar").selecting("pool", "lunar").apply().await;
    join_all((0..CLIENTS).map(|client| storm(world, client))).await;
    let placed = placements(world, "storm-").await;
    assert_eq!(placed.len(), CLIENTS * EACH);
    let pool = |name: &str, at: char| name.split(at).next_back().map(str::to_owned);
    let outside: Vec<_> = placed
        .iter()
        .filter(|(namespace, node)| {
            node.split('-').next().map(str::to_owned) != pool(namespace, '-')
        })
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[tokio::test]
async fn a_pod_that_selects_another_pool_is_refused() {
    let source = Source::Landlord;
    source.tenant("strict").selecting("pool", "solar").apply().await;
    source
        .world()
        .create(OWNER, json!({"name": "strict-web", "labels": {source.label(): "strict"}}))
        .await
        .expect("created");
    let refused = pod(source.world(), "strict-web", json!({"nodeSelector": {"pool": "lunar"}}))
        .await
        .expect_err("a clash");
    assert_eq!(refused.code, 403);
    assert!(
        refused.message.contains("conflicts with its namespace node label selector"),
        "{}",
        refused.message
    );
}

#[tokio::test]
async fn tolerations_of_the_tenant_open_its_tainted_pool() {
    let source = Source::Landlord;
    let world =
        World::start(builder().plugin("PodTolerationRestriction"), shipped("landlord")).await;
    let node =
        Node::new("tainted-1").label("pool", "tainted").taint("pool", "tainted", "NoSchedule");
    world.cluster.add_nodes([node]).await.expect("a node");
    let tolerations =
        json!([{"key": "pool", "operator": "Equal", "value": "tainted", "effect": "NoSchedule"}]);
    let tenant = source
        .tenant("tainted")
        .selecting("pool", "tainted")
        .with("tolerations", tolerations.clone());
    world.apply(tenant.manifest()).await.expect("a tenant");
    let made = world
        .create(OWNER, json!({"name": "tainted-web", "labels": {source.label(): "tainted"}}))
        .await
        .expect("created");
    assert_eq!(annotations(&made)["landlord.dev/tolerations"], "pool=tainted:NoSchedule");
    let pod = pod(&world, "tainted-web", json!({})).await.expect("a Pod");
    let carried = pod.spec.and_then(|spec| spec.tolerations).unwrap_or_default();
    assert!(
        carried.iter().any(|one| serde_json::to_value(one).is_ok_and(|one| one == tolerations[0])),
        "{carried:?}"
    );
    assert_eq!(
        placements(&world, "tainted-").await,
        [("tainted-web".to_owned(), "tainted-1".to_owned())]
    );
}
