//! Commands that talk to a cluster: status, plan with its estimate, adopt, move.

use serde_json::{Value, json};

use super::world::{NODE_SELECTOR, World};
use crate::landlord::{Run, run};

/// Runs a command as the cluster's admin.
pub(super) async fn landlord(world: &World, words: &str) -> Run {
    let settings = world.cluster.file("settings.yaml").display().to_string();
    let words = format!(
        "{words} --settings={settings} --kubeconfig={}",
        world.cluster.kubeconfig().display()
    );
    tokio::task::spawn_blocking(move || run(&words)).await.expect("the command")
}

/// `web` of tenant solar is not verified, and nobody leads.
async fn shows_the_status(world: &World) {
    let status = landlord(world, "status -o json").await;
    assert_eq!(status.code, Some(2), "{}", status.err);
    let report: Value = serde_json::from_str(&status.out).expect("JSON");
    let row = |name: &str, errors: usize, behind: &Value, unready: &Value| json!({"name": name, "namespaces": errors, "compliant": 0, "drift": 0, "errors": errors, "contested": null, "failing": null, "behind": behind, "unready": unready});
    let (behind, unready) = (&report["tenants"][1]["behind"], &report["tenants"][1]["unready"]);
    let rows = [row("lunar", 0, &Value::Null, &Value::Null), row("solar", 1, behind, unready)];
    assert_eq!(report["tenants"], json!(rows));
    assert!(
        unready["count"] == 1
            && unready["namespace"] == "web"
            && unready["message"].as_str().is_some_and(|why| why.ends_with("; Pods go anywhere")),
        "there is no guard: {unready}"
    );
    let (since, seconds) =
        (behind["since"].as_str().expect("a time"), behind["seconds"].as_i64().expect("seconds"));
    assert!(
        behind["namespace"] == "web" && since.len() == "2026-01-01T00:00:00Z".len() && seconds >= 0,
        "{behind}"
    );
    assert_eq!(
        (&report["apiVersion"], &report["leader"]),
        (&json!("landlord.dev/status/v1"), &Value::Null)
    );
    let unknown = landlord(world, "status nobody").await;
    assert!(
        unknown.code == Some(1)
            && unknown.err.contains("no tenant \"nobody\"")
            && unknown.err.contains("there is \"lunar\", \"solar\""),
        "{}",
        unknown.err
    );
}

#[tokio::test]
async fn they_show_estimate_adopt_and_move() {
    let world = World::without_controller("landlord").await;
    world
        .set_tenant(
            "solar",
            json!({"owners": [{"kind": "User", "name": "olivia"}], "nodeSelector": {"pool": "solar"}, "labels": {"a": "b"}}),
        )
        .await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.create("web", "solar", json!({"own": "key"})).await;
    world.create_bare("free", json!({})).await;
    let stamp = json!({"username": "mallory", "groups": ["strangers"]}).to_string();
    world.patch("web", json!({"annotations": {"landlord.dev/creator": stamp}})).await;

    shows_the_status(&world).await;

    // Who created it may not claim it, so a backfill leaves it alone.
    let backfill = landlord(&world, "backfill").await;
    assert!(
        backfill.code == Some(2) && backfill.out.contains("landlord adopt web"),
        "{}{}",
        backfill.out,
        backfill.err
    );
    assert!(!world.metadata("web").await.1.contains_key(NODE_SELECTOR));

    adopts(&world).await;
    moves(&world).await;
    let status = landlord(&world, "status").await;
    assert_eq!(status.code, Some(0), "{}{}", status.out, status.err);
    assert!(status.out.contains("lunar"), "{}", status.out);

    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "moon"}})).await;
    let plan = landlord(&world, "plan --tenant lunar").await;
    assert!(plan.err.contains("1 writes, about"), "{}{}", plan.out, plan.err);
    world.comes_to("web", "lunar", [("own", "key")], [(NODE_SELECTOR, "pool=lunar")]).await;
}

async fn adopts(world: &World) {
    let shown = landlord(world, "adopt web --dry-run").await;
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(
        shown.out.starts_with("web: adopted for tenant \"solar\" (dry run)\n"),
        "{}",
        shown.out
    );
    assert!(
        shown.out.contains(&format!("+   {NODE_SELECTOR}: \"pool=solar\"\n"))
            && shown.out.contains("+   a: \"b\"\n"),
        "{}",
        shown.out
    );
    let dry = landlord(world, "adopt web --dry-run=server").await;
    assert_eq!(
        (dry.out.as_str(), dry.code),
        ("web: adopted for tenant \"solar\" (dry run)\n", Some(0)),
        "{}",
        dry.err
    );
    assert!(!world.metadata("web").await.1.contains_key(NODE_SELECTOR));
    let adopted = landlord(world, "adopt web").await;
    assert_eq!(
        (adopted.out.as_str(), adopted.code),
        ("web: adopted for tenant \"solar\"\n", Some(0)),
        "{}",
        adopted.err
    );
    world
        .comes_to("web", "solar", [("own", "key"), ("a", "b")], [(NODE_SELECTOR, "pool=solar")])
        .await;
    assert_eq!(landlord(world, "adopt web").await.out, "web: nothing to do\n");
    let nobodys = landlord(world, "adopt free").await;
    assert!(
        nobodys.code == Some(1) && nobodys.err.contains("no rule claims it"),
        "{}",
        nobodys.err
    );
}

async fn moves(world: &World) {
    let shown = landlord(world, "move web --to lunar --dry-run").await;
    assert!(
        shown
            .out
            .contains("-   landlord.dev/tenant: \"solar\"\n+   landlord.dev/tenant: \"lunar\"\n"),
        "{}{}",
        shown.out,
        shown.err
    );
    let moved = landlord(world, "move web --to lunar").await;
    assert_eq!(
        (moved.out.as_str(), moved.code),
        ("web: moved from tenant \"solar\" to tenant \"lunar\"\n", Some(0)),
        "{}",
        moved.err
    );
    world.comes_to("web", "lunar", [("own", "key")], [(NODE_SELECTOR, "pool=lunar")]).await;
    let nowhere = landlord(world, "move web --to nobody").await;
    assert!(
        nowhere.code == Some(1) && nowhere.err.contains("there is no tenant \"nobody\""),
        "{}",
        nowhere.err
    );
}
