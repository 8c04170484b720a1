//! The policy server gets the policy where users get it: from an OCI registry.

use std::process::Command;

use local_cluster::kubewarden::Options;
use local_cluster::registry::{self, Registry};
use serde_json::json;

use super::world::{NODE_SELECTOR, OWNER, OWNERS, World, annotations, builder, map, shipped};
use crate::compiled::{policy_host, wasm};

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_from_a_registry_decides_on_the_real_api_server() {
    let registry = Registry::start(registry::Options::default()).expect("a registry");
    let (module, sources) =
        (registry.url("landlord-policy:v1"), registry.insecure_sources().expect("a file"));
    let mut push = Command::new(policy_host());
    push.arg("push")
        .arg("--force")
        .arg(wasm())
        .args([&module, "--sources-path"])
        .arg(&sources)
        .env("DOCKER_CONFIG", registry.folder());
    let output = push.output().expect("policy-host runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut policy = shipped("landlord");
    policy["spec"]["module"] = json!(module);
    let options = Options {
        policy_host: policy_host().to_owned(),
        modules: [].into(),
        sources: Some(sources),
    };
    let world = World::start_with(builder(), policy, options).await;
    let tenant = json!({
        "apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"},
        "spec": {"owners": [{"kind": "Group", "name": OWNERS}], "nodeSelector": {"pool": "solar"}},
    });
    world.apply(tenant).await.expect("a tenant");
    let created = world
        .create(OWNER, json!({"name": "fresh", "labels": {"landlord.dev/tenant": "solar"}}))
        .await
        .expect("created");
    assert_eq!(annotations(&created), map([(NODE_SELECTOR, "pool=solar")]));
}
