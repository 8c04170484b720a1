//! Tenants that go with their definition, and come back one by one.

use std::time::Duration;

use fake_apiserver::Kind;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::losses::{GRACE, LONG_GRACE};

const TENANTS: usize = 10;
/// Between two of them.
const APART: Duration = Duration::from_secs(30);

fn numbered(number: usize) -> Value {
    tenant(&format!("t{number}"), json!({"nodeSelector": {"pool": "a"}}))
}

/// A server with ten tenants, each with a namespace.
fn ten_tenants() -> InMemory {
    let server = InMemory::default();
    for number in 0..TENANTS {
        server.put(numbered(number)).expect("a tenant");
        server
            .put(namespace(&format!("web-{number}"), &format!("t{number}")))
            .expect("a namespace");
    }
    server
}

impl Simulation {
    /// Namespaces that have lost what landlord wrote.
    fn released(&self) -> Vec<usize> {
        (0..TENANTS).filter(|number| !self.is_in_pool(&format!("web-{number}"), "a")).collect()
    }

    /// Puts the first tenants back, one by one; nothing is released meanwhile.
    async fn put_back(&self, count: usize) {
        for number in 0..count {
            self.server.put(numbered(number)).expect("a tenant");
            tokio::time::sleep(APART).await;
            assert_eq!(self.released(), [0; 0], "when {number} was back");
        }
    }

    /// The last one never comes back: it is released ten minutes after the first was.
    async fn last_is_released(&self, first_back: Instant) {
        let last = |this: &Self| this.released() == [TENANTS - 1];
        self.until("the release of what is really gone", last).await;
        let took = first_back.elapsed();
        assert!((LONG_GRACE..LONG_GRACE + GRACE).contains(&took), "{took:?}");
        self.until("a report", |this| this.trouble(&format!("web-{}", TENANTS - 1)).is_some())
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn tenants_that_come_back_one_by_one_are_not_released() {
    let simulation = Simulation::settled(ten_tenants()).await;
    let (kind, _) = simulation.server.withdraw("Tenant").expect("it was served");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(simulation.released(), [0; 0]);
    simulation.server.define(kind);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let first_back = Instant::now();
    simulation.put_back(TENANTS - 1).await;
    simulation.last_is_released(first_back).await;
}

/// As `kubectl delete tenants --all`, where the kind stays.
#[tokio::test(start_paused = true)]
async fn tenants_that_are_all_deleted_and_put_back_are_not_released() {
    let simulation = Simulation::settled(ten_tenants()).await;
    for number in 0..TENANTS {
        simulation.server.remove("Tenant", &format!("t{number}"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(80)).await;
    let first_back = Instant::now();
    simulation.put_back(TENANTS - 1).await;
    simulation.last_is_released(first_back).await;
}

/// The controller that saw them go is not the one that sees them come.
#[tokio::test(start_paused = true)]
async fn a_restart_does_not_shorten_the_time() {
    let simulation = Simulation::settled(ten_tenants()).await;
    let (kind, _) = simulation.server.withdraw("Tenant").expect("it was served");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let server = simulation.server.clone();
    drop(simulation);
    let simulation = Simulation::start(server);
    tokio::time::sleep(Duration::from_secs(60)).await;
    simulation.server.define(kind);
    let first_back = Instant::now();
    simulation.put_back(TENANTS - 1).await;
    simulation.last_is_released(first_back).await;
}

/// Most of them are back, so that the rest is less than half.
#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_does_not_shorten_the_time() {
    let simulation = Simulation::settled(ten_tenants()).await;
    let (kind, _) = simulation.server.withdraw("Tenant").expect("it was served");
    simulation.server.define(kind);
    (0..TENANTS - 2).for_each(|number| {
        simulation.server.put(numbered(number)).expect("a tenant");
    });
    let server = simulation.server.clone();
    drop(simulation);
    let simulation = Simulation::start(server);
    let restarted = Instant::now();
    tokio::time::sleep(Duration::from_secs(300)).await;
    simulation.server.put(numbered(TENANTS - 2)).expect("a tenant");
    simulation.last_is_released(restarted).await;
}

/// All but one are back when the kind is served again, and one is not half of them.
#[tokio::test(start_paused = true)]
async fn a_kind_that_was_missing_at_the_start_gives_ten_minutes() {
    let server = ten_tenants();
    drop(Simulation::settled(server.clone()).await);
    server.withdraw("Tenant");
    let simulation = Simulation::start(server.clone());
    tokio::time::sleep(Duration::from_secs(60)).await;
    server.define(Kind::cluster("landlord.dev/v1alpha1", "Tenant", "tenants"));
    let first_back = Instant::now();
    (0..TENANTS - 1).for_each(|number| server.put(numbered(number)).expect("a tenant"));
    simulation.last_is_released(first_back).await;
}

/// The same where the controller was there, and heard of no deletion.
#[tokio::test(start_paused = true)]
async fn a_kind_that_was_missing_for_a_while_gives_ten_minutes() {
    let simulation = Simulation::settled(ten_tenants()).await;
    simulation.server.undefine("Tenant");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let server = &simulation.server;
    server.define(Kind::cluster("landlord.dev/v1alpha1", "Tenant", "tenants"));
    (0..TENANTS - 1).for_each(|number| server.put(numbered(number)).expect("a tenant"));
    let listed =
        |this: &Simulation| matches!(this.reconciler.shared().store.tenant("t9"), Ok(None));
    simulation.until("a list", listed).await;
    simulation.last_is_released(Instant::now()).await;
}

/// The time of those that have come back and go again begins anew.
#[tokio::test(start_paused = true)]
async fn a_second_loss_has_a_time_of_its_own() {
    let simulation = Simulation::settled(ten_tenants()).await;
    let (kind, _) = simulation.server.withdraw("Tenant").expect("it was served");
    simulation.server.define(kind);
    tokio::time::sleep(Duration::from_secs(60)).await;
    simulation.put_back(TENANTS - 1).await;
    tokio::time::sleep(Duration::from_secs(240)).await;
    // 510 seconds after the first was back, all but one of them go again.
    (1..TENANTS - 1).for_each(|number| {
        assert!(simulation.server.remove("Tenant", &format!("t{number}")));
    });
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(simulation.released().iter().all(|number| *number == TENANTS - 1));
    let all = (1..TENANTS).collect::<Vec<_>>();
    simulation.until("the end of their time", |this| this.released() == all).await;
}

/// One that is deleted alone has its minute.
#[tokio::test(start_paused = true)]
async fn one_that_is_deleted_alone_is_released_after_a_minute() {
    let simulation = Simulation::settled(ten_tenants()).await;
    let began = Instant::now();
    assert!(simulation.server.remove("Tenant", "t3"));
    simulation.until("its release", |this| this.released() == [3]).await;
    let took = began.elapsed();
    assert!((GRACE..GRACE + Duration::from_secs(10)).contains(&took), "{took:?}");
}
