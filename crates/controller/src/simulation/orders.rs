//! Who comes first, and how often each is written.

use std::time::Duration;

use serde_json::json;

use super::*;
use assessment::Reason;

#[tokio::test(start_paused = true)]
async fn a_new_namespace_goes_before_thousands_of_old_ones() {
    let server = populated(3000);
    server.faults().latency = Duration::from_millis(10);
    let simulation = Simulation::start(server);
    simulation.until("the middle", |this| this.patches() > 1000).await;
    let before = simulation.patches();
    simulation.server.put(namespace("new", "solar")).expect("a namespace");
    simulation.until("the new one", |this| this.is_in_pool("new", "a")).await;
    let place = simulation
        .server
        .faults()
        .patches()
        .iter()
        .position(|name| name == "new")
        .expect("it was written");
    let under_way = simulation.reconciler.shared().work.pace.limit();
    assert!(
        place <= before + 2 * under_way,
        "{place} patches, {before} of them before it was there, {under_way} at a time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_edited_in_the_middle_of_its_backfill_wins() {
    let server = populated(1000);
    server.faults().latency = Duration::from_millis(10);
    let simulation = Simulation::start(server);
    simulation.until("the middle", |this| this.patches() > 400).await;
    simulation.server.put(solar("b")).expect("an edit");
    let in_b =
        |this: &Simulation| (0..1000).all(|number| this.is_in_pool(&format!("old-{number}"), "b"));
    simulation.until("the edit", |this| in_b(this) && this.is_idle()).await;
    let late = 400 + 2 * simulation.reconciler.shared().work.pace.limit();
    assert!(
        simulation.patches() <= 1000 + late,
        "those not yet written are written once: {}",
        simulation.patches()
    );
}

#[tokio::test(start_paused = true)]
async fn many_edits_in_a_second_are_two_passes() {
    let simulation = Simulation::settled(populated(100)).await;
    simulation.server.faults().forget_requests();
    for round in 0..20 {
        simulation.server.put(solar(&format!("p{round}"))).expect("an edit");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    simulation
        .until("the last edit", |this| {
            (0..100).all(|number| this.is_in_pool(&format!("old-{number}"), "p19"))
                && this.is_idle()
        })
        .await;
    let first = simulation.server.faults().patches().iter().filter(|name| *name == "old-0").count();
    assert!(first <= 2, "the first edit and the last: {first}");

    tokio::time::sleep(Duration::from_secs(2)).await;
    let edited = tokio::time::Instant::now();
    simulation.server.put(solar("last")).expect("an edit");
    simulation.until("one more edit", |this| this.is_in_pool("old-0", "last")).await;
    assert!(
        edited.elapsed() < Duration::from_secs(1),
        "the next edit pays nothing for the many before"
    );
}

/// `kubectl replace` and Argo's Replace wipe the ledger together with the keys.
#[tokio::test(start_paused = true)]
async fn a_rival_that_replaces_everything_is_one_as_well() {
    let simulation = Simulation::settled(populated(0)).await;
    simulation.server.put(namespace("web", "solar")).expect("a namespace");
    for _ in 0..20 {
        simulation.until_compliant().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        simulation.server.put(namespace("web", "solar")).expect("a replacement");
        tokio::time::sleep(Duration::from_secs(1)).await;
        if simulation.reconciler.shared().progress.trouble("web").is_some() {
            break;
        }
    }
    assert_eq!(
        simulation.reconciler.shared().progress.trouble("web").expect("a trouble").reason,
        Reason::Contested
    );
    simulation.until("the selector all the same", |this| this.is_in_pool("web", "a")).await;
    let ledger = simulation.metadata("web")["annotations"][LEDGER].clone();
    assert!(ledger.as_str().is_some_and(|ledger| ledger.starts_with("{\"pending\":")), "{ledger}");
}

/// Three times in ten minutes: a plain key is left alone then, and a placement key never is.
#[tokio::test(start_paused = true)]
async fn a_rival_does_not_make_a_hot_loop() {
    let simulation = Simulation::settled(populated(1)).await;
    for _ in 0..30 {
        let mut reversed = (*simulation.server.object("Namespace", "old-0").expect("it")).clone();
        reversed["metadata"]["labels"]["billing"] = json!("rival");
        simulation.server.put(reversed).expect("a reversal");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert!(simulation.patches() < 10, "{} patches against 30 reversals", simulation.patches());
    assert_eq!(simulation.metadata("old-0")["labels"]["billing"], "rival");
    tokio::time::sleep(Duration::from_secs(1200)).await;
    assert_eq!(simulation.metadata("old-0")["labels"]["billing"], "solar", "the quarrel is over");
}

#[tokio::test(start_paused = true)]
async fn a_stamped_stranger_is_not_adopted() {
    let server = populated(0);
    server
        .put(tenant("owned", json!({"owners": [{"kind": "User", "name": "olivia"}], "nodeSelector": {"pool": "owned"}})))
        .expect("a tenant");
    let mut forged = namespace("forged", "owned");
    forged["metadata"]["annotations"]["landlord.dev/creator"] =
        json!(json!({"username": "mallory", "groups": []}).to_string());
    server.put(forged).expect("a namespace");
    let simulation = Simulation::start(server);
    simulation
        .until("the report", |this| this.reconciler.shared().progress.trouble("forged").is_some())
        .await;
    assert_eq!(
        simulation.reconciler.shared().progress.trouble("forged").expect("a trouble").reason,
        Reason::Unverified
    );
    assert_eq!(simulation.patches(), 0);
}

/// `unclaimed: reject` where no webhook said so: a mark that an earlier setting allowed goes, and
/// it is reported.
#[tokio::test(start_paused = true)]
async fn a_stamped_stranger_has_no_free_namespace() {
    let server = populated(0);
    for (name, user) in [("free", "mallory"), ("admins", "system:serviceaccount:ops:robot")] {
        let annotations = json!({"landlord.dev/creator": json!({"username": user, "groups": []}).to_string(), "landlord.dev/unclaimed": "true"});
        let mut namespace = namespace(name, "");
        namespace["metadata"]["annotations"] = annotations;
        server.put(namespace).expect("a namespace");
    }
    server.put(namespace("old", "")).expect("a namespace");
    let settings = json!({"unclaimed": "reject", "guard": {"scope": "all"}, "admins": {"serviceAccounts": ["ops:robot"]}});
    let simulation = Simulation::start_with(server, &settings);
    let is_marked = |this: &Simulation, name: &str| {
        this.metadata(name)["annotations"]["landlord.dev/unclaimed"] == "true"
    };
    simulation.until("the marks", |this| is_marked(this, "old") && !is_marked(this, "free")).await;
    simulation
        .until("the report", |this| this.reconciler.shared().progress.trouble("free").is_some())
        .await;
    assert_eq!(
        simulation.reconciler.shared().progress.trouble("free").expect("a trouble").reason,
        Reason::Unclaimed
    );
    assert!(
        is_marked(&simulation, "admins")
            && simulation.reconciler.shared().progress.troubles().count() == 1
    );
    // Beside both marks, the empty label goes, which said that nobody claims it.
    assert_eq!(simulation.patches(), 3);
}

/// The label by which it is claimed is anyone's who may update the namespace, so the move waits
/// for an admin.
#[tokio::test(start_paused = true)]
async fn a_move_that_the_guard_cannot_seal_is_not_followed() {
    for (path, follows) in
        [("$.namespace.metadata.labels[*]", false), ("$.namespace.metadata.labels.team", true)]
    {
        let server = populated(0);
        server.put(tenant("lunar", json!({"nodeSelector": {"pool": "b"}}))).expect("a tenant");
        let mut claimed = namespace("web", "");
        claimed["metadata"]["labels"]["team"] = json!("tenant-solar");
        server.put(claimed).expect("a namespace");
        let settings = json!({"claims": "trusted", "identify": [{"jsonPath": {"path": path, "prefix": "tenant-"}}]});
        let simulation = Simulation::start_with(server, &settings);
        simulation.until("its pool", |this| this.is_in_pool("web", "a")).await;
        for other in [json!("tenant-lunar"), Value::Null] {
            let mut moved = (*simulation.server.object("Namespace", "web").expect("it")).clone();
            moved["metadata"]["labels"]["team"] = other.clone();
            simulation.server.put(moved).expect("a move");
            let reported = |this: &Simulation| {
                this.reconciler.shared().progress.trouble("web").map(|one| one.reason)
                    == Some(Reason::Unverified)
            };
            let followed = |this: &Simulation| !this.is_in_pool("web", "a");
            simulation
                .until("a decision", |this| if follows { followed(this) } else { reported(this) })
                .await;
            assert!(follows || simulation.is_in_pool("web", "a"), "{path} {other}");
        }
    }
}

/// While the first plan of a whole cluster is made, watches are read: a new namespace does not wait
/// for its end.
#[tokio::test(start_paused = true)]
async fn a_new_namespace_does_not_wait_for_the_first_plan() {
    const MANY: usize = 4000;
    let simulation = Simulation::start(populated(MANY));
    while simulation.patches() == 0 {
        tokio::task::yield_now().await;
    }
    simulation.server.put(namespace("new", "solar")).expect("a namespace");
    while !simulation.is_in_pool("new", "a") {
        tokio::task::yield_now().await;
    }
    let planned = {
        let shared = simulation.reconciler.shared();
        shared.work.queue.len() + usize::try_from(shared.written).expect("a number")
    };
    assert!(planned < MANY, "{planned} of {MANY} were planned before it was written");
    simulation.until_compliant().await;
}
