//! Stage: plays a case with a controller on an API server in memory, under a clock that jumps, and
//! sees what users, the guard and `landlord status` see.

use std::net::TcpListener as Port;
use std::sync::Arc;
use std::time::Duration;

use cluster::lease::Leadership;
use cluster::settings::SettingsSource;
use controller::app::{self, Continuous, Options, Running, Scope};
use controller::context::Context;
use controller::pace::Pace;
use fake_apiserver::InMemory;
use guard::GATE;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenancy::namespace::Namespace;
use tenancy::ready::is_ready;
use tenancy::settings::Settings;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::case::{Case, Told};
use super::objects::{NODE_SELECTOR, POOL, put, solar, tenant};
use crate::landlord::run;
use crate::single::{write_kubeconfig, write_settings};

/// Longer than the longest wait before an attempt, and than tenants that were lost are waited for.
const PATIENCE: Duration = Duration::from_secs(1500);
/// Between two looks, and where another client acts each time.
const LOOK: Duration = Duration::from_secs(1);
const QUICK_LOOK: Duration = Duration::from_millis(20);
/// After the cause, when a Pod is created.
const POD_AFTER: Duration = Duration::from_secs(60);

/// What was seen while the cause was there.
pub(super) struct Seen {
    /// As the guard tells it: [`is_ready`] is its expression, and a test on a real API server holds
    /// the two together (`cluster/guard/ready.rs`).
    pub(super) ready: bool,
    /// The namespace's node selector.
    pub(super) pool: Option<String>,
    /// Whether a Pod at the guard's gate waits.
    pub(super) held: bool,
    /// Reasons of Events of the namespace and of the Pod, and of the condition `Converged`.
    events: Vec<String>,
    pod_events: Vec<String>,
    converged: Value,
    /// The controller's own word.
    trouble: Option<&'static str>,
    /// Of solar, as `landlord status -o json` has it.
    pub(super) status: Value,
    /// Writes of the namespace that were tried.
    pub(super) tries: usize,
}

/// See the module.
pub(super) struct Stage<'a> {
    case: &'a Case,
    server: InMemory,
    context: Context,
    supervised: JoinHandle<()>,
    folder: TempDir,
}

/// A word for a pool.
pub(super) fn pool_name(pool: Option<&str>) -> &'static str {
    match pool {
        None => "anywhere",
        Some("pool=a") => "in the old pool",
        Some("pool=rival") => "in the other client's pool",
        Some(pool) if pool == format!("pool={POOL}") => "in the new pool",
        Some(other) => panic!("{other:?} is nobody's pool"),
    }
}

fn start(server: &InMemory, settings: &Value) -> Running {
    let continuous = Continuous {
        settings: SettingsSource::Document(settings.clone()),
        policy: "landlord".to_owned(),
        namespace: "landlord".to_owned(),
        without_guard: false,
        release_pods: true,
        guard: None,
        audit: false,
        reports: false,
    };
    let options = Options {
        client: server.client(),
        leadership: Leadership::forever(),
        pace: Pace::default(),
        events: true,
        journal: None,
        scope: Scope::Continuous(continuous),
        fail_task: None,
    };
    app::start(options).expect("it starts")
}

impl<'a> Stage<'a> {
    /// Plays the case from the beginning to its end; commands reach the API server by a port that
    /// this runtime serves.
    pub(super) async fn play(case: &'a Case, serving: &Handle) -> Seen {
        let stage = Self::set(case, serving);
        stage
            .until("the first pool", |this| {
                this.is_settled("control", "pool=a") && this.has_begun()
            })
            .await;
        (case.breaks)(&stage.server);
        stage.server.faults().take_tries();
        (case.edits)(&stage.server);
        stage.endure().await;
        let seen = stage.look();
        stage.judge(&seen);
        (case.restores)(&stage.server);
        stage.until("the new pool", Self::is_over).await;
        seen
    }

    fn set(case: &'a Case, serving: &Handle) -> Self {
        let server = InMemory::default();
        put(&server, solar("a"));
        put(&server, tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})));
        (case.begins)(&server);
        let port = Port::bind("127.0.0.1:0").expect("a port");
        port.set_nonblocking(true).expect("a socket");
        let folder = write_kubeconfig(port.local_addr().expect("an address"));
        let served = server.clone();
        serving
            .spawn(async move { served.serve(TcpListener::from_std(port).expect("a port")).await });
        let Running { context, mut supervisor, .. } = start(&server, &case.settings);
        let supervised = tokio::spawn(async move { eprintln!("{}", supervisor.first_end().await) });
        Self { case, server, context, supervised, folder }
    }

    fn has_begun(&self) -> bool {
        self.case.first.is_none_or(|pool| self.is_settled("web", pool))
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            if begin.elapsed() > PATIENCE || self.supervised.is_finished() {
                let mut metadata = self.metadata("web");
                let map = metadata.as_object_mut().expect("a map");
                map.retain(|_, value| value.to_string().len() < 2000);
                panic!("{}: {what} does not come: {:?} {metadata}", self.case.what, self.trouble());
            }
            sleep(LOOK).await;
        }
    }

    /// Lets the time of the cause pass, in which a Pod is created, and another client acts.
    async fn endure(&self) {
        let step = if self.case.rival.is_some() { QUICK_LOOK } else { LOOK };
        let (begin, mut seen) = (Instant::now(), None);
        let mut is_created = false;
        while begin.elapsed() < self.case.lasts {
            self.reverse(&mut seen);
            if !is_created && begin.elapsed() >= POD_AFTER {
                self.create_pod();
                is_created = true;
            }
            sleep(step).await;
        }
        self.reverse(&mut seen);
    }

    /// Lets the other client act if the namespace is another since it did last.
    fn reverse(&self, seen: &mut Option<Arc<Value>>) {
        let Some(rival) = self.case.rival else { return };
        let found = self.server.object("Namespace", "web").expect("it");
        if seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &found)) {
            return;
        }
        let mut object = (*found).clone();
        rival(&mut object["metadata"]);
        put(&self.server, object);
        *seen = self.server.object("Namespace", "web");
    }

    /// A Pod as the guard's `hold` lets it into a namespace that is not ready.
    fn create_pod(&self) {
        let mut spec = json!({"schedulingGates": [{"name": GATE}], "containers": [{"name": "build", "image": "build"}]});
        let said = self.case.pod.as_object().expect("a map").clone();
        spec.as_object_mut().expect("a map").extend(said);
        put(
            &self.server,
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "build", "namespace": "web"}, "spec": spec}),
        );
    }

    fn look(&self) -> Seen {
        let metadata = self.metadata("web");
        let tries = self.server.faults().take_tries();
        Seen {
            ready: self.is_ready("web"),
            pool: metadata["annotations"][NODE_SELECTOR].as_str().map(str::to_owned),
            held: self.is_held(),
            events: self.events("Namespace", "web"),
            pod_events: self.events("Pod", "build"),
            converged: self.converged(),
            trouble: self.trouble(),
            status: self.status(),
            tries: tries
                .iter()
                .filter(|one| one.plural == "namespaces" && one.name == "web")
                .count(),
        }
    }

    /// The laws: fail closed, reported, and tried a few times only.
    fn judge(&self, seen: &Seen) {
        let case = self.case;
        let what = &case.what;
        let is_in_pool = seen.pool == Some(format!("pool={POOL}"));
        assert_eq!(
            seen.ready && !is_in_pool,
            case.open.is_some(),
            "{what}: Pods start in {:?}: {}",
            seen.pool,
            self.metadata("web")
        );
        assert!(seen.held || seen.ready, "{what}: a Pod is let in");
        assert_eq!(seen.held && is_in_pool && seen.ready, case.waits, "{what}: a Pod waits");
        assert!(seen.tries <= case.max_tries, "{what}: {} tries", seen.tries);
        assert!(
            !case.spares_control() || self.is_settled("control", &format!("pool={POOL}")),
            "{what}: control is not written"
        );
        let is_said = ["unready", "failing", "contested", "error"]
            .iter()
            .any(|field| !seen.status[field].is_null());
        assert!(is_said || seen.ready, "{what}: status says {}", seen.status);
        if let Some(reason) = case.reason {
            self.judge_report(reason.word(), seen);
        } else {
            assert_eq!(seen.trouble, None, "{what}");
        }
    }

    /// It is reported by this word.
    fn judge_report(&self, word: &str, seen: &Seen) {
        let (what, told) = (&self.case.what, self.case.told);
        let has = |reasons: &[String]| reasons.iter().any(|one| one == word);
        let is_there = !matches!(told, Told::Pod | Told::Passed);
        assert!(!is_there || seen.trouble == Some(word), "{what}: {:?}", seen.trouble);
        let is_reported = match told {
            Told::Everywhere => has(&seen.events) && seen.converged["reason"] == word,
            Told::Event | Told::Passed => has(&seen.events),
            Told::Pod => has(&seen.pod_events),
            Told::Log => true,
        };
        let Seen { events, pod_events, converged, .. } = seen;
        assert!(is_reported, "{what}: {events:?} {pod_events:?} {converged}");
    }

    /// The cause is gone: ready in the new pool, the Pod as well, and nothing is left to report.
    fn is_over(&self) -> bool {
        let wanted = format!("pool={POOL}");
        ["web", "control"].iter().all(|name| self.is_settled(name, &wanted))
            && !self.is_held()
            && self.trouble().is_none()
            && (matches!(self.case.told, Told::Event | Told::Passed)
                || self.converged()["status"] == "True")
    }

    fn is_settled(&self, name: &str, pool: &str) -> bool {
        self.metadata(name)["annotations"][NODE_SELECTOR] == pool && self.is_ready(name)
    }

    fn is_ready(&self, name: &str) -> bool {
        let Some(object) = self.server.object("Namespace", name) else { return false };
        let settings = Settings::from_value(&self.case.settings).expect("settings");
        is_ready(&settings, &Namespace::from_value(&object).expect("a namespace").metadata)
    }

    fn metadata(&self, name: &str) -> Value {
        let object = self.server.object("Namespace", name);
        object.map_or(Value::Null, |object| object["metadata"].clone())
    }

    fn is_held(&self) -> bool {
        let gates = |pod: &Arc<Value>| {
            pod["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty())
        };
        self.server.objects("Pod").iter().any(gates)
    }

    fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let about = |event: &&Arc<Value>| {
            event["regarding"]["kind"] == kind && event["regarding"]["name"] == name
        };
        let reason = |event: &Arc<Value>| event["reason"].as_str().unwrap_or_default().to_owned();
        self.server.objects("Event").iter().filter(about).map(reason).collect()
    }

    fn converged(&self) -> Value {
        let solar = self.server.object("Tenant", "solar");
        let conditions = solar.map(|tenant| tenant["status"]["conditions"].clone());
        let mut conditions = conditions.iter().flat_map(|all| all.as_array()).flatten();
        conditions.find(|one| one["type"] == "Converged").cloned().unwrap_or_default()
    }

    fn trouble(&self) -> Option<&'static str> {
        let shared = self.context.reconciler.shared();
        shared.progress.trouble("web").map(|fault| fault.reason.word())
    }

    /// Where the command has the namespace: the row that says that it is not ready, or solar's.
    fn status(&self) -> Value {
        let settings = match &self.case.settings {
            Value::Null => &json!({}),
            settings => settings,
        };
        let flags = write_settings(&self.folder, settings).join(" ");
        let run = run(&format!("status -o json {flags}"));
        let Ok(report) = serde_json::from_str::<Value>(&run.out) else {
            return json!({"error": run.err.trim()});
        };
        let rows = report["tenants"].as_array().cloned().unwrap_or_default();
        let is_unready = |row: &&Value| row["unready"].is_object();
        let nobodys = report["unready"].is_object().then_some(&report);
        let solar = |row: &&Value| row["name"] == "solar";
        let row = nobodys.or(rows.iter().find(is_unready)).or(rows.iter().find(solar));
        row.cloned().unwrap_or_default()
    }
}
