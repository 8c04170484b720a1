//! `landlord status` and a controller at work on the same API server count alike.

use cluster::lease::Leadership;
use cluster::settings::SettingsSource;
use controller::app::{self, Continuous, Options, Running, Scope};
use controller::pace::Pace;
use serde_json::{Value, json};

use crate::single::{Crowd, namespace, put};
use test_support::world::eventually;

fn start_controller(crowd: &Crowd, settings: &Value) -> Running {
    let scope = Scope::Continuous(Continuous {
        settings: SettingsSource::Document(settings.clone()),
        policy: "landlord".to_owned(),
        namespace: "landlord".to_owned(),
        without_guard: false,
        release_pods: false,
        guard: None,
        audit: false,
        reports: false,
    });
    let options = Options {
        client: crowd.server.client(),
        leadership: Leadership::forever(),
        pace: Pace::default(),
        events: false,
        journal: None,
        scope,
        fail_task: None,
    };
    app::start(options).expect("a controller")
}

/// Namespaces of one tenant, each with another trouble, and one without.
fn put_troubles(crowd: &Crowd) {
    let spec = json!({"labels": {"team": "a"}, "conflicts": "reject", "owners": [{"kind": "User", "name": "jane"}]});
    put(
        &crowd.server,
        json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant",
        "metadata": {"name": "strict", "uid": "u", "generation": 1}, "spec": spec}),
    );
    let labels = |team: &str| json!({"landlord.dev/tenant": "strict", "team": team});
    let mut foreign = namespace("foreign", labels("a"));
    let stamp = json!({"username": "eve", "groups": ["system:authenticated"]});
    foreign["metadata"]["annotations"] = json!({"landlord.dev/creator": stamp.to_string()});
    put(&crowd.server, foreign);
    put(&crowd.server, namespace("clashing", labels("b")));
    put(&crowd.server, namespace("good", labels("a")));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_as_the_controller_does() {
    let crowd = Crowd::start().await;
    put_troubles(&crowd);
    let Running { snapshots, mut supervisor, .. } = start_controller(&crowd, &json!({}));
    let supervised = tokio::spawn(async move { eprintln!("{}", supervisor.first_end().await) });
    let counts = || {
        let tenant = crowd.server.object("Tenant", "strict").expect("the tenant");
        tenant["status"]["namespaces"].clone()
    };
    let is_counted = async || counts()["total"] == 3 && counts()["pending"] == 0;
    eventually("the tenant's status", is_counted).await;
    let by_controller = counts();
    assert_eq!(
        by_controller,
        json!({"total": 3, "compliant": 1, "pending": 0, "conflicted": 1, "failed": 1})
    );
    let totals = snapshots.tenants().get("strict").map(|row| row.totals);
    assert_eq!(totals.map(|totals| (totals.all(), totals.compliant)), Some((3, 1)));
    supervised.abort();

    let (run, _) =
        crowd.run("status strict -o json", json!([{"label": "landlord.dev/tenant"}])).await;
    assert_eq!(run.code, Some(2), "{}", run.err);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let row = &report["tenants"][0];
    assert_eq!(row["namespaces"], by_controller["total"], "{row}");
    assert_eq!(row["compliant"], by_controller["compliant"], "{row}");
    assert_eq!(row["drift"], by_controller["pending"], "{row}");
    assert_eq!(row["errors"], json!(2), "conflicted and failed: {row}");
}
