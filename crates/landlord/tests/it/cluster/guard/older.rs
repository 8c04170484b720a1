//! The form of the guard for API servers without MutatingAdmissionPolicies: what cannot be
//! corrected is refused.

use local_cluster::User;
use local_cluster::user::ADMIN;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::world::{LEDGER, eventually};
use super::attacks::{attack_in_every_way, forgeries, those_who_may_write_do};
use super::stage::{OWNER, Refusal, STRANGER, Stage, builder, ledger};
use crate::landlord::run;

const FLAGS: &str = "--without-mutating-policies";
const PIPELINE: &str = "system:serviceaccount:ci:pipeline";

/// Owners as each source writes them.
fn owners(source: &str) -> Value {
    let account = if source == "capsule" { PIPELINE } else { "ci:pipeline" };
    json!([{"kind": "Group", "name": "solar-admins"}, {"kind": "ServiceAccount", "name": account}])
}

#[rstest]
#[tokio::test]
async fn forgeries_are_refused(#[values("landlord", "capsule")] source: &'static str) {
    let pipeline = User::new(PIPELINE, ["system:serviceaccounts", "tenant-members"]);
    let stage = Stage::new(builder().user(pipeline), source, FLAGS).await;
    let refusals = attack_in_every_way(&stage).await;
    // Finalizers are replaced only. Of the rest, a few change nothing: who applies an object
    // without a field leaves it to its owner.
    let (sealed, others): (Vec<&Refusal>, Vec<&Refusal>) =
        refusals.iter().partition(|one| one.message.contains("are sealed"));
    assert!(
        others.iter().all(|one| one.code == 405) && sealed.iter().all(|one| one.code == 403),
        "{others:#?}"
    );
    assert!(sealed.len() >= forgeries(&stage).len() * 8, "{} of {}", sealed.len(), refusals.len());
    let refused = stage
        .patch(OWNER, "web", json!({"labels": {stage.label(): "lunar", "team": "a"}}))
        .await
        .expect_err("sealed");
    assert_eq!(
        (refused.code, refused.message.contains("are sealed")),
        (403, true),
        "{}",
        refused.message
    );
    stage.patch(OWNER, "web", json!({"labels": {"team": "a"}})).await.expect("not sealed");
    those_who_may_write_do(&stage).await;

    let forged = json!({"name": "forged", "annotations": {LEDGER: ledger("solar")}});
    let refused = stage.create(STRANGER, forged).await.expect_err("a forged ledger");
    assert_eq!(
        (
            refused.code,
            refused.message.contains("annotations landlord.dev/ledger are landlord's own")
        ),
        (403, true),
        "{}",
        refused.message
    );
    claims_are_judged(&stage, source).await;
    let refused = stage.pod(OWNER, "claimed-1", "web", json!({})).await.expect_err("not ready");
    assert!(refused.message.contains("is not ready"), "{}", refused.message);
    stage.make_ready("claimed-1", "solar").await;
    stage.passing_pod(OWNER, "claimed-1", "web", json!({})).await;
}

async fn claims_are_judged(stage: &Stage, source: &str) {
    stage
        .world
        .set_tenant("solar", json!({"owners": owners(source), "nodeSelector": {"pool": "solar"}}))
        .await;
    stage.world.set_tenant("lunar", json!({"owners": [], "nodeSelector": {"pool": "lunar"}})).await;
    let claim =
        |name: String, tenant: &str| json!({"name": name, "labels": {stage.label(): tenant}});
    let refused = async || {
        stage
            .try_to_create(STRANGER, claim("early".to_owned(), "solar"))
            .await
            .is_err_and(|one| one.message.contains("does not own"))
    };
    eventually("refused", refused).await;
    for user in [OWNER, STRANGER] {
        let refused =
            stage.create(user, claim("stolen".to_owned(), "lunar")).await.expect_err("not hers");
        let words = format!("namespace stolen claims tenant lunar, which {user} does not own");
        assert_eq!(
            (refused.code, refused.message.contains(&words)),
            (403, true),
            "{}",
            refused.message
        );
    }
    for (number, user) in [OWNER, PIPELINE, ADMIN].into_iter().enumerate() {
        stage
            .create(user, claim(format!("claimed-{}", number + 1), "solar"))
            .await
            .expect("an owner, or an admin");
    }
}

/// The version decides by what it serves by default.
#[test]
fn the_form_for_a_version() {
    let guard = |flags: &str| run(&format!("render guard {flags}")).out;
    assert_eq!(guard("--kubernetes=1.36"), guard(""));
    assert_eq!(guard("--kubernetes=1.36 --beside-webhook"), guard(""));
    assert_eq!(guard("--kubernetes=1.35+"), guard(FLAGS));
    let beside = guard("--kubernetes=v1.34.4-eks-1 --beside-webhook");
    assert_eq!(beside, guard("--without-mutating-policies --beside-webhook"));
    assert_eq!(beside.matches("kind: ValidatingAdmissionPolicyBinding").count(), 3, "{beside}");
    let beta = guard("--mutating-policies=v1beta1");
    assert_eq!(beta.replace("/v1beta1", "/v1"), guard(""));
    for (flags, words) in [
        ("--kubernetes=1.29", "needs Kubernetes 1.30"),
        ("--kubernetes=1.34 --place", "--place needs Kubernetes 1.36"),
        ("--kubernetes=1.34 --on-unready=hold", "--on-unready=hold needs Kubernetes 1.36"),
        ("--kubernetes=newest", "write it as in 1.34"),
    ] {
        let run = run(&format!("render guard {flags}"));
        assert_eq!((run.code, run.err.contains(words)), (Some(1), true), "{flags}: {}", run.err);
    }
}

#[test]
fn hold_and_place_need_mutating_policies() {
    let hold = run("render guard --without-mutating-policies --on-unready=hold");
    assert_eq!(
        (hold.code, hold.err.contains("needs Kubernetes 1.36")),
        (Some(1), true),
        "{}",
        hold.err
    );
    assert_eq!(run("render guard --without-mutating-policies --place").code, Some(1));
    assert!(!run("render guard --without-mutating-policies").out.contains("Mutating"));
}
