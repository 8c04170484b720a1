//! Who may do what, through real users: owner, stranger, cluster admin, controller. Scenarios 12
//! and 13.

use local_cluster::user::{ADMIN, CONTROLLER};
use rstest::rstest;
use serde_json::json;

use super::tenants::Source;
use super::world::{NODE_SELECTOR, OWNER, STRANGER, annotations, labels, ledger, map};

const BOTH: [Source; 2] = [Source::Landlord, Source::Capsule];

#[rstest]
#[case(OWNER, None)]
#[case(ADMIN, None)]
#[case(STRANGER, Some(403))]
#[tokio::test]
async fn only_owners_and_admins_claim_a_tenant(#[case] user: &str, #[case] code: Option<u16>) {
    for source in BOTH {
        source.tenant("claimed").selecting("pool", "solar").apply().await;
        let answer =
            source.world().create(user, json!({"name": format!("claimed-by-{user}"), "labels": {source.label(): "claimed"}})).await;
        assert_eq!(answer.as_ref().err().map(|refusal| refusal.code), code, "{source:?}");
        if let Err(refusal) = answer {
            assert!(
                refusal.message.contains("\"claimed\"") && refusal.message.contains(user),
                "{}",
                refusal.message
            );
        }
    }
}

#[tokio::test]
async fn nobody_but_admins_creates_a_namespace_without_a_tenant() {
    for source in BOTH {
        let world = source.world();
        let refused =
            world.create(OWNER, json!({"name": "nobodys"})).await.expect_err("unclaimed: reject");
        assert!(refused.message.contains(source.label()), "says what to do: {}", refused.message);
        let made = world.create(ADMIN, json!({"name": "nobodys"})).await.expect("admins may");
        assert_eq!(ledger(&made), None);
    }
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_is_refused() {
    for source in BOTH {
        let refused = source
            .world()
            .create(OWNER, json!({"name": "lost", "labels": {source.label(): "nowhere"}}))
            .await
            .expect_err("unknown");
        assert!(refused.message.contains("\"nowhere\""), "{}", refused.message);
    }
}

/// A backfill never pays for admission: the conditions keep the controller's updates from the
/// webhook.
#[tokio::test]
async fn the_controller_writes_untouched_and_others_repair() {
    let source = Source::Landlord;
    let world = source.world();
    source.tenant("backfilled").selecting("pool", "solar").apply().await;
    world
        .create(OWNER, json!({"name": "backfilled-web", "labels": {source.label(): "backfilled"}}))
        .await
        .expect("created");
    let edit = json!({"metadata": {"annotations": {NODE_SELECTOR: "pool=lunar"}}});
    let written = world.patch(CONTROLLER, "backfilled-web", edit).await.expect("written");
    assert_eq!(annotations(&written), map([(NODE_SELECTOR, "pool=lunar")]));
    let note = json!({"metadata": {"annotations": {"note": "x"}}});
    let repaired = world.patch(OWNER, "backfilled-web", note).await.expect("edited");
    assert_eq!(annotations(&repaired), map([(NODE_SELECTOR, "pool=solar"), ("note", "x")]));
}

#[tokio::test]
async fn the_controller_has_no_more_rights_than_it_needs() {
    let world = Source::Landlord.world();
    world.create(ADMIN, json!({"name": "mine"})).await.expect("created");
    let refused = world.delete(CONTROLLER, "mine").await.expect_err("no right to delete");
    assert!(
        refused.message.contains("cannot delete resource \"namespaces\""),
        "{}",
        refused.message
    );
}

#[tokio::test]
async fn an_admin_moves_a_namespace() {
    for source in BOTH {
        let world = source.world();
        source
            .tenant("old-home")
            .selecting("pool", "solar")
            .wanting(json!({"labels": {"old": "yes"}}))
            .apply()
            .await;
        source
            .tenant("new-home")
            .selecting("pool", "lunar")
            .wanting(json!({"labels": {"new": "yes"}}))
            .apply()
            .await;
        world
            .create(OWNER, json!({"name": "moving", "labels": {source.label(): "old-home"}}))
            .await
            .expect("created");
        let moved = world
            .patch(ADMIN, "moving", json!({"metadata": {"labels": {source.label(): "new-home"}}}))
            .await
            .expect("moved");
        assert_eq!(
            labels(&moved),
            map([
                ("new", "yes"),
                ("kubernetes.io/metadata.name", "moving"),
                (source.label(), "new-home")
            ])
        );
        assert_eq!(annotations(&moved), map([(NODE_SELECTOR, "pool=lunar")]));
    }
}

#[tokio::test]
async fn a_stranger_cannot_push_a_namespace_into_a_tenant() {
    for source in BOTH {
        let world = source.world();
        source.tenant("pushed").selecting("pool", "solar").apply().await;
        world.create(ADMIN, json!({"name": "pushed-web"})).await.expect("created");
        let claim = json!({"metadata": {"labels": {source.label(): "pushed"}}});
        for user in [STRANGER, OWNER] {
            let refused =
                world.patch(user, "pushed-web", claim.clone()).await.expect_err("an admin's");
            assert!(
                refused.code == 403 && refused.message.contains("only admins"),
                "{}",
                refused.message
            );
        }
        let adopted = world.patch(ADMIN, "pushed-web", claim).await.expect("an admin may");
        assert_eq!(annotations(&adopted), map([(NODE_SELECTOR, "pool=solar")]));
    }
}

#[tokio::test]
async fn scenario_12_a_namespace_made_by_an_admin_is_managed_editable_and_deletable() {
    for source in BOTH {
        let world = source.world();
        source.tenant("admins").selecting("pool", "solar").apply().await;
        let made = world
            .create(ADMIN, json!({"name": "admins-web", "labels": {source.label(): "admins"}}))
            .await
            .expect("created");
        assert_eq!(annotations(&made), map([(NODE_SELECTOR, "pool=solar")]));
        for user in [ADMIN, OWNER] {
            let edited = world
                .patch(user, "admins-web", json!({"metadata": {"labels": {"edited-by": user}}}))
                .await
                .expect("editable");
            assert_eq!(labels(&edited)["edited-by"], user);
        }
        world.delete(OWNER, "admins-web").await.expect("deletable");
        world.cluster.finalize_namespace("admins-web").await.expect("finalized");
        assert!(world.namespaces(ADMIN).get_opt("admins-web").await.expect("an answer").is_none());
    }
}

#[tokio::test]
async fn scenario_13_create_and_label_at_once() {
    for source in BOTH {
        let world = source.world();
        source.tenant("hasty").selecting("pool", "solar").apply().await;
        world.create(ADMIN, json!({"name": "hasty-web"})).await.expect("created");
        let labelled = world
            .patch(ADMIN, "hasty-web", json!({"metadata": {"labels": {source.label(): "hasty"}}}))
            .await
            .expect("labelled");
        assert_eq!(annotations(&labelled), map([(NODE_SELECTOR, "pool=solar")]));
    }
}
