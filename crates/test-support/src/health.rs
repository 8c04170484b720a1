//! Health: `landlord doctor` on a cluster, by a user who has no other rights than it needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use kube::api::Api;
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Kubewarden, Node, User};
use serde_json::{Value, json};

use crate::root;
use crate::run::{Run, run_command};
use crate::world::{World, eventually};

/// The user who runs the doctor.
pub const PHYSICIAN: &str = "physician";
const POOL: &str = "node-restriction.kubernetes.io/pool";
/// The namespace that the guard is tried in.
pub const PROBE: &str = "landlord-guard-probe";

async fn run(world: &World, words: String) -> Run {
    let mut command = Command::new(&world.landlord);
    command.args(words.split_whitespace()).current_dir(root()).env_clear();
    tokio::task::spawn_blocking(move || run_command(&mut command, "")).await.expect("the command")
}

/// Runs the doctor as this user.
pub async fn doctor(world: &World, user: &str, flags: &str) -> Run {
    let settings = world.cluster.file("settings.yaml").display().to_string();
    let words = format!(
        "doctor --settings={settings} --kubeconfig={} {flags}",
        world.cluster.kubeconfig_of(user).display()
    );
    run(world, words).await
}

/// The states of each check, with what was found.
pub async fn examine(
    world: &World,
    user: &str,
    flags: &str,
) -> (BTreeMap<String, Vec<(String, String)>>, Option<i32>) {
    let run = doctor(world, user, &format!("-o json {flags}")).await;
    let report: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for finding in report["findings"].as_array().expect("a list") {
        let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        assert!(
            !text("why").is_empty()
                && (text("state") == "ok" || text("state") == "skipped" || !text("fix").is_empty()),
            "{finding}"
        );
        found.entry(text("check")).or_default().push((text("state"), text("what")));
    }
    (found, run.code)
}

/// Runs another command as the cluster's admin.
pub async fn landlord(world: &World, words: &str) -> Run {
    let settings = world.cluster.file("settings.yaml").display().to_string();
    let words = format!(
        "{words} --settings={settings} --kubeconfig={}",
        world.cluster.kubeconfig().display()
    );
    run(world, words).await
}

/// The guard as it is shipped.
pub fn guard() -> String {
    fs::read_to_string(root().join("deploy/guard.yaml")).expect("the guard")
}

/// The role in docs/operations.md, for the physician.
async fn give_rights(world: &World) {
    let docs = fs::read_to_string(root().join("docs/operations.md")).expect("the documentation");
    let role = docs
        .split("```yaml\n")
        .filter_map(|block| block.split("```").next())
        .find(|block| block.contains("landlord:doctor"));
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": PHYSICIAN},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "landlord:doctor"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": PHYSICIAN}],
    });
    world
        .cluster
        .apply(&format!("{}---\n{binding}", role.expect("the role")))
        .await
        .expect("rights");
}

/// A cluster in which nothing is wrong; with the webhook, where there is a policy to start.
async fn healthy(
    program: &Path,
    start_policy: impl AsyncFnOnce(&Cluster) -> Option<Kubewarden>,
) -> World {
    let mut world =
        World::on(Cluster::builder().user(User::new(PHYSICIAN, [""; 0])), "landlord", program)
            .await;
    world.set_settings(&json!({"tenantSource": "landlord", "unclaimed": "reject"}));
    world
        .cluster
        .add_nodes([
            Node::new("solar-1").label(POOL, "solar"),
            Node::new("lunar-1").label(POOL, "lunar"),
        ])
        .await
        .expect("nodes");
    world
        .set_tenant(
            "solar",
            json!({"nodeSelector": {POOL: "solar"}, "labels": {"cost-center": "4711"}}),
        )
        .await;
    if world.namespaces().get_opt(PROBE).await.expect("an answer").is_none() {
        world.create(PROBE, PROBE, json!({})).await;
    }
    world.policy = start_policy(&world.cluster).await;
    if world.policy.is_none() {
        // Nothing else judges namespaces that no label claims.
        world.set_settings(
            &json!({"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}),
        );
    }
    world.create("web", "solar", json!({})).await;
    landlord(&world, "backfill").await;
    let settings = world.cluster.file("settings.yaml").display().to_string();
    let guard = run(&world, format!("render guard --settings={settings}")).await;
    world.cluster.apply(&guard.out).await.expect("a guard");
    give_rights(&world).await;
    world
}

const CHECKS: [&str; 16] = [
    "account",
    "claims",
    "clock",
    "daemon-sets",
    "default-selector",
    "guard",
    "guard-enforced",
    "node-labels",
    "owner-references",
    "pod-node-selector",
    "pools",
    "rights",
    "unclaimed",
    "version",
    "webhook",
    "writers",
];

/// Every check is good on a healthy cluster, and nothing is left of the checks.
pub async fn a_healthy_cluster_is_good(
    landlord: &Path,
    start_policy: impl AsyncFnOnce(&Cluster) -> Option<Kubewarden>,
) {
    let world = healthy(landlord, start_policy).await;
    let flags = if world.policy.is_some() { "" } else { "--skip webhook" };
    // A policy of the API server takes a moment to be in force.
    eventually("the guard", async || {
        examine(&world, PHYSICIAN, flags).await.0["guard-enforced"][0].0 == "ok"
    })
    .await;
    let (found, code) = examine(&world, PHYSICIAN, flags).await;
    let good = |(check, findings): (&String, &Vec<(String, String)>)| {
        // No controller runs there.
        let is_skipped = check == "account" || check == "webhook" && world.policy.is_none();
        let expected = if is_skipped { "skipped" } else { "ok" };
        findings.iter().all(|(state, _)| state == expected)
    };
    assert!(found.iter().all(good) && code == Some(0), "{code:?} {found:#?}");
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), CHECKS);
    assert_eq!(
        found["pod-node-selector"][0].1,
        format!("a Pod in namespace web gets {POOL}=solar")
    );
    assert_eq!(
        found["guard-enforced"][0].1,
        format!("a Pod in namespace {PROBE}, which is not ready, is held")
    );
    assert_eq!(found["clock"][0].1, "this machine's clock and the API server's agree");
    assert_eq!(found["pools"][0].1, format!("solar: {POOL}=solar matches 1"));
    if world.policy.is_some() {
        assert!(
            found["webhook"][0]
                .1
                .starts_with("it answers; creating a namespace for tenant solar takes"),
            "{found:#?}"
        );
    }
    let names: Vec<_> = world
        .namespaces()
        .list(&Default::default())
        .await
        .expect("namespaces")
        .into_iter()
        .filter_map(|one| one.metadata.name)
        .collect();
    assert!(!names.iter().any(|name| name.contains("doctor")), "nothing is left: {names:?}");
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::all(world.cluster.client(ADMIN).expect("a client"));
    assert_eq!(
        pods.list(&Default::default()).await.expect("Pods").items.len(),
        0,
        "nothing is left"
    );
}
