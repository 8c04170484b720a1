//! The definition of Tenant is deleted, applied again, and the tenants come back one by one.

use std::fs;
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node};
use serde_json::{Value, json};

use super::world::{GATE, NODE_SELECTOR, World, eventually};
use test_support::root;

const TENANTS: [&str; 3] = ["solar", "lunar", "terra"];
/// Longer than a tenant that is deleted alone has to come back.
const BETWEEN: Duration = Duration::from_secs(75);

fn pool(tenant: &str) -> Value {
    json!({"nodeSelector": {"pool": tenant}})
}

impl World {
    /// Each tenant's namespace carries its selector.
    async fn all_carry_their_pools(&self) {
        for tenant in TENANTS {
            let selector = format!("pool={tenant}");
            let (name, annotations) = (format!("{tenant}-web"), [(NODE_SELECTOR, &*selector)]);
            self.comes_to(&name, tenant, [], annotations).await;
            let ledger = self.ledger(&name).await;
            assert!(ledger.starts_with(&format!("{{\"tenant\":\"{tenant}\"")), "{ledger}");
        }
    }

    async fn start_pod(&self, namespace: &str, name: &str) {
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
        let pod = serde_json::from_value(pod).expect("a Pod");
        self.pods(namespace).create(&PostParams::default(), &pod).await.expect("created");
    }

    async fn runs_on(&self, namespace: &str, name: &str, node: &str) {
        let found = async || {
            self.pods(namespace).get(name).await.expect("the Pod").spec.expect("a spec").node_name
        };
        eventually("a node", async || found().await.is_some()).await;
        assert_eq!(found().await.as_deref(), Some(node), "{namespace}/{name}");
    }
}

/// Nothing is released, and no Pod strays: neither in a namespace that was there before nor in a
/// new one.
#[tokio::test]
async fn tenants_that_come_back_one_by_one_lose_nothing() {
    let mut world = World::on(Cluster::builder(), "landlord").await;
    let nodes = TENANTS.map(|tenant| Node::new(format!("{tenant}-1")).label("pool", tenant));
    world.cluster.add_nodes(nodes).await.expect("nodes");
    world.flags = vec!["--guard"];
    for tenant in TENANTS {
        world.set_tenant(tenant, pool(tenant)).await;
        world.create(&format!("{tenant}-web"), tenant, json!({})).await;
    }
    world.add_controller("one").await;
    world.all_carry_their_pools().await;
    world.create("probe", "nobody", json!({})).await;
    eventually("the guard", async || world.would_be_held("probe").await).await;

    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let definitions: Api<DynamicObject> = Api::all_with(
        world.cluster.client(ADMIN).expect("a client"),
        &ApiResource::from_gvk(&kind),
    );
    let definition = "tenants.landlord.dev";
    definitions.delete(definition, &Default::default()).await.expect("deleted");
    eventually("no definition", async || {
        definitions.get_opt(definition).await.expect("an answer").is_none()
    })
    .await;
    world.create("fresh", "terra", json!({})).await;
    world.start_pod("fresh", "web").await;
    for tenant in TENANTS {
        world.start_pod(&format!("{tenant}-web"), "during").await;
        world.runs_on(&format!("{tenant}-web"), "during", &format!("{tenant}-1")).await;
    }
    world.all_carry_their_pools().await;

    let crds = fs::read_to_string(root().join("deploy/crds.yaml")).expect("a file");
    world.cluster.apply(&crds).await.expect("the kind");
    for tenant in TENANTS {
        world.set_tenant(tenant, pool(tenant)).await;
        if tenant == "solar" {
            tokio::time::sleep(BETWEEN).await;
            assert_eq!(world.gates("fresh", "web").await, [GATE]);
        }
        world.all_carry_their_pools().await;
    }
    world.runs_on("fresh", "web", "terra-1").await;
    world
        .set_tenant("terra", json!({"nodeSelector": {"pool": "terra"}, "labels": {"a": "b"}}))
        .await;
    world.comes_to("terra-web", "terra", [("a", "b")], [(NODE_SELECTOR, "pool=terra")]).await;
    let log = world.log("one");
    assert!(!log.contains("releasing"), "{log}");
}
