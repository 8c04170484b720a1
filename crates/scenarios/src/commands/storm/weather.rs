//! Weather: what is set up before a storm, and what happens in the middle of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use local_cluster::Process;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::mode::{Guard, Mode};
use super::settings_file;
use crate::commands::landlord::{guard_enforced, refusing_guard, start_controller, until};
use crate::commands::stage::{Stage, StageOptions, TENANTS, owner};

pub(super) struct Weather {
    mode: Mode,
    controller: Mutex<Option<Process>>,
    arguments: Vec<String>,
}

impl Weather {
    /// Installs what the mode asks for, and waits until all of it is in force.
    pub(super) async fn begin(
        mode: Mode,
        guard: Guard,
        stage: &mut Stage,
        options: &StageOptions,
    ) -> Result<Self> {
        let mut weather = Self { mode, controller: Mutex::new(None), arguments: Vec::new() };
        if mode == Mode::Without {
            return Ok(weather);
        }
        options.apply_kinds(&stage.cluster).await?;
        stage.cluster.apply(&tenants()).await?;
        if mode.has_policy() {
            stage.install_policy(options, &policy(mode, &options.shipped_policy()?)?).await?;
        }
        if guard != Guard::None {
            let file = settings_file(&stage.cluster, mode.settings())?;
            weather.arguments = match mode {
                Mode::Hybrid => vec!["--policy=landlord".to_owned()],
                _ => vec![format!("--settings={}", file.display())],
            };
            if let Guard::Kept(flag) = guard {
                weather.arguments.push(flag.to_owned());
            } else {
                stage.cluster.apply(&refusing_guard(&file)?).await?;
            }
            weather.start(stage, "one").await?;
            let owner = owner(TENANTS[0]);
            for client in [stage.cluster.client(&owner)?, stage.cluster.second_client(&owner)?] {
                until("the guard", async || guard_enforced(&client).await).await?;
            }
        }
        if mode == Mode::Hybrid {
            let policies = local_cluster::kubewarden::policies(&stage.cluster.admin()?);
            let in_force = async || {
                Ok(policies.get("landlord").await?.metadata.annotations.is_some_and(|map| {
                    map.get("landlord.dev/strategy").is_some_and(|mode| mode == "hybrid")
                }))
            };
            until("the strategy", in_force).await?;
        }
        Ok(weather)
    }

    async fn start(&self, stage: &Stage, identity: &str) -> Result<()> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        *self.controller.lock().await =
            Some(start_controller(&stage.cluster, identity, &arguments).await?);
        Ok(())
    }

    /// Half-way, something dies.
    pub(super) async fn change(
        &self,
        stage: &Stage,
        done: &AtomicUsize,
        count: usize,
    ) -> Result<()> {
        if !matches!(self.mode, Mode::WebhookKilled | Mode::ControllerKilled) {
            return Ok(());
        }
        until("half of it", async || Ok(done.load(Ordering::Relaxed) * 2 >= count)).await?;
        if let (Mode::WebhookKilled, Some(kubewarden)) = (self.mode, &stage.kubewarden) {
            kubewarden.kill_policy_server();
            return Ok(());
        }
        if let Some(process) = self.controller.lock().await.as_ref() {
            process.signal(Signal::SIGKILL)?;
        }
        self.start(stage, "two").await
    }
}

/// The tenants, each owned by a group.
fn tenants() -> String {
    let tenant = |name: &str| {
        json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name},
               "spec": {"owners": [{"kind": "Group", "name": format!("{name}-admins")}], "nodeSelector": {"pool": name}}})
    };
    TENANTS.map(|name| format!("---\n{}\n", tenant(name))).concat()
}

/// The policy as it is shipped, with this mode's settings.
fn policy(mode: Mode, shipped: &str) -> Result<String> {
    let mut policy: Value = serde_saphyr::from_str(shipped)?;
    policy["spec"]["settings"] = serde_json::from_str(mode.settings())?;
    if mode == Mode::WebhookKilled {
        policy["spec"]["failurePolicy"] = json!("Ignore");
    }
    Ok(policy.to_string())
}
