//! What a Tenant's status says while its namespaces are judged anew, and while it is edited.

use super::*;

impl Simulation {
    fn status_of(&self, tenant: &str) -> Value {
        self.server.object("Tenant", tenant).map_or(Value::Null, |one| one["status"].clone())
    }

    fn total(&self, tenant: &str) -> Option<i64> {
        self.status_of(tenant)["namespaces"]["total"].as_i64()
    }
}

/// Two rounds of the statuses and more.
const ROUNDS: Duration = Duration::from_secs(10);

/// Numbers of namespaces of which some are judged by the newest spec and others are not are no
/// status.
#[tokio::test(start_paused = true)]
async fn nothing_is_said_before_all_namespaces_are_judged() {
    let simulation = Simulation::settled(populated(3)).await;
    simulation.until("the status", |this| this.total("solar") == Some(3)).await;
    let judge = |is_begun: bool| {
        let mut shared = simulation.reconciler.shared();
        if is_begun {
            shared.store.begin_to_judge("solar");
        } else {
            let identity = shared.store.identity("solar");
            shared.store.identify_tenant("solar", identity);
        }
    };
    let plan = |is_begun: bool| {
        let queue = &mut simulation.reconciler.shared().work.queue;
        if is_begun { queue.hold_bulk() } else { queue.release_bulk() }
    };
    let waits: [&dyn Fn(bool); 2] = [&judge, &plan];
    for (number, wait) in waits.into_iter().enumerate() {
        let expected = Some(4 + i64::try_from(number).expect("a number"));
        wait(true);
        simulation.server.put(namespace(&format!("new-{number}"), "solar")).expect("a namespace");
        tokio::time::sleep(ROUNDS).await;
        assert_ne!(simulation.total("solar"), expected, "not all are judged");
        wait(false);
        simulation.until("the status", |this| this.total("solar") == expected).await;
    }
}

/// At no moment does a status speak of a generation whose label not every namespace has.
#[tokio::test(start_paused = true)]
async fn the_status_speaks_of_the_generation_that_was_judged() {
    const MANY: usize = 300;
    let simulation = Simulation::settled(populated(MANY)).await;
    simulation.server.faults().latency = Duration::from_millis(50);
    for edit in 0..5 {
        let pool = format!("p{edit}");
        simulation.server.put(solar(&pool)).expect("an edit");
        let generation =
            simulation.server.object("Tenant", "solar").expect("it")["metadata"]["generation"]
                .clone();
        let is_reported = |this: &Simulation| {
            let status = this.status_of("solar");
            status["observedGeneration"] == generation
                && this.condition("solar", "Converged")["status"] == "True"
        };
        let is_converged = |this: &Simulation| {
            (0..MANY).all(|number| this.is_in_pool(&format!("old-{number}"), &pool))
        };
        simulation
            .until("the report", |this| {
                assert!(!is_reported(this) || is_converged(this), "it is reported too early");
                is_reported(this)
            })
            .await;
    }
}

/// One that is edited all the time is never the one that was counted; that is no reason to list
/// anything anew.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_edited_all_the_time_costs_no_lists() {
    let server = populated(3);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "a"}}))).expect("a tenant");
    let simulation = Simulation::settled(server).await;
    simulation.until("the status", |this| this.total("solar") == Some(3)).await;
    let lists = |this: &Simulation| {
        ["namespaces", "tenants"].map(|plural| this.server.faults().requests("list", plural))
    };
    let before = lists(&simulation);
    simulation.server.faults().latency = Duration::from_millis(900);
    for edit in 0..300 {
        simulation.server.put(solar(&format!("p{edit}"))).expect("an edit");
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(lists(&simulation), before);
    simulation
        .until("its status", |this| {
            this.condition("solar", "Converged")["status"] == "True"
                && this.is_in_pool("old-0", "p299")
        })
        .await;
}
