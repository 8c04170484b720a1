//! Play: one schedule, from an empty server to rest.

use std::collections::BTreeMap;

use chaos::event::{Namespace, Part, TENANTS, Tampering};
use chaos::spec::{LEDGER, NODE_SELECTOR, TENANT_LABEL};
use chaos::{Event, Laws, Schedule, spec};
use tokio::runtime::Builder;

use super::super::{Duration, InMemory, Value, json};
use super::panics;
use super::replica::Replica;
use guard::GATE;

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
    /// Pods so far, and what was injected: each may cost a request.
    pods: usize,
    injected: usize,
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
        stage.come_to_rest().await;
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
        let mut stage =
            Self { server, laws: Laws::default(), replicas: BTreeMap::new(), pods: 0, injected: 0 };
        stage.start(Part::One);
        stage
    }

    /// Looks at all that was written since this was done last.
    fn judge(&mut self) {
        self.server.recorded().iter().for_each(|commit| self.laws.see(commit));
    }

    async fn apply(&mut self, event: Event) {
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
            Event::Tenant(name, form) => self.put(spec::tenant(name, form)),
            Event::Drop(name) => drop(self.server.remove("Tenant", name)),
            Event::Sabotage(what, name) => self.sabotage(what, name).await,
            Event::Jump(seconds) => tokio::time::advance(Duration::from_secs(seconds.into())).await,
            other => self.disturb(other),
        }
    }

    fn disturb(&mut self, event: Event) {
        if let Event::PushBack(count) | Event::Fail(count) | Event::LoseAnswers(count) = event {
            self.injected += count as usize;
        }
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
