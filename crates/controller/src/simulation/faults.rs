//! What an API server does to a writer: conflicts, other namespaces under the same name, 429, 500,
//! expired pages, forgotten changes.

use std::time::Duration;

use fake_apiserver::Kind;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_conflict_is_planned_anew_and_the_other_edit_stays() {
    let server = populated(1);
    server.faults().interfere(|server, name| {
        let mut edited = (*server.object("Namespace", name).expect("it")).clone();
        edited["metadata"]["labels"]["own"] = json!("edited");
        server.put(edited).expect("an edit");
    });
    let simulation = Simulation::settled(server).await;
    assert_eq!(simulation.metadata("old-0")["labels"]["own"], "edited");
    assert_eq!(simulation.metadata("old-0")["annotations"][NODE_SELECTOR], "pool=a");
    assert_eq!(simulation.patches(), 2, "one that was too late and one that was not");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_created_anew_is_not_written_by_the_plan_of_the_old_one() {
    let server = populated(1);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}}))).expect("a tenant");
    server.faults().interfere(|server, name| {
        assert!(server.remove("Namespace", name));
        server.put(namespace(name, "lunar")).expect("another one");
    });
    let simulation = Simulation::settled(server).await;
    assert!(simulation.is_in_pool("old-0", "lunar"));
    assert_eq!(
        simulation.metadata("old-0")["labels"]["billing"],
        Value::Null,
        "nothing of solar's"
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_gone_is_forgotten() {
    let server = populated(2);
    server.faults().interfere(|server, name| assert!(server.remove("Namespace", name)));
    let simulation = Simulation::settled(server).await;
    assert_eq!((simulation.patches(), simulation.server.objects("Namespace").len()), (2, 1));
    assert_eq!(simulation.reconciler.shared().store.names().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_push_back_is_waited_out() {
    let server = populated(50);
    {
        let mut faults = server.faults();
        (faults.push_backs, faults.retry_after) = (3, 7);
    }
    let began = Instant::now();
    let simulation = Simulation::start(server);
    simulation.until("the first push back", |this| this.server.faults().push_backs == 0).await;
    let (patches, pushed) = (simulation.patches(), Instant::now());
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(simulation.patches(), patches, "nothing is sent before Retry-After is over");
    simulation.until_compliant().await;
    assert!(pushed - began < Duration::from_secs(1));
    assert_eq!(
        simulation.patches(),
        53,
        "each namespace once, and those that were pushed back once more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_for_an_hour_is_not_hammered() {
    let server = populated(20);
    server.faults().failures = usize::MAX;
    let simulation = Simulation::start(server);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let patches = simulation.patches();
    // Doubling from 1 s to 300 s, an hour has room for about 20 tries of each.
    assert!((20 * 5..20 * 25).contains(&patches), "{patches}");
    simulation.server.faults().failures = 0;
    simulation.until_compliant().await;
    (0..20).for_each(|number| assert!(simulation.is_in_pool(&format!("old-{number}"), "a")));
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_pages_expire_is_begun_anew() {
    let server = populated(1600);
    server.faults().expired_pages = 2;
    let simulation = Simulation::settled(server).await;
    assert_eq!(simulation.server.faults().expired_pages, 0);
    assert_eq!(simulation.patches(), 1600, "what was listed twice is written once");
}

#[tokio::test(start_paused = true)]
async fn changes_that_were_missed_are_found_by_a_new_list() {
    let simulation = Simulation::settled(populated(10)).await;
    let lists = simulation.lists();
    simulation.server.break_watches();
    assert!(simulation.server.remove("Namespace", "old-3"));
    let mut tampered = namespace("old-4", "solar");
    tampered["metadata"]["annotations"][NODE_SELECTOR] = json!("pool=foreign");
    simulation.server.put(tampered).expect("an edit");
    simulation.server.compact();
    simulation.until("a new list", |this| this.lists() > lists && this.is_idle()).await;
    simulation.until("repair", |this| this.is_in_pool("old-4", "a")).await;
    assert!(simulation.reconciler.shared().store.namespace("old-3").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_off_goes_on_where_it_was() {
    let simulation = Simulation::settled(populated(10)).await;
    let lists = simulation.lists();
    for round in 0..5 {
        simulation.server.break_watches();
        simulation.server.put(namespace(&format!("new-{round}"), "solar")).expect("a namespace");
        simulation.until("the new one", |this| this.is_in_pool(&format!("new-{round}"), "a")).await;
    }
    assert_eq!(simulation.lists(), lists, "no list was needed");
}

#[tokio::test(start_paused = true)]
async fn tenants_that_are_all_lost_at_once_release_nothing() {
    let server = populated(5);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}}))).expect("a tenant");
    server.put(namespace("moon", "lunar")).expect("a namespace");
    let simulation = Simulation::settled(server).await;
    let lists = |this: &Simulation| this.server.faults().requests("list", "tenants");
    let before = lists(&simulation);
    simulation.server.break_watches();
    for name in ["solar", "lunar"] {
        assert!(simulation.server.remove("Tenant", name));
    }
    simulation.server.compact();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(lists(&simulation) > before, "the empty list was seen");
    (0..5).for_each(|number| assert!(simulation.is_in_pool(&format!("old-{number}"), "a")));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_vanishes_releases_nothing() {
    let simulation = Simulation::settled(populated(5)).await;
    simulation.server.undefine("Tenant");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    (0..5).for_each(|number| assert!(simulation.is_in_pool(&format!("old-{number}"), "a")));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_deleted_while_nobody_looked_is_released_later() {
    let server = populated(3);
    server.put(tenant("lunar", json!({}))).expect("a tenant");
    drop(Simulation::settled(server.clone()).await);
    assert!(server.remove("Tenant", "solar"));
    let simulation = Simulation::start(server);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(simulation.is_in_pool("old-0", "a"), "it may come back");
    simulation
        .until("the release", |this| this.metadata("old-0")["annotations"][NODE_SELECTOR].is_null())
        .await;
    let metadata = simulation.metadata("old-0");
    assert_eq!(
        (&metadata["labels"]["landlord.dev/tenant"], &metadata["annotations"][LEDGER]),
        (&json!("solar"), &Value::Null)
    );
    assert_eq!(metadata["labels"]["own"], "key");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_while_the_kind_is_waited_for_is_no_obstacle() {
    let server = populated(3);
    server.undefine("Tenant");
    let simulation = Simulation::start(server);
    tokio::time::sleep(Duration::from_secs(10)).await;
    simulation.server.faults().refused_watches = 3;
    simulation.server.break_watches();
    tokio::time::sleep(Duration::from_secs(30)).await;
    simulation.server.define(Kind::cluster("landlord.dev/v1alpha1", "Tenant", "tenants"));
    simulation.server.put(solar("a")).expect("a tenant");
    simulation.until_compliant().await;
}

/// The answer is lost, the write is not: the next look finds that nothing is to be done.
#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_not_reported_as_failed() {
    let server = populated(4);
    server.faults().lost_answers = 2;
    let simulation = Simulation::settled(server).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let shared = simulation.reconciler.shared();
    assert!(
        shared.progress.troubles().next().is_none(),
        "{:?}",
        shared.progress.troubles().collect::<Vec<_>>()
    );
    drop(shared);
    assert!(simulation.is_idle() && simulation.patches() <= 6, "{}", simulation.patches());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_deletion_brings_nothing_back() {
    let server = populated(2);
    server.faults().interfere_after(|server, name| assert!(server.remove("Namespace", name)));
    server.faults().interfere_after(|server, name| {
        assert!(server.remove("Namespace", name));
        server.put(namespace(name, "solar")).expect("another one");
    });
    let simulation = Simulation::start(server);
    simulation.until("both meddlings", |this| this.patches() >= 3 && this.is_idle()).await;
    simulation.until_compliant().await;
    assert_eq!(simulation.reconciler.shared().store.names().len(), 1);
    assert_eq!(simulation.server.objects("Namespace").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_is_none_is_a_refusal() {
    let server = populated(1);
    server.faults().conflicts = usize::MAX;
    let simulation = Simulation::start(server);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(simulation.patches() < 25, "{} tries in an hour", simulation.patches());
    assert_eq!(
        simulation.reconciler.shared().progress.trouble("old-0").expect("a trouble").reason,
        assessment::Reason::Refused
    );
    simulation.server.faults().conflicts = 0;
    simulation.until_compliant().await;
}

/// Its namespaces are found again when it is fixed, and counted as its own meanwhile.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_was_invalid_gets_its_namespaces_back() {
    let server = populated(3);
    server
        .put(tenant("solar", json!({"nodeSelector": {"pool": "not valid"}})))
        .expect("the server has no schema");
    let simulation = Simulation::start(server);
    simulation
        .until("the report", |this| this.reconciler.shared().progress.troubles().count() == 3)
        .await;
    assert_eq!(simulation.reconciler.shared().store.totals_of("solar").all(), 3);
    simulation.server.put(solar("a")).expect("fixed");
    simulation.until_compliant().await;
}
