//! Weather: what is set up before a storm, and what happens in the middle of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Error;
use kube::api::{Api, PostParams};
use local_cluster::Process;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::mode::{Guard, Mode};
use super::{name, settings_file, tenant};
use crate::commands::landlord::{guard_enforced, start_controller, until};
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
        if let Guard::Kept(flag) = guard {
            let settings = match mode {
                Mode::Hybrid | Mode::WebhookAndGuard | Mode::WebhookStopped => {
                    "--policy=landlord".to_owned()
                }
                _ => {
                    let file = settings_file(&stage.cluster, mode.settings())?;
                    format!("--settings={}", file.display())
                }
            };
            weather.arguments = vec![settings, flag.to_owned()];
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
        let half = async || Ok(done.load(Ordering::Relaxed) * 2 >= count);
        match (self.mode, &stage.kubewarden) {
            (Mode::WebhookKilled, Some(kubewarden)) => {
                until("half of it", half).await?;
                kubewarden.kill_policy_server();
                Ok(())
            }
            (Mode::WebhookStopped, Some(kubewarden)) => {
                until("half of it", half).await?;
                kubewarden.kill_policy_server();
                fails_closed(stage).await?;
                Ok(kubewarden.revive_policy_server().await?)
            }
            (Mode::ControllerKilled, _) => {
                until("half of it", half).await?;
                if let Some(process) = self.controller.lock().await.as_ref() {
                    process.signal(Signal::SIGKILL)?;
                }
                self.start(stage, "two").await
            }
            _ => Ok(()),
        }
    }
}

/// While the webhook does not answer, a namespace is refused, and a Pod in one that is ready is let
/// in. Nothing is stored.
async fn fails_closed(stage: &Stage) -> Result<()> {
    let client = stage.cluster.client(&owner(tenant(0)))?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let labels = json!({"landlord.dev/tenant": tenant(0)});
    let late = serde_json::from_value(json!({"metadata": {"name": "late", "labels": labels}}))?;
    match Api::<Namespace>::all(client.clone()).create(&params, &late).await {
        Err(Error::Api(status)) if status.message.contains("failed calling webhook") => {}
        Err(error) => return Err(error).context("a namespace while the webhook is down"),
        Ok(_) => bail!("a namespace was let in while the webhook was down"),
    }
    let pod = Api::<Pod>::namespaced(client, &name(0));
    let body = json!({"metadata": {"name": "late"}, "spec": {"containers": [{"name": "late", "image": "late"}]}});
    let pod = pod.create(&params, &serde_json::from_value(body)?).await;
    let pod = pod.context("a Pod of a namespace that is ready, while the webhook is down")?;
    let spec = pod.spec.unwrap_or_default();
    let pool = spec.node_selector.as_ref().and_then(|selector| selector.get("pool"));
    ensure!(
        pool.is_some_and(|pool| pool == tenant(0)) && spec.scheduling_gates.is_none(),
        "a Pod of a namespace that is ready got the node selector {:?}",
        spec.node_selector
    );
    Ok(())
}

/// The tenants, each owned by a group.
pub(in crate::commands) fn tenants() -> String {
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
