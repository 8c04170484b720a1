//! What happens to the API server, and to a tenant, in the middle of a backfill: the end state is
//! right, nobody panics, and nobody hammers the server meanwhile.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use nix::sys::signal::Signal;
use serde_json::json;

use super::world::{NODE_SELECTOR, World, eventually};

const NAMESPACES: usize = 600;
/// Writes under way at a time, at most.
const AT_A_TIME: usize = 64;

impl World {
    /// Namespaces that exist already, and a controller in the middle of them.
    async fn in_the_middle() -> Self {
        let mut world = Self::without_controller("landlord").await;
        world.set_tenant("solar", json!({"nodeSelector": {"pool": "a"}})).await;
        world.create_many("old", "solar", NAMESPACES).await;
        world.add_controller("one").await;
        eventually("the first writes", async || world.written().await > 50).await;
        world
    }

    /// How many patches the controller has sent, whatever became of them.
    async fn sent(&self) -> usize {
        let metrics = self.page("one", "/metrics").await;
        let counts =
            metrics.lines().filter(|line| line.starts_with("landlord_namespace_writes_total{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
    }

    /// How many of them were done.
    pub(super) async fn written(&self) -> usize {
        let metrics = self.page("one", "/metrics").await;
        let done = metrics
            .lines()
            .find(|line| line.starts_with("landlord_namespace_writes_total{outcome=\"done\"}"));
        done.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    }

    /// Waits until all are in this pool, and looks for what must not have happened.
    async fn ends_in_pool(&self, pool: &str) {
        let selector = format!("pool={pool}");
        let list = || async {
            self.namespaces()
                .list(&ListParams::default())
                .await
                .map(|list| list.items)
                .unwrap_or_default()
        };
        let in_pool = || async {
            let in_pool = |one: &k8s_openapi::api::core::v1::Namespace| {
                one.annotations().get(NODE_SELECTOR) == Some(&selector)
            };
            list().await.iter().filter(|one| in_pool(one)).count()
        };
        eventually("every namespace", async || in_pool().await == NAMESPACES).await;
        for namespace in list().await.iter().filter(|one| one.name_any().starts_with("old-")) {
            assert_eq!(
                (namespace.annotations()["note"].as_str(), namespace.labels()["own"].as_str()),
                ("mine", "key")
            );
        }
        assert!(!self.log("one").contains("panicked"), "{}", self.log("one"));
    }
}

#[tokio::test]
async fn an_etcd_that_stalls_is_waited_for() {
    let world = World::in_the_middle().await;
    let etcd = world.cluster.etcd();
    etcd.signal(Signal::SIGSTOP).expect("a signal");
    let before = world.sent().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let during = world.sent().await - before;
    etcd.signal(Signal::SIGCONT).expect("a signal");
    world.ends_in_pool("a").await;
    assert!(during <= 2 * AT_A_TIME, "{during} answers while nothing could be answered");
    let sent = world.sent().await;
    assert!(sent <= NAMESPACES + 6 * AT_A_TIME, "{sent} patches for {NAMESPACES} namespaces");
}

#[tokio::test]
async fn a_tenant_that_is_edited_meanwhile_wins() {
    let world = World::in_the_middle().await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "b"}})).await;
    let late = world.written().await + 2 * AT_A_TIME;
    world.ends_in_pool("b").await;
    let sent = world.sent().await;
    assert!(
        sent <= NAMESPACES + late,
        "{sent} patches, of which {late} at most were for the old pool"
    );
}

/// It is killed and comes back; the controller goes on by itself.
#[tokio::test]
async fn a_restart_of_the_api_server_is_survived() {
    let mut world = World::in_the_middle().await;
    world.cluster.restart_api_server().await.expect("up again");
    world.ends_in_pool("a").await;
    let sent = world.sent().await;
    assert!(sent <= NAMESPACES + 6 * AT_A_TIME, "{sent} patches for {NAMESPACES} namespaces");
}
