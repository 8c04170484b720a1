//! The binary `landlord`, as the demo and the benches run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, PostParams};
use local_cluster::process::Program;
use local_cluster::user::CONTROLLER;
use local_cluster::waiting::PATIENCE;
use local_cluster::{Cluster, Process, Release};
use serde_json::json;

const POLL: Duration = Duration::from_millis(50);

/// The namespace of `deploy/rbac.yaml` that is never ready.
pub(crate) const PROBE: &str = "landlord-guard-probe";

/// Beside this program.
pub(crate) fn binary() -> Result<PathBuf> {
    let path = std::env::current_exe().context("this program")?.with_file_name("landlord");
    ensure!(path.exists(), "{} is missing: `cargo build -p landlord` builds it", path.display());
    Ok(path)
}

/// The guard for this version of Kubernetes under the settings in this file, as YAML.
pub(crate) fn guard_for(version: Release, settings: &Path) -> Result<String> {
    let output = Command::new(binary()?)
        .args(["render", "guard", "--kubernetes", &version.short(), "--settings"])
        .arg(settings)
        .env_clear()
        .output()?;
    ensure!(output.status.success(), "no guard: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Starts a controller with these arguments, and waits until it knows everything.
pub(crate) async fn start_controller(
    cluster: &Cluster,
    identity: &str,
    arguments: &[&str],
) -> Result<Process> {
    let process = Program::new(identity, binary()?, cluster.log(identity))
        .env("KUBECONFIG", cluster.kubeconfig_of(CONTROLLER))
        .args(["controller", "--listen=127.0.0.1:0"])
        .arg(format!("--identity={identity}"))
        .args(arguments.iter().copied())
        .start()?;
    let ready =
        async || Ok(fs::read_to_string(process.log()).unwrap_or_default().contains("all is known"));
    until("the controller is ready", ready).await.with_context(|| process.last_words())?;
    Ok(process)
}

/// Whether a Pod in a namespace that is not ready is held or refused.
pub(crate) async fn guard_enforced(client: &Client) -> Result<bool> {
    let pod = serde_json::from_value(
        json!({"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "none", "image": "none"}]}}),
    )?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match Api::<Pod>::namespaced(client.clone(), PROBE).create(&params, &pod).await {
        Ok(pod) => Ok(pod
            .spec
            .is_some_and(|spec| spec.scheduling_gates.is_some_and(|gates| !gates.is_empty()))),
        Err(kube::Error::Api(status)) => {
            Ok(status.message.contains("ValidatingAdmissionPolicy 'landlord"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until this holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !holds().await? {
        ensure!(began.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
