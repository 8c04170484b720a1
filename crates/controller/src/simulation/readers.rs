//! Readers: metrics, the dashboard and tenants' statuses say the same.

use serde_json::{Value, json};

use super::*;
use crate::snapshot::{Compliance, Totals};

impl Simulation {
    fn status(&self, tenant: &str) -> Value {
        self.server
            .object("Tenant", tenant)
            .map_or(Value::Null, |tenant| tenant["status"]["namespaces"].clone())
    }

    /// What a page of all namespaces shows.
    fn count_rows(&self, tenant: Option<&str>) -> Vec<usize> {
        let namespaces = self.snapshots.namespaces();
        let of_tenant = || {
            namespaces.iter().filter(|(_, row)| tenant.is_none() || row.tenant.as_deref() == tenant)
        };
        let count = |state| of_tenant().filter(|(_, row)| row.state == state).count();
        Compliance::ALL.map(count).to_vec()
    }
}

fn counts(totals: Totals) -> Vec<usize> {
    Compliance::ALL.map(|state| totals.count(state)).to_vec()
}

#[tokio::test(start_paused = true)]
async fn all_readers_count_alike() {
    let server = populated(20);
    let broken = tenant("broken", json!({"nodeSelector": {"pool": "not valid"}}));
    server.put(broken).expect("the server has no schema");
    for (name, tenant) in [("b-0", "broken"), ("b-1", "broken"), ("lost", "nowhere")] {
        server.put(namespace(name, tenant)).expect("a namespace");
    }
    server
        .put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "free"}}))
        .expect("a namespace");
    let simulation = Simulation::start(server);
    simulation
        .until("the statuses", |this| {
            this.status("solar")["compliant"] == 20 && this.status("broken")["failed"] == 2
        })
        .await;
    let figures = simulation.snapshots.figures();
    assert_eq!(counts(figures.totals), [21, 0, 0, 3]);
    assert_eq!((figures.totals.unclaimed, figures.queued), (1, 0));
    assert_eq!(simulation.count_rows(None), counts(figures.totals));
    let tenants = simulation.snapshots.tenants();
    let names: Vec<&str> = tenants.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["broken", "nowhere", "solar"]);
    for (name, row) in tenants.iter() {
        assert_eq!(simulation.count_rows(Some(name)), counts(row.totals), "{name}");
        if row.exists() {
            let said = simulation.status(name);
            let said: Vec<usize> = Compliance::ALL
                .map(|state| said[state.word()].as_u64().and_then(|count| count.try_into().ok()))
                .map(Option::unwrap_or_default)
                .to_vec();
            assert_eq!(said, counts(row.totals), "{name}");
        }
    }
}
