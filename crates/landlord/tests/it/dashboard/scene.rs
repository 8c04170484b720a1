//! Scene: a cluster in which something of everything is going on, and the controller that looks
//! after it.

use std::fs;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use local_cluster::kubewarden::DEFINITION;
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node};

use super::*;
use crate::landlord::root;

/// What a tenant may try to have the page run.
pub(super) const HOSTILE: &str = "<img src=x onerror=\"document.title='owned'\">";
const RIVAL: &str = "argocd-controller";
/// Namespaces by tenant.
const SIZES: [(&str, usize); 4] = [("solar", 48), ("lunar", 31), ("payments", 17), ("mars", 6)];

/// Without anybody who reads the policy; a strategy among the settings.
fn policy(said: &str) -> Value {
    let text = fs::read_to_string(root().join("deploy/cluster-admission-policy.yaml"))
        .expect("the policy");
    let mut policy: Value = serde_saphyr::from_str(&text).expect("YAML");
    policy["spec"]["settings"] = json!({
        "excludedNamespaces": ["kube-*", "landlord", "kubewarden", "default"],
        "identify": [{"label": "landlord.dev/tenant"}, {"annotation": "team"}],
        "hooks": [{"name": "cost-center", "stages": ["reconcile"], "when": [{"path": "$.namespace.metadata.labels.billed", "exists": true}],
            "require": [{"path": "$.namespace.metadata.labels.invoice", "matches": "^[0-9]{4}$", "message": said}]}],
        "strategy": {"mode": "auto", "auto": {"period": "2s", "namespaces": 120}},
    });
    policy
}

/// With a user in it who tries to have the page run something.
pub(super) async fn set() -> World {
    let world = set_calmly(&format!("four digits, see wiki/cost {HOSTILE}")).await;
    let hostile =
        json!({"metadata": {"name": "hostile", "annotations": {"team": HOSTILE, "note": HOSTILE}}});
    let body = serde_json::from_value(hostile).expect("a namespace");
    world.namespaces().create(&PostParams::default(), &body).await.expect("created");
    let http = Http::new(&address(&world, "one"));
    let listed = async || {
        http.get("/api/v1/namespaces?search=hostile").await.json()["items"]
            .as_array()
            .is_some_and(|items| items.len() == 1)
    };
    eventually("the newest namespace", listed).await;
    world
}

/// With this message of a hook.
pub(super) async fn set_calmly(said: &str) -> World {
    let mut world = World::on(Cluster::builder(), "landlord").await;
    world.cluster.apply(DEFINITION).await.expect("the kind");
    world.cluster.apply(&policy(said).to_string()).await.expect("the policy");
    let node = |name: &str, pool: &str| Node::new(name).label("pool", pool);
    let nodes = ["solar-1", "solar-2", "solar-3"].map(|name| node(name, "solar"));
    world
        .cluster
        .add_nodes(nodes.into_iter().chain([node("lunar-1", "lunar"), node("pay-1", "payments")]))
        .await
        .expect("nodes");
    for (tenant, pool) in
        [("solar", "solar"), ("lunar", "lunar"), ("payments", "payments"), ("mars", "mars")]
    {
        world.set_tenant(tenant, spec(tenant, pool, "4711")).await;
    }
    // Outside of its pool before landlord came.
    world.create("solar-web-00", "solar", json!({})).await;
    place_pod(&world, "solar-web-00", "batch-7", "lunar-1").await;
    world.flags = vec!["--guard", "--max-writes-per-second=12"];
    let web = format!("--web=127.0.0.1:{}", world.reserve_port());
    world.add_controller_with(&["--policy=landlord", &web], "one").await;
    fill(&world).await;
    quarrel(&world).await;
    hold_pod(&world).await;
    world
}

fn spec(tenant: &str, pool: &str, cost_center: &str) -> Value {
    let owners = json!([{"kind": "Group", "name": format!("{tenant}-admins")}]);
    json!({"owners": owners, "nodeSelector": {"pool": pool}, "labels": {"cost-center": cost_center, "team": tenant}})
}

/// An edit of the tenant with the most namespaces: a backfill that takes four seconds.
pub(super) async fn edit_solar(world: &World, cost_center: &str) {
    world.set_tenant("solar", spec("solar", "solar", cost_center)).await;
}

async fn fill(world: &World) {
    const PARTS: [&str; 6] = ["web", "api", "jobs", "ci", "stage", "data"];
    for (tenant, size) in SIZES {
        for number in 0..size {
            let name = format!("{tenant}-{}-{number:02}", PARTS[number % PARTS.len()]);
            let labels = if tenant == "payments" && number % 6 == 5 {
                json!({"billed": "true", "invoice": "x"})
            } else {
                json!({})
            };
            if name != "solar-web-00" {
                world.create(&name, tenant, labels).await;
            }
        }
    }
    world.create("shadow-api", "ghost", json!({})).await;
    world.create_bare("sandbox", json!({})).await;
}

/// Another writer sets a label back until landlord leaves it alone.
async fn quarrel(world: &World) {
    let has = async |value: &str| {
        world
            .namespaces()
            .get("lunar-api-01")
            .await
            .expect("it")
            .metadata
            .labels
            .unwrap_or_default()["team"]
            == value
    };
    for _ in 0..3 {
        eventually("landlord's label", async || has("lunar").await).await;
        world.patch_as(RIVAL, "lunar-api-01", json!({"labels": {"team": "moon"}})).await;
    }
    eventually("the quarrel", async || {
        world.log("one").contains("\"contested\"") || world.log("one").contains(" contested ")
    })
    .await;
}

/// A Pod of a namespace that is not ready, which the guard holds.
async fn hold_pod(world: &World) {
    let client = world.cluster.client(ADMIN).expect("a client");
    let api: Api<Pod> = Api::namespaced(client, "shadow-api");
    let spec = json!({"containers": [{"name": "web", "image": "web"}]});
    let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "held-1"}, "spec": spec}))
        .expect("a Pod");
    let created = api.create(&PostParams::default(), &pod).await.expect("created");
    let gates = created.spec.and_then(|spec| spec.scheduling_gates).unwrap_or_default();
    assert!(!gates.is_empty(), "the guard holds it");
    let http = Http::new(&address(world, "one"));
    let is_held = async || http.get("/api/v1/overview").await.json()["heldPods"] == 1;
    eventually("the held Pod", is_held).await;
}

async fn place_pod(world: &World, namespace: &str, name: &str, node: &str) {
    let spec = json!({"containers": [{"name": "web", "image": "web"}], "nodeName": node});
    let pod: Pod =
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("a Pod");
    let api: Api<Pod> = Api::namespaced(world.cluster.client(ADMIN).expect("a client"), namespace);
    api.create(&PostParams::default(), &pod).await.expect("created");
}
