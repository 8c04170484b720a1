//! Play: one schedule, from an empty server to rest.

use std::collections::{BTreeMap, BTreeSet};

use chaos::event::{Namespace, Part, TENANTS, Tampering};
use chaos::spec::{LEDGER, NODE_SELECTOR, TENANT_LABEL};
use chaos::{Event, Laws, Schedule, spec};
use fake_apiserver::{Kind, Snapshot};
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::super::{Duration, InMemory, Value, json};
use super::panics;
use super::replica::Replica;
use guard::GATE;

mod admit;
mod calm;
mod rest;
mod sabotage;

/// Namespaces of nobody's, so that a list has more than one page.
const CROWD: usize = 700;
/// What an answer takes at least: where it takes none, two who write in turn stop the clock.
const LATENCY: Duration = Duration::from_millis(1);

struct Stage {
    server: InMemory,
    laws: Laws,
    replicas: BTreeMap<Part, Replica>,
    began: Instant,
    /// Pods so far.
    pods: usize,
    /// What etcd held when it was saved last.
    snapshot: Option<Snapshot>,
    /// Namespaces that admission lets nobody patch until all else is at rest.
    failing: BTreeSet<String>,
    /// Laws that are broken on purpose then: nobody writes, and nobody speaks of these.
    is_stalled: bool,
    muted: BTreeSet<String>,
}

/// Plays a schedule under a clock of its own.
pub(super) fn play(schedule: &Schedule) -> Laws {
    panics::forget();
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    let mut laws = runtime.block_on(async {
        let mut stage = Stage::set(schedule);
        for step in &schedule.steps {
            tokio::time::sleep(step.after).await;
            stage.apply(step.event).await;
            stage.judge();
        }
        stage.come_to_calm().await;
        stage.come_to_rest().await;
        stage.laws.see_tries();
        stage.laws
    });
    // Every task ends here.
    drop(runtime);
    laws.see_panics(panics::count());
    laws
}

impl Stage {
    /// The tenants, and a controller that has just been started.
    fn set(schedule: &Schedule) -> Self {
        let server = InMemory::default();
        if schedule.steps.iter().any(|step| matches!(step.event, Event::ExpirePages(_))) {
            let nobodys = |number| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("crowd-{number}")}});
            (0..CROWD).for_each(|number| server.put(nobodys(number)).expect("a namespace"));
        }
        server.record();
        server.faults().latency = LATENCY;
        TENANTS.iter().for_each(|name| server.put(spec::tenant(name, 0)).expect("a tenant"));
        let mut stage = Self {
            server,
            laws: Laws::default(),
            replicas: BTreeMap::new(),
            began: Instant::now(),
            pods: 0,
            snapshot: None,
            failing: BTreeSet::new(),
            is_stalled: false,
            muted: BTreeSet::new(),
        };
        stage.start(Part::One);
        stage
    }

    /// Looks at all that was written since this was done last.
    fn judge(&mut self) {
        self.server.recorded().iter().for_each(|commit| self.laws.see(commit));
        for one in self.server.faults().take_tries() {
            let at = one.at.saturating_duration_since(self.began);
            match one.plural.as_str() {
                "namespaces" => self.laws.see_try(&one.name, at),
                "pods" => self.laws.see_try(&format!("{}/{}", one.namespace, one.name), at),
                _ => {}
            }
        }
    }

    /// Something happens that may cost tries.
    fn note_event(&mut self) {
        self.laws.see_event(self.began.elapsed());
    }

    async fn apply(&mut self, event: Event) {
        self.note_event();
        match event {
            Event::Create(name, tenant) if self.namespace(name).is_none() => {
                self.put(spec::namespace(&name.to_string(), tenant))
            }
            Event::Delete(name) => drop(self.server.remove("Namespace", &name.to_string())),
            Event::Edit(name) => self.edit(name, |metadata| {
                metadata["labels"]["own"] = json!("edited");
                metadata["annotations"]["note"] = Value::Null;
            }),
            Event::Move(name, tenant) => {
                self.edit(name, |metadata| metadata["labels"][TENANT_LABEL] = json!(tenant))
            }
            Event::Tamper(name, what) => self.edit(name, |metadata| tamper(metadata, what)),
            Event::Pod(name) if self.namespace(name).is_some() => {
                drop(self.add_pod(&name.to_string()))
            }
            // Without their kind there are none.
            Event::Tenant(name, form) => drop(self.server.put(spec::tenant(name, form))),
            Event::Recreate(name, tenant) => {
                let object = spec::namespace(&name.to_string(), tenant);
                self.server.recreate(object).expect("an object that the server takes");
            }
            Event::Drop(name) => drop(self.server.remove("Tenant", name)),
            Event::Sabotage(what, name) => self.sabotage(what, name).await,
            Event::Jump(seconds) => tokio::time::advance(Duration::from_secs(seconds.into())).await,
            other => self.disturb(other),
        }
    }

    fn disturb(&mut self, event: Event) {
        match event {
            Event::PushBack(count) => {
                let mut faults = self.server.faults();
                (faults.push_backs, faults.retry_after) = (count as usize, u64::from(count % 3));
            }
            Event::Fail(count) => self.server.faults().failures = count as usize,
            Event::LoseAnswers(count) => self.server.faults().lost_answers = count as usize,
            Event::Slow(ms) => {
                self.server.faults().latency = LATENCY.max(Duration::from_millis(ms.into()))
            }
            Event::BreakWatches => self.server.break_watches(),
            Event::ExpirePages(count) => self.server.faults().expired_pages = count as usize,
            Event::Forget => {
                self.server.break_watches();
                self.server.compact();
            }
            Event::Admit(subject, name, reaction, seconds) => {
                self.admit(subject, name, reaction, seconds)
            }
            Event::ReadLate(count) => self.server.faults().late_reads = count as usize,
            Event::RefuseLists(plural, code, count) => {
                self.server.faults().refuse_lists(plural, code, count as usize);
                self.server.compact();
                self.server.break_watches();
            }
            Event::Withdraw => drop(self.server.withdraw("Tenant")),
            Event::Define => self.define(),
            Event::Snapshot => self.snapshot = Some(self.server.snapshot()),
            Event::Restore => self.restore(),
            Event::Kill(part) => drop(self.replicas.remove(&part)),
            Event::Freeze(part) => self.freeze(part),
            Event::Thaw(part) => self.replicas.get(&part).into_iter().for_each(Replica::thaw),
            Event::Start(part) => self.start(part),
            // What does not exist, or exists already; and what only processes can do.
            _ => {}
        }
    }

    fn start(&mut self, part: Part) {
        let replica = match part {
            Part::One | Part::Two if !self.replicas.contains_key(&part) => {
                Replica::candidate(&self.server, name_of(part))
            }
            Part::Usurper if !self.replicas.contains_key(&part) => {
                self.laws.unfenced.insert(name_of(part).to_owned());
                self.laws.led_twice = true;
                Replica::usurper(&self.server, name_of(part))
            }
            _ => return,
        };
        self.replicas.insert(part, replica);
    }

    /// The definition of tenants is applied, if it is not there.
    fn define(&self) {
        let is_served = self.server.serves("Tenant");
        if !is_served {
            self.server.define(Kind::cluster("landlord.dev/v1alpha1", "Tenant", "tenants"));
        }
    }

    /// The lease goes back as well: who led then may believe to lead still, and only versions fence
    /// those.
    fn restore(&mut self) {
        if let Some(snapshot) = &self.snapshot {
            self.laws.unfenced.extend(["one", "two"].map(str::to_owned));
            self.laws.led_twice = true;
            self.server.restore(snapshot);
        }
    }

    fn freeze(&mut self, part: Part) {
        if let Some(replica) = self.replicas.get(&part) {
            // Its last words may come when another leads already: only versions can fence those.
            self.laws.unfenced.insert(name_of(part).to_owned());
            replica.freeze();
        }
    }

    fn namespace(&self, name: Namespace) -> Option<Value> {
        self.server.object("Namespace", &name.to_string()).map(|object| (*object).clone())
    }

    fn put(&self, object: Value) {
        self.server.put(object).expect("an object that the server takes");
    }

    fn edit(&self, name: Namespace, change: impl FnOnce(&mut Value)) {
        let Some(mut namespace) = self.namespace(name) else { return };
        change(&mut namespace["metadata"]);
        for field in ["labels", "annotations"] {
            if let Some(map) = namespace["metadata"][field].as_object_mut() {
                map.retain(|_, value| !value.is_null());
            }
        }
        self.put(namespace);
    }

    /// The guard holds every new Pod here. Returns its name.
    fn add_pod(&mut self, namespace: &str) -> String {
        self.pods += 1;
        let name = format!("pod-{}", self.pods);
        self.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
                        "spec": {"schedulingGates": [{"name": GATE}], "containers": [{"name": "web", "image": "web"}]}}));
        name
    }
}

fn name_of(part: Part) -> &'static str {
    match part {
        Part::One => "one",
        Part::Two => "two",
        _ => "usurper",
    }
}

fn tamper(metadata: &mut Value, what: Tampering) {
    match what {
        Tampering::Selector => metadata["annotations"][NODE_SELECTOR] = json!("pool=foreign"),
        Tampering::Label => metadata["labels"]["billing"] = json!("rival"),
        Tampering::Ledger => metadata["annotations"][LEDGER] = json!("{\"no\": ledger"),
        Tampering::Wipe => {
            let kept = &metadata["labels"];
            metadata["labels"] = json!({TENANT_LABEL: kept[TENANT_LABEL], "own": kept["own"], "a.example/empty": kept["a.example/empty"]});
            metadata["annotations"] = json!({"note": metadata["annotations"]["note"]});
        }
    }
}
