//! Fail closed, beyond what the table of failed writes shows (`failed_writes` among landlord's tests):
//! tenants that go for a moment, and tenants that break again and again.

use tenancy::namespace::Namespace;
use tenancy::ready::is_ready;
use tenancy::settings::Settings;

use super::*;

/// The pool that the tenant comes to want.
const POOL: &str = "b";

fn is_closed(server: &InMemory) -> bool {
    let object = server.object("Namespace", "old-0").expect("it");
    let namespace = Namespace::from_value(&object).expect("a namespace");
    !is_ready(&Settings::from_value(&Value::Null).expect("settings"), &namespace.metadata)
}

/// It may come back, and then nothing has to be undone.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_gone_for_a_moment_leaves_its_namespaces_ready() {
    let simulation = Simulation::settled(populated(1)).await;
    assert!(simulation.server.remove("Tenant", "solar"));
    simulation.until("the report", |this| this.trouble("old-0") == Some("UnknownTenant")).await;
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert!(!is_closed(&simulation.server));
}

/// Landlord takes its own ledger back, and writes it anew: that is nobody else's doing.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_breaks_again_and_again_is_not_contended() {
    let simulation = Simulation::settled(populated(1)).await;
    for _ in 0..6 {
        simulation.server.put(solar("==")).expect("a tenant");
        simulation.until("the end", |this| is_closed(&this.server)).await;
        simulation.server.put(solar(POOL)).expect("a tenant");
        simulation.until("its pool", |this| this.is_in_pool("old-0", POOL)).await;
        simulation.until("the way back", |this| !is_closed(&this.server)).await;
        assert_eq!(simulation.trouble("old-0"), None);
    }
}
