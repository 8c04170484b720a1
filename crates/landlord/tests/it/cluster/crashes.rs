//! What a crash in the middle leaves behind: nothing half-written, and nothing written twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use kube::api::{ListParams, PostParams};
use kube::runtime::watcher::{Config, Event, watcher};
use local_cluster::process::Program;
use local_cluster::user::CONTROLLER;
use local_cluster::waiting::PATIENCE;
use serde_json::json;

use super::world::{LEDGER, NODE_SELECTOR, World, eventually, map};

const NAMESPACES: usize = 2000;
const CRASHES: usize = 10;
const SIDE_BY_SIDE: usize = 16;

/// Counts how often each namespace was changed since its creation.
fn count_changes(world: &World) -> Arc<Mutex<HashMap<String, usize>>> {
    let counts = Arc::new(Mutex::new(HashMap::new()));
    let (seen, api) = (Arc::clone(&counts), world.namespaces());
    tokio::spawn(async move {
        let mut events = watcher(api, Config::default()).boxed();
        while let Ok(Some(event)) = events.try_next().await {
            if let Event::Apply(namespace) = event {
                *seen.lock().expect("a lock").entry(namespace.name_any()).or_default() += 1;
            }
        }
    });
    counts
}

impl World {
    /// Namespaces of one tenant that a user created before landlord came.
    pub(super) async fn create_many(&self, prefix: &str, tenant: &str, count: usize) {
        let api = self.namespaces();
        let create = |number: usize| {
            let (api, labels) = (api.clone(), json!({self.tenant_label(): tenant, "own": "key"}));
            async move {
                let body = json!({"metadata": {"name": format!("{prefix}-{number}"), "labels": labels, "annotations": {"note": "mine"}}});
                api.create(
                    &PostParams::default(),
                    &serde_json::from_value(body).expect("a namespace"),
                )
                .await
                .map(drop)
            }
        };
        stream::iter((0..count).map(create))
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect::<Vec<()>>()
            .await
            .expect("created");
    }

    fn backfill(&self, log: &str) -> Program {
        Program::new("backfill", env!("CARGO_BIN_EXE_landlord"), self.cluster.log(log)).args([
            "backfill".to_owned(),
            format!("--kubeconfig={}", self.cluster.kubeconfig_of(CONTROLLER).display()),
            format!("--settings={}", self.cluster.file("settings.yaml").display()),
        ])
    }
}

#[tokio::test]
async fn a_backfill_that_is_killed_again_and_again_writes_each_namespace_once() {
    let world = World::without_controller("landlord").await;
    world
        .set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}, "labels": {"a": "b"}}))
        .await;
    world.create_many("old", "solar", NAMESPACES).await;
    let changes = count_changes(&world);
    let counted = || {
        changes
            .lock()
            .expect("a lock")
            .iter()
            .filter(|(name, _)| name.starts_with("old-"))
            .map(|(_, count)| *count)
            .sum::<usize>()
    };
    for crash in 0..CRASHES {
        let before = counted();
        let process = world.backfill("backfill").start().expect("backfill starts");
        // In the middle of it: some are written, most of them not.
        eventually("the first writes", async || counted() > before).await;
        tokio::time::sleep(Duration::from_millis(17 * crash as u64 % 50)).await;
        drop(process);
    }
    assert!(
        (CRASHES..NAMESPACES).contains(&counted()),
        "{} written before the last crash",
        counted()
    );
    let mut last = world.backfill("backfill").start().expect("backfill starts");
    let status = last.wait(PATIENCE).expect("an answer").expect("an end");
    assert!(status.success(), "{}", last.last_words());

    let list = world.namespaces().list(&ListParams::default()).await.expect("namespaces");
    let ours: Vec<_> = list.into_iter().filter(|one| one.name_any().starts_with("old-")).collect();
    assert_eq!(ours.len(), NAMESPACES);
    for namespace in &ours {
        let mut annotations = namespace.annotations().clone();
        assert!(annotations.remove(LEDGER).is_some());
        assert_eq!(annotations, map([(NODE_SELECTOR, "pool=solar"), ("note", "mine")]));
        assert_eq!(
            (namespace.labels()["a"].as_str(), namespace.labels()["own"].as_str()),
            ("b", "key")
        );
    }
    eventually("every change's event", async || counted() >= NAMESPACES).await;
    assert_eq!(counted(), NAMESPACES, "one write a namespace");
}

/// Deleted and created anew between plan and write: the new one is planned as what it is.
#[tokio::test]
async fn a_namespace_that_is_created_anew_is_looked_at_anew() {
    let world = World::new("landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    for round in 0..10 {
        let tenant = if round % 2 == 0 { "solar" } else { "lunar" };
        world.create("again", tenant, json!({})).await;
        if round % 3 == 0 {
            world.comes_to("again", tenant, [], [(NODE_SELECTOR, &format!("pool={tenant}"))]).await;
        }
        if round < 9 {
            world.namespaces().delete("again", &Default::default()).await.expect("deleted");
            world.cluster.finalize_namespace("again").await.expect("finalized");
        }
    }
    world.comes_to("again", "lunar", [], [(NODE_SELECTOR, "pool=lunar")]).await;
}
