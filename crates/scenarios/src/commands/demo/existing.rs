//! Existing namespaces: made before landlord came, brought into compliance by `landlord backfill`,
//! and reached by a tenant's edit.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use local_cluster::user::CONTROLLER;
use local_cluster::{Cluster, Process};

use super::tenants;
use crate::commands::crowd::Crowd;
use crate::commands::landlord::{binary, start_controller, until};
use crate::commands::served::Served;

/// Whose they are, and how many.
const TENANT: &str = "solar";
const COUNT: usize = 500;

pub(super) fn crowd() -> Crowd {
    Crowd::new(TENANT, COUNT).called("old")
}

/// What the acts with the controller showed, for the closing lines.
pub(super) struct Act {
    pub(super) backfill: String,
    pub(super) edit: Duration,
}

/// Backfills, starts the controller, with its guard where that can hold Pods, and edits the tenant.
pub(super) async fn play(cluster: &Cluster, served: &Served) -> Result<(Act, Process)> {
    let settings = cluster.file("settings.yaml");
    fs::write(&settings, "tenantSource: landlord\n")?;
    let backfill = backfill(cluster)?;
    let settings = format!("--settings={}", settings.display());
    let guard = served.can_hold().then_some("--guard=hold");
    let arguments: Vec<&str> = [settings.as_str()].into_iter().chain(guard).collect();
    let controller = start_controller(cluster, "controller", &arguments).await?;
    let edit = edit(cluster).await?;
    Ok((Act { backfill, edit }, controller))
}

/// Runs the command with its progress on this terminal; returns its report's last line.
fn backfill(cluster: &Cluster) -> Result<String> {
    let output = std::process::Command::new(binary()?)
        .args(["backfill", "--tenant", TENANT])
        .env("KUBECONFIG", cluster.kubeconfig_of(CONTROLLER))
        .env("LANDLORD_SETTINGS", cluster.file("settings.yaml"))
        .stderr(Stdio::inherit())
        .output()?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "the backfill failed:\n{report}");
    Ok(report.lines().last().unwrap_or_default().to_owned())
}

async fn edit(cluster: &Cluster) -> Result<Duration> {
    let cost_center = "cc-2027";
    let began = Instant::now();
    cluster.apply(&tenants::with_cost_center(TENANT, cost_center)).await?;
    let api: Api<Namespace> = Api::all(cluster.admin()?);
    let label = format!("cost-center={cost_center}");
    let reached = async || {
        let found = api.list_metadata(&ListParams::default().labels(&label)).await?;
        Ok(found.iter().filter(|one| one.name_any().starts_with("old-")).count() == COUNT)
    };
    until("the edit reaches every namespace", reached).await?;
    Ok(began.elapsed())
}
