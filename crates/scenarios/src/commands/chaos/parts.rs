//! Parts: the processes of a cluster with landlord in it, and what happens to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chaos::Event;
use chaos::event::Part;
use local_cluster::process::Program;
use local_cluster::user::CONTROLLER;
use local_cluster::{Cluster, Kubewarden, Process};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::impostor::Impostor;
use super::relay::Relay;
use super::storm::Storm;
use crate::commands::landlord::{binary, guard_enforced, until};
use crate::commands::stage::{Stage, StageOptions, owner};

/// What policy and controllers go by.
const SETTINGS: &str =
    r#"{"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}"#;
/// Nobody waits longer than this for a part that is frozen: nothing at all would happen meanwhile.
const FROZEN: Duration = Duration::from_secs(4);
/// The API server asks the policy for so many seconds at most.
const WEBHOOK_TIMEOUT: u32 = 2;

pub(super) struct Parts {
    // Controllers end before what they talk to.
    controllers: BTreeMap<Part, Process>,
    impostor: Option<Impostor>,
    pub(super) relay: Relay,
    pub(super) stage: Stage,
    frozen: BTreeMap<Part, Instant>,
    policy_is_down: bool,
    storm: Option<JoinHandle<()>>,
}

impl Parts {
    /// Everything runs, and the guard is enforced.
    pub(super) async fn start(mut stage: Stage, options: &StageOptions) -> Result<Self> {
        options.apply_kinds(&stage.cluster).await?;
        stage.install_policy(options, &policy(&options.shipped_policy()?)?).await?;
        let server: SocketAddr =
            stage.cluster.server().strip_prefix("https://").context("a URL")?.parse()?;
        let relay = Relay::start(server).await?;
        std::fs::write(stage.cluster.file("settings.yaml"), SETTINGS)?;
        let kubeconfig = std::fs::read_to_string(stage.cluster.kubeconfig_of(CONTROLLER))?;
        std::fs::write(
            stage.cluster.file("relayed"),
            kubeconfig.replace(&server.to_string(), &relay.address().to_string()),
        )?;
        let (controllers, frozen) = (BTreeMap::new(), BTreeMap::new());
        let mut parts = Self {
            controllers,
            impostor: None,
            relay,
            stage,
            frozen,
            policy_is_down: false,
            storm: None,
        };
        parts.start_controller(Part::One)?;
        let client = parts.cluster().client(&owner("solar"))?;
        until("the guard", async || guard_enforced(&client).await).await?;
        Ok(parts)
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.stage.cluster
    }

    fn kubewarden(&self) -> Result<&Kubewarden> {
        self.stage.kubewarden.as_ref().context("the policy is installed")
    }

    /// What happens to processes and connections; other events are another client's.
    pub(super) async fn disturb(&mut self, event: Event) -> Result<()> {
        match event {
            Event::BreakWatches => self.relay.break_off(),
            Event::Slow(ms) => self.relay.slow(Duration::from_millis(ms.into())),
            Event::PushBack(tenths) => {
                self.push_back(Duration::from_millis(100 * u64::from(tenths)))?
            }
            Event::Kill(Part::ApiServer) => {
                self.thaw_all()?;
                self.stage.cluster.restart_api_server().await?;
            }
            Event::Kill(Part::Policy) => self.kill_policy().await?,
            Event::Kill(part) => {
                self.thaw(part)?;
                drop(self.controllers.remove(&part));
            }
            Event::Garbage => {
                self.kill_policy().await?;
                self.impostor =
                    Some(Impostor::start(self.cluster(), &self.kubewarden()?.url()).await?);
            }
            Event::Freeze(part) => self.freeze(part)?,
            Event::Thaw(part) => self.thaw(part)?,
            Event::Start(Part::Policy) => self.revive_policy().await?,
            Event::Start(part @ (Part::One | Part::Two))
                if !self.controllers.contains_key(&part) =>
            {
                self.start_controller(part)?
            }
            _ => {}
        }
        Ok(())
    }

    /// It reads everything through the relay, and nothing is waited for: there may be no API server
    /// now.
    fn start_controller(&mut self, part: Part) -> Result<()> {
        let identity = name_of(part);
        let process = Program::new(identity, binary()?, self.cluster().log(identity))
            .env("KUBECONFIG", self.cluster().file("relayed"))
            .args(["controller", "--listen=127.0.0.1:0", "--guard=hold"])
            .arg(format!("--identity={identity}"))
            .arg(format!("--settings={}", self.cluster().file("settings.yaml").display()))
            .start()?;
        self.controllers.insert(part, process);
        Ok(())
    }

    async fn kill_policy(&mut self) -> Result<()> {
        self.thaw(Part::Policy)?;
        self.unmask().await;
        self.policy_is_down = true;
        self.kubewarden()?.kill_policy_server();
        Ok(())
    }

    async fn unmask(&mut self) {
        if let Some(impostor) = self.impostor.take() {
            impostor.end().await;
        }
    }

    async fn revive_policy(&mut self) -> Result<()> {
        if self.policy_is_down {
            self.unmask().await;
            self.kubewarden()?.revive_policy_server().await?;
            self.policy_is_down = false;
        }
        Ok(())
    }

    fn freeze(&mut self, part: Part) -> Result<()> {
        self.signal(part, Signal::SIGSTOP)?;
        self.frozen.entry(part).or_insert_with(Instant::now);
        Ok(())
    }

    fn thaw(&mut self, part: Part) -> Result<()> {
        self.frozen.remove(&part);
        self.signal(part, Signal::SIGCONT)
    }

    fn signal(&self, part: Part, signal: Signal) -> Result<()> {
        match part {
            Part::ApiServer => self.cluster().api_server().signal(signal)?,
            Part::Etcd => self.cluster().etcd().signal(signal)?,
            Part::Policy if !self.policy_is_down => {
                self.kubewarden()?.signal_policy_server(signal)?
            }
            // One that is gone has nothing to be frozen.
            _ => self.controllers.get(&part).map_or(Ok(()), |process| process.signal(signal))?,
        }
        Ok(())
    }

    /// Thaws what was frozen for long enough. A controller is not waited for, so it may stay frozen
    /// until another leads.
    pub(super) fn thaw_late(&mut self) -> Result<()> {
        let late = |(part, since): (&Part, &Instant)| {
            let waited_for = matches!(part, Part::ApiServer | Part::Etcd | Part::Policy);
            (waited_for && since.elapsed() > FROZEN).then_some(*part)
        };
        let late: Vec<Part> = self.frozen.iter().filter_map(late).collect();
        late.into_iter().try_for_each(|part| self.thaw(part))
    }

    fn thaw_all(&mut self) -> Result<()> {
        let frozen: Vec<Part> = self.frozen.keys().copied().collect();
        frozen.into_iter().try_for_each(|part| self.thaw(part))
    }

    /// The API server answers 429 to nearly everything of the controllers', their leases included.
    fn push_back(&mut self, time: Duration) -> Result<()> {
        if self.storm.as_ref().is_none_or(JoinHandle::is_finished) {
            let storm = Storm {
                admin: self.cluster().admin()?,
                controller: self.cluster().client(CONTROLLER)?,
            };
            self.storm = Some(tokio::spawn(storm.rage(time)));
        }
        Ok(())
    }

    /// All is fixed: everything runs, fast, and at least one controller.
    pub(super) async fn fix(&mut self) -> Result<()> {
        self.thaw_all()?;
        self.relay.slow(Duration::ZERO);
        if let Some(storm) = self.storm.take() {
            storm.await?;
        }
        self.revive_policy().await?;
        if self.controllers.is_empty() {
            self.start_controller(Part::One)?;
        }
        Ok(())
    }

    /// Another controller instead of those that were there: one that knows nothing.
    pub(super) fn start_anew(&mut self) -> Result<()> {
        self.controllers.clear();
        self.start_controller(Part::Usurper)
    }

    /// Controllers that ended by themselves, and those that panicked somewhere.
    pub(super) fn casualties(&mut self) -> Vec<String> {
        let ended = self.controllers.values_mut().filter_map(|process| {
            (!process.runs()).then(|| format!("{} ended: {}", process.name(), process.last_words()))
        });
        let mut casualties: Vec<String> = ended.collect();
        casualties.extend(
            self.logs()
                .into_iter()
                .filter(|log| log.contains("panicked"))
                .map(|log| log.lines().filter(|line| line.contains("panicked")).collect()),
        );
        casualties
    }

    /// Everything that controllers have said.
    pub(super) fn logs(&self) -> Vec<String> {
        [Part::One, Part::Two, Part::Usurper]
            .map(|part| {
                std::fs::read_to_string(self.cluster().log(name_of(part))).unwrap_or_default()
            })
            .into()
    }
}

fn name_of(part: Part) -> &'static str {
    match part {
        Part::One => "one",
        Part::Two => "two",
        _ => "fresh",
    }
}

/// The policy as it is shipped, not waited for where it does not answer: the guard is what is
/// relied on then.
fn policy(shipped: &str) -> Result<String> {
    let mut policy: Value = serde_saphyr::from_str(shipped)?;
    policy["spec"]["settings"] = serde_json::from_str(SETTINGS)?;
    policy["spec"]["failurePolicy"] = json!("Ignore");
    policy["spec"]["timeoutSeconds"] = json!(WEBHOOK_TIMEOUT);
    Ok(policy.to_string())
}
