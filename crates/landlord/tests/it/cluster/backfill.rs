//! `landlord backfill`, and plan and explain against a cluster.

use std::process::{Command, Output};

use local_cluster::user::ADMIN;
use serde_json::json;

use super::world::{NODE_SELECTOR, World, map};

impl World {
    /// Runs `landlord` as admin with the cluster's settings.
    fn landlord(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landlord"));
        command.args(arguments).arg("--kubeconfig").arg(self.cluster.kubeconfig_of(ADMIN));
        command.arg("--settings").arg(self.cluster.file("settings.yaml"));
        command.output().expect("landlord runs")
    }
}

fn read_stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const NAMESPACES: usize = 60;

#[tokio::test]
async fn existing_namespaces_are_brought_into_compliance_once() {
    let world = World::without_controller("landlord").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    for number in 0..NAMESPACES {
        world.create(&format!("old-{number}"), "solar", json!({"own": "key"})).await;
    }
    let plan = world.landlord(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(2), "{}", read_stdout(&plan));
    assert!(
        read_stdout(&plan).contains(&format!("{NAMESPACES} to change")),
        "{}",
        read_stdout(&plan)
    );
    let explanation = world.landlord(&["explain", "old-7"]);
    assert!(
        read_stdout(&explanation).contains("tenant: solar, by rule label:landlord.dev/tenant"),
        "{}",
        read_stdout(&explanation)
    );

    for mode in ["client", "server"] {
        let dry = world.landlord(&["backfill", &format!("--dry-run={mode}")]);
        assert!(dry.status.success(), "{}", read_stdout(&dry));
        assert_eq!(world.metadata("old-7").await.1, map([]), "a dry run writes nothing");
    }
    let run = world.landlord(&["backfill", "--canary", "5%"]);
    assert!(run.status.success(), "{}", read_stdout(&run));
    assert!(
        read_stdout(&run).contains(&format!("{NAMESPACES} of {NAMESPACES} written")),
        "{}",
        read_stdout(&run)
    );
    for number in 0..NAMESPACES {
        world
            .comes_to(
                &format!("old-{number}"),
                "solar",
                [("own", "key")],
                [(NODE_SELECTOR, "pool=solar")],
            )
            .await;
    }
    let again = world.landlord(&["backfill"]);
    assert!(
        read_stdout(&again).contains("0 of 0 written"),
        "resuming skips what is done: {}",
        read_stdout(&again)
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_reported_with_its_reason() {
    let world = World::without_controller("landlord").await;
    world.set_tenant("solar", json!({"labels": {"a": "b"}, "conflicts": "reject"})).await;
    world.create("good", "solar", json!({})).await;
    world.create("clash", "solar", json!({"a": "x"})).await;
    world.create("lost", "nowhere", json!({})).await;
    let run = world.landlord(&["backfill", "--max-failures", "100%"]);
    assert_eq!(run.status.code(), Some(2), "{}", read_stdout(&run));
    assert!(
        read_stdout(&run).contains("clash: Conflicted: ")
            && read_stdout(&run).contains("lost: UnknownTenant: "),
        "{}",
        read_stdout(&run)
    );
    assert_eq!(world.metadata("good").await.0["a"], "b");

    // A warning is told and fails nothing; a rejection is told also where nothing is to be written.
    let require = |name: &str, failure: &str, path: &str| json!({"name": name, "onFailure": failure, "require": [{"path": format!("$.namespace.metadata.{path}"), "exists": true}]});
    world
        .set_tenant(
            "lunar",
            json!({"labels": {"c": "d"}, "hooks": [require("soft", "warn", "labels.soft")]}),
        )
        .await;
    world.create("warned", "lunar", json!({})).await;
    let warned = world.landlord(&["backfill", "--tenant", "lunar"]);
    assert!(
        warned.status.success()
            && read_stdout(&warned).contains("warned: HookWarning: hook soft: "),
        "{}",
        read_stdout(&warned)
    );
    world
        .set_tenant(
            "lunar",
            json!({"labels": {"c": "d"}, "hooks": [require("hard", "reject", "labels.hard")]}),
        )
        .await;
    let rejected = world.landlord(&["backfill", "--tenant", "lunar"]);
    assert_eq!(rejected.status.code(), Some(2), "{}", read_stdout(&rejected));
    assert!(
        read_stdout(&rejected).contains("0 of 0 written")
            && read_stdout(&rejected).contains("warned: HookRejected: hook hard: "),
        "{}",
        read_stdout(&rejected)
    );

    let none = world.landlord(&["backfill", "--canary", "200%"]);
    assert!(read_stdout(&none).contains("write 0% to 100%"), "{}", read_stdout(&none));
}
