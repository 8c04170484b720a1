//! Simulation: the controller on an API server in memory, under a clock that stands still while
//! anybody works and jumps when all wait. What takes minutes takes no time, and faults come at the
//! moment that a test chooses. Only for tests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fake_apiserver::InMemory;
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::app::{self, Continuous, Options, Running, Scope};
use crate::pace::Pace;
use crate::reconciler::Reconciler;
use crate::snapshot::Snapshots;
use cluster::lease::Leadership;
use cluster::settings::SettingsSource;

mod audits;
mod chaos;
mod closed;
mod contention;
mod costs;
mod election;
mod faults;
mod first_lists;
mod held;
mod held_neighbours;
mod hooks;
mod lost_tenants;
mod namespace_reports;
mod neighbours;
mod new_settings;
mod orders;
mod placement_first;
mod readers;
mod reports;
mod restored;
mod scale;
mod sharding;
mod statuses;
mod trust;

const LEDGER: &str = "landlord.dev/ledger";
const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
/// Longer than any test waits, on the clock that jumps.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

struct Simulation {
    server: InMemory,
    reconciler: Arc<Reconciler>,
    snapshots: Arc<Snapshots>,
    supervised: JoinHandle<()>,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.supervised.abort();
    }
}

/// A tenant `solar` with a node selector and a label.
fn solar(pool: &str) -> Value {
    tenant(
        "solar",
        json!({"nodeSelector": {"pool": pool}, "labels": {"billing": "{{tenant.name}}"}}),
    )
}

fn tenant(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec})
}

fn namespace(name: &str, tenant: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
           "metadata": {"name": name, "labels": {"landlord.dev/tenant": tenant, "own": "key"}, "annotations": {"note": "mine"}}})
}

/// A server with tenant solar and so many namespaces `old-N` of it, as another client left them.
fn populated(namespaces: usize) -> InMemory {
    let server = InMemory::default();
    server.put(solar("a")).expect("a tenant");
    (0..namespaces).for_each(|number| {
        server.put(namespace(&format!("old-{number}"), "solar")).expect("a namespace")
    });
    server
}

/// A controller with everything that the command starts, but for the guard. Nothing is waited for.
fn start_controller(
    client: Client,
    settings: &Value,
    leadership: &Leadership,
    events: bool,
) -> Running {
    start_reading(client, SettingsSource::Document(settings.clone()), leadership, events)
}

/// The same with settings from elsewhere.
fn start_reading(
    client: Client,
    settings: SettingsSource,
    leadership: &Leadership,
    events: bool,
) -> Running {
    start_continuous(client, continuous(settings), leadership, events)
}

fn continuous(settings: SettingsSource) -> Continuous {
    Continuous {
        settings,
        policy: "landlord".to_owned(),
        namespace: "landlord".to_owned(),
        without_guard: false,
        release_pods: true,
        guard: None,
        audit: false,
        reports: false,
    }
}

/// The same with other orders.
fn start_continuous(
    client: Client,
    orders: Continuous,
    leadership: &Leadership,
    events: bool,
) -> Running {
    let scope = Scope::Continuous(orders);
    let leadership = leadership.clone();
    let options = Options {
        client,
        leadership,
        pace: Pace::default(),
        events,
        journal: None,
        scope,
        fail_task: None,
    };
    app::start(options).expect("it starts")
}

/// Runs it until one of its tasks ends, which fails the test that waits for anything.
fn supervise(running: Running) -> (Arc<Reconciler>, JoinHandle<()>) {
    let Running { context, mut supervisor, .. } = running;
    let supervised = tokio::spawn(async move {
        let ended = supervisor.first_end().await;
        eprintln!("{ended}");
    });
    (context.reconciler, supervised)
}

impl Simulation {
    /// Starts the controller's tasks and does not wait for anything.
    fn start(server: InMemory) -> Self {
        Self::start_with(server, &Value::Null)
    }

    fn start_with(server: InMemory, settings: &Value) -> Self {
        Self::begin(server, settings, false)
    }

    /// Starts them, and has Events written, too.
    fn start_reporting(server: InMemory) -> Self {
        Self::begin(server, &Value::Null, true)
    }

    fn begin(server: InMemory, settings: &Value, events: bool) -> Self {
        Self::begin_reading(server, SettingsSource::Document(settings.clone()), events)
    }

    fn begin_reading(server: InMemory, settings: SettingsSource, events: bool) -> Self {
        let leadership = Leadership::forever();
        let running = start_reading(server.client(), settings, &leadership, events);
        Self::of(server, running)
    }

    fn of(server: InMemory, running: Running) -> Self {
        let snapshots = Arc::clone(&running.snapshots);
        let (reconciler, supervised) = supervise(running);
        Self { server, reconciler, snapshots, supervised }
    }

    /// Starts it, and waits until all is compliant.
    async fn settled(server: InMemory) -> Self {
        let simulation = Self::start(server);
        simulation.until_compliant().await;
        simulation
    }

    /// Waits until this holds.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                !self.supervised.is_finished(),
                "a task of the controller has ended while {what} was waited for"
            );
            assert!(tokio::time::Instant::now() < end, "{what} does not come true");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until nothing is queued or under way, and every namespace carries a ledger.
    async fn until_compliant(&self) {
        let with_ledger = |one: &Arc<Value>| one["metadata"]["annotations"][LEDGER].is_string();
        self.until("compliance", |this| {
            this.is_idle() && this.server.objects("Namespace").iter().all(with_ledger)
        })
        .await;
    }

    fn is_idle(&self) -> bool {
        let shared = self.reconciler.shared();
        shared.work.queue.is_empty() && shared.work.total() == 0
    }

    /// Why a namespace is not compliant.
    fn trouble(&self, name: &str) -> Option<&'static str> {
        self.reconciler.shared().progress.trouble(name).map(|fault| fault.reason.word())
    }

    /// The reasons of the Events about an object.
    fn events_about(&self, kind: &str, name: &str) -> BTreeSet<String> {
        let about = |event: &&Arc<Value>| {
            event["regarding"]["kind"] == kind && event["regarding"]["name"] == name
        };
        let reason = |event: &Arc<Value>| event["reason"].as_str().unwrap_or_default().to_owned();
        self.server.objects("Event").iter().filter(about).map(reason).collect()
    }

    /// A condition of a tenant.
    fn condition(&self, tenant: &str, kind: &str) -> Value {
        let tenant = self.server.object("Tenant", tenant);
        let conditions = tenant.map(|tenant| tenant["status"]["conditions"].clone());
        let mut conditions = conditions.iter().flat_map(|all| all.as_array()).flatten();
        conditions.find(|one| one["type"] == kind).cloned().unwrap_or_default()
    }

    /// The value of a metric.
    fn metric(&self, line: &str) -> Option<u64> {
        let metrics = self.reconciler.outcomes().metrics();
        let text = crate::admin::measured(metrics, &self.snapshots.figures());
        text.lines().find_map(|one| one.strip_prefix(line)?.trim().parse().ok())
    }

    fn patches(&self) -> usize {
        self.server.faults().requests("patch", "namespaces")
    }

    fn lists(&self) -> usize {
        self.server.faults().requests("list", "namespaces")
    }

    fn metadata(&self, name: &str) -> Value {
        self.server
            .object("Namespace", name)
            .map_or(Value::Null, |object| object["metadata"].clone())
    }

    /// What is asserted of every namespace at the end: the tenant's pool, and nothing of its own
    /// lost.
    fn is_in_pool(&self, name: &str, pool: &str) -> bool {
        let metadata = self.metadata(name);
        metadata["annotations"][NODE_SELECTOR] == format!("pool={pool}")
            && metadata["labels"]["own"] == "key"
            && metadata["annotations"]["note"] == "mine"
    }
}
