//! Law 8 on a real API server: who is on record for a claim, and that nothing else moves a namespace.

use k8s_openapi::api::core::v1::Namespace;
use local_cluster::user::ADMIN;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::super::world::{LEDGER, NODE_SELECTOR, World, eventually};
use super::stage::{OWNER, Stage, builder, ledger};

const CREATOR: &str = "landlord.dev/creator";

fn annotation(namespace: &Namespace, key: &str) -> String {
    let annotations = namespace.metadata.annotations.clone().unwrap_or_default();
    annotations.get(key).cloned().unwrap_or_default()
}

fn stamp(namespace: &Namespace) -> Value {
    serde_json::from_str(&annotation(namespace, CREATOR)).expect("JSON")
}

/// A user plants what a later edit of the settings makes a claim, and writes on a namespace while it
/// is excluded; an admin relabels another one.
#[tokio::test]
async fn no_edit_of_settings_moves_a_namespace() {
    let Stage { mut world, mut settings } = Stage::new(builder(), "landlord", "").await;
    for name in ["solar", "lunar"] {
        let owners = json!([{"kind": "Group", "name": format!("{name}-admins")}]);
        world.set_tenant(name, json!({"owners": owners, "nodeSelector": {"pool": name}})).await;
    }
    world.set_settings(&settings);
    world.add_controller("one").await;
    let mut stage = Stage { world, settings: settings.clone() };
    for name in ["planted", "excluded", "relabelled", "control"] {
        let metadata = json!({"name": name, "labels": {"landlord.dev/tenant": "solar"}});
        stage.create(OWNER, metadata).await.expect("created");
        stage.world.comes_to(name, "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
        assert_eq!(stamp(&stage.get(name).await)["username"], OWNER, "the stamp stays");
    }
    let team = json!({"annotations": {"team": "lunar"}});
    stage.patch(OWNER, "planted", team).await.expect("it means nothing yet");

    // An admin's relabelling is on record, is followed, and is no record of the next one.
    let lunar = json!({"labels": {"landlord.dev/tenant": "lunar"}});
    let moved = stage.patch(ADMIN, "relabelled", lunar.clone()).await.expect("moved");
    assert_eq!(stamp(&moved)["moved"], json!(["lunar"]));
    stage.world.comes_to("relabelled", "lunar", [], [(NODE_SELECTOR, "pool=lunar")]).await;
    eventually("the record without the move", async || {
        stamp(&stage.get("relabelled").await).get("moved").is_none()
    })
    .await;
    let noted = json!({"labels": {"note": "x"}});
    let noted = stage.patch(ADMIN, "control", noted).await.expect("noted");
    assert_eq!(stamp(&noted)["username"], OWNER, "an edit of something else is no move");

    stage.world.end_controller(0, Signal::SIGTERM).await;

    what_landlord_wrote_outlives_an_exclusion(&mut stage, &mut settings).await;
    what_was_planted_is_no_claim(&mut stage, &mut settings).await;
}

/// For a time, the settings exclude the namespace.
async fn what_landlord_wrote_outlives_an_exclusion(stage: &mut Stage, settings: &mut Value) {
    settings["excludedNamespaces"] = json!(["kube-*", "landlord", "default", "excluded"]);
    stage.settings = settings.clone();
    stage.install("").await;
    stage.world.set_settings(settings);
    let lunar = json!({"labels": {"landlord.dev/tenant": "lunar"}});
    let is_lunar =
        |after: Namespace| after.metadata.labels.expect("labels")["landlord.dev/tenant"] == "lunar";
    eventually("the exclusion", async || {
        stage.try_to_patch(OWNER, "excluded", lunar.clone()).await.is_ok_and(is_lunar)
    })
    .await;
    assert!(is_lunar(stage.patch(OWNER, "excluded", lunar).await.expect("taken")));
    let forged = json!({"annotations": {LEDGER: ledger("lunar"), CREATOR: r#"{"username":"admin","groups":["system:masters"],"moved":["lunar"]}"#}});
    let refused = stage.patch(OWNER, "excluded", forged).await.expect_err("sealed");
    assert!(refused.message.contains("annotations landlord.dev/creator"), "{refused:?}");
    let after = stage.get("excluded").await;
    assert!(annotation(&after, LEDGER).starts_with(r#"{"tenant":"solar""#));
    assert_eq!(stamp(&after)["username"], OWNER);
}

/// The settings read a key that a user had written before.
async fn what_was_planted_is_no_claim(stage: &mut Stage, settings: &mut Value) {
    settings["excludedNamespaces"] = json!(["kube-*", "landlord", "default"]);
    settings["identify"] = json!([{"annotation": "team"}]);
    stage.settings = settings.clone();
    stage.install("").await;
    stage.world.set_settings(settings);
    stage.world.add_controller("two").await;
    for name in ["planted", "excluded"] {
        let line = format!("namespace=\"{name}\" reason=\"Unverified\"");
        let reported = |world: &World| world.log("two").contains(&line);
        eventually(&format!("the report of {name}"), async || reported(&stage.world)).await;
        // It keeps its tenant and its pool, and lets no new Pod in until an admin has decided: the
        // label of one already names another tenant than its ledger.
        let head = if name == "planted" { r#"{"was":"solar""# } else { r#"{"tenant":"solar""# };
        eventually(&format!("the ledger of {name}"), async || {
            annotation(&stage.get(name).await, LEDGER).starts_with(head)
        })
        .await;
        let after = stage.get(name).await;
        assert_eq!(annotation(&after, NODE_SELECTOR), "pool=solar", "{name}");
    }
    assert_eq!(annotation(&stage.get("control").await, NODE_SELECTOR), "pool=solar");
}
