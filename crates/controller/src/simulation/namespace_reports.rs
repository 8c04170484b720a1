//! Reports about namespaces: how many are written for a first report, for an edit, and for nothing;
//! and what becomes of them where another client, or the kind itself, is in the way.

use fake_apiserver::Kind;

use super::*;

const MANY: usize = 10_000;
/// Rounds of the reports, and the time that a namespace may wait for its write.
const A_WHILE: Duration = Duration::from_secs(120);
/// Longer than it takes to list them anew.
const HOURS: Duration = Duration::from_secs(3 * 3600);

fn open_reports() -> Kind {
    Kind::namespaced("openreports.io/v1alpha1", "Report", "reports")
}

fn policy_reports() -> Kind {
    Kind::namespaced("wgpolicyk8s.io/v1alpha2", "PolicyReport", "policyreports")
}

/// Tenants `solar` and `lunar` and namespaces of both.
fn with_lunar(solar: usize, lunar: usize) -> InMemory {
    let server = populated(solar);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "l"}}))).expect("a tenant");
    (0..lunar).for_each(|number| {
        server.put(namespace(&format!("moon-{number}"), "lunar")).expect("a namespace")
    });
    server
}

impl Simulation {
    fn start_with_reports(server: InMemory) -> Self {
        let settings = SettingsSource::Document(Value::Null);
        let continuous = Continuous { reports: true, ..continuous(settings) };
        let running = start_continuous(server.client(), continuous, &Leadership::forever(), false);
        Self::of(server, running)
    }

    /// The same on a server with OpenReports, once every namespace has its report.
    async fn reported(server: InMemory) -> Self {
        server.define(open_reports());
        let simulation = Self::start_with_reports(server);
        simulation.until_compliant().await;
        let count = |this: &Self, kind: &str| this.server.objects(kind).len();
        simulation
            .until("the reports", |this| count(this, "Report") == count(this, "Namespace"))
            .await;
        simulation
    }

    /// Creations, patches and deletions of Reports since this was asked last.
    fn report_writes(&self) -> [usize; 3] {
        let mut faults = self.server.faults();
        let writes = ["create", "patch", "delete"].map(|verb| faults.requests(verb, "reports"));
        faults.forget_requests();
        writes
    }

    fn report_of(&self, namespace: &str) -> Option<Arc<Value>> {
        let reports = self.server.objects("Report");
        reports.into_iter().find(|report| report["metadata"]["namespace"] == namespace)
    }

    /// The results of the rules, in their order.
    fn results(&self, namespace: &str) -> Vec<String> {
        let report = self.report_of(namespace);
        let results = report.as_ref().and_then(|report| report["results"].as_array());
        let result = |one: &Value| {
            format!(
                "{} {}",
                one["rule"].as_str().unwrap_or_default(),
                one["result"].as_str().unwrap_or_default()
            )
        };
        results.into_iter().flatten().map(result).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_are_reported_once_and_then_left_alone() {
    let simulation = Simulation::reported(with_lunar(100, MANY - 100)).await;
    assert_eq!(simulation.report_writes(), [MANY, 0, 0], "one write each");
    assert_eq!(simulation.results("old-0"), ["compliant pass", "verified pass"]);
    assert_eq!(simulation.metric("landlord_report_writes_total{outcome=\"done\"}"), Some(10_000));
    assert_eq!(simulation.metric("landlord_reports_kind{kind=\"OpenReports\"}"), Some(1));
    let owner = &simulation.report_of("old-0").expect("it")["metadata"]["ownerReferences"][0];
    let uid = simulation.metadata("old-0")["uid"].clone();
    assert_eq!((&owner["kind"], &owner["uid"]), (&json!("Namespace"), &uid));

    tokio::time::sleep(HOURS).await;
    assert_eq!(simulation.report_writes(), [0, 0, 0], "nothing has changed");

    // Every namespace of a tenant is written, and none of them stands otherwise afterwards.
    simulation.server.put(solar("b")).expect("an edit");
    simulation.until("the edit", |this| this.is_in_pool("old-9", "b")).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(simulation.report_writes(), [0, 0, 0], "they say the same");

    // No namespace of the tenant can be planned any more.
    let broken = tenant("solar", json!({"nodeSelector": {"pool": "not valid"}}));
    simulation.server.put(broken).expect("an edit");
    simulation.until("the reports", |this| this.results("old-0")[0] == "compliant error").await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(simulation.report_writes(), [0, 100, 0], "those of the tenant");
    assert_eq!(simulation.metric("landlord_reports_pending"), Some(0));

    // Another leader knows nothing, and lists what is there.
    let next = Simulation::start_with_reports(simulation.server.clone());
    drop(simulation);
    next.until("its list", |this| this.server.faults().requests("list", "reports") > 0).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(next.report_writes(), [0, 0, 0], "they are stored already");
}

#[tokio::test(start_paused = true)]
async fn a_report_follows_its_namespace() {
    let simulation = Simulation::reported(with_lunar(2, 1)).await;
    simulation.report_writes();
    // Nobody's: there is nothing to report.
    let mut free = namespace("free", "solar");
    free["metadata"]["labels"] = json!({});
    simulation.server.put(free).expect("a namespace");
    // A tenant that is not there.
    simulation.server.put(namespace("lost", "nobody")).expect("a namespace");
    simulation.until("a report", |this| !this.results("lost").is_empty()).await;
    assert_eq!(simulation.results("lost"), ["compliant error", "verified error"]);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(simulation.results("free"), Vec::<String>::new());
    assert_eq!(simulation.report_writes(), [1, 0, 0]);

    // Another of its name, whose report went with the one before.
    simulation.server.recreate(namespace("moon-0", "lunar")).expect("a namespace");
    let uid = simulation.metadata("moon-0")["uid"].clone();
    let owner = |this: &Simulation| {
        this.report_of("moon-0").map(|one| one["metadata"]["ownerReferences"][0]["uid"].clone())
    };
    simulation.until("its report", |this| owner(this).as_ref() == Some(&uid)).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_do_to_reports_is_put_right() {
    let simulation = Simulation::reported(with_lunar(3, 0)).await;
    let mut edited = (*simulation.report_of("old-0").expect("it")).clone();
    edited["results"] = json!([]);
    simulation.server.put(edited).expect("an edit");
    let api = cluster::reports::ReportKind::OpenReports.api(&simulation.server.client(), "old-1");
    api.delete("landlord", &Default::default()).await.expect("deleted");
    simulation.report_writes();
    tokio::time::sleep(HOURS).await;
    assert_eq!(simulation.report_writes(), [1, 1, 0]);
    assert_eq!(simulation.results("old-0"), ["compliant pass", "verified pass"]);
    assert_eq!(simulation.results("old-1"), ["compliant pass", "verified pass"]);
}

/// Another client's report has the name: it stays as it is, and no other namespace waits for it.
#[tokio::test(start_paused = true)]
async fn a_foreign_report_is_neither_changed_nor_in_the_way() {
    let server = with_lunar(3, 0);
    server.define(open_reports());
    let foreign = json!({"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "source": "other",
                         "metadata": {"name": "landlord", "namespace": "old-0"}, "results": [{"policy": "theirs"}]});
    server.put(foreign).expect("a report");
    let simulation = Simulation::reported(server.clone()).await;
    tokio::time::sleep(HOURS).await;
    assert_eq!(simulation.report_of("old-0").expect("it")["source"], "other");
    assert_eq!(simulation.results("old-1"), ["compliant pass", "verified pass"]);
    let [created, patched, deleted] = simulation.report_writes();
    // One each, and growing gaps of up to five minutes.
    assert!(created > 10 && created < 60 && patched + deleted == 0, "{created}");
    let failures = simulation.metric("landlord_report_writes_total{outcome=\"Conflicted\"}");
    assert!(failures.is_some_and(|count| count > 10), "{failures:?}");
    assert_eq!(simulation.metric("landlord_report_writes_total{outcome=\"done\"}"), Some(2));
}

/// One tenant puts reports of that name into all its namespaces, which come first: no other tenant
/// waits for that.
#[tokio::test(start_paused = true)]
async fn one_tenants_foreign_reports_delay_nobody() {
    let server = with_lunar(3, 200);
    server.define(open_reports());
    for number in 0..200 {
        let place = json!({"name": "landlord", "namespace": format!("moon-{number}")});
        let foreign =
            json!({"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "metadata": place});
        server.put(foreign).expect("a report");
    }
    let simulation = Simulation::start_with_reports(server);
    let begun = tokio::time::Instant::now();
    let is_reported =
        |this: &Simulation| (0..3).all(|number| this.report_of(&format!("old-{number}")).is_some());
    simulation.until("the reports of solar", is_reported).await;
    assert!(begun.elapsed() < A_WHILE, "{:?}", begun.elapsed());
}

/// Neither kind is there; then the older one, then both; then none, and one again.
#[tokio::test(start_paused = true)]
async fn kinds_come_and_go() {
    let simulation = Simulation::start_with_reports(with_lunar(3, 1));
    simulation.until_compliant().await;
    simulation
        .until("the status", |this| this.condition("solar", "Reported")["status"] == "False")
        .await;
    let condition = simulation.condition("solar", "Reported");
    assert_eq!(condition["reason"], "NoReportKind", "{condition}");
    assert!(
        condition["message"].as_str().is_some_and(|text| text.contains("wgpolicyk8s.io/v1alpha2"))
    );

    simulation.server.define(policy_reports());
    let count = |this: &Simulation, kind: &str| this.server.objects(kind).len();
    simulation.until("the older kind", |this| count(this, "PolicyReport") == 4).await;
    simulation.server.define(open_reports());
    simulation.until("the newer kind", |this| count(this, "Report") == 4).await;
    assert_eq!(count(&simulation, "PolicyReport"), 0, "nobody keeps them up to date");
    simulation
        .until("the status", |this| this.condition("solar", "Reported")["reason"] == "OpenReports")
        .await;

    simulation.server.undefine("Report");
    simulation.server.undefine("PolicyReport");
    // Something is to be written, which shows it.
    let broken = tenant("solar", json!({"nodeSelector": {"pool": "not valid"}}));
    simulation.server.put(broken).expect("an edit");
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(simulation.metric("landlord_reports_kind{kind=\"OpenReports\"}"), None);
    simulation.server.define(open_reports());
    simulation.until("the reports", |this| count(this, "Report") == 4).await;
    assert_eq!(simulation.results("old-0"), ["compliant error", "verified error"]);
}

/// The API server refuses all reports for hours: namespaces are written as ever, and few requests
/// are made.
#[tokio::test(start_paused = true)]
async fn reports_that_fail_delay_no_namespace() {
    let server = with_lunar(200, 0);
    server.define(open_reports());
    server.faults().refuse_lists("reports", 403, usize::MAX);
    let simulation = Simulation::start_with_reports(server);
    simulation.until_compliant().await;
    simulation.server.put(solar("b")).expect("an edit");
    let begun = tokio::time::Instant::now();
    simulation.until("the edit", |this| this.is_in_pool("old-199", "b")).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    simulation.server.faults().forget_requests();
    tokio::time::sleep(HOURS).await;
    let lists = simulation.server.faults().requests("list", "reports");
    assert!(lists > 10 && lists < 60, "{lists}");
    assert_eq!(simulation.report_writes(), [0, 0, 0]);
}
