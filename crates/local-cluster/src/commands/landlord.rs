//! The binary `landlord`, as the demo and the benches run it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local_cluster::process::Program;
use local_cluster::user::CONTROLLER;
use local_cluster::{Cluster, Process};

/// How long it may take to list everything; a moment is usual.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// Beside this program.
pub(crate) fn binary() -> Result<PathBuf> {
    let path = std::env::current_exe().context("this program")?.with_file_name("landlord");
    ensure!(path.exists(), "{} is missing: `cargo build -p landlord` builds it", path.display());
    Ok(path)
}

/// Starts a controller with these arguments, and waits until it knows everything.
pub(crate) async fn start_controller(cluster: &Cluster, identity: &str, arguments: &[&str]) -> Result<Process> {
    let process = Program::new(identity, binary()?, cluster.log(identity))
        .env("KUBECONFIG", cluster.kubeconfig_of(CONTROLLER))
        .args(["controller", "--listen=127.0.0.1:0"])
        .arg(format!("--identity={identity}"))
        .args(arguments.iter().copied())
        .start()?;
    let began = Instant::now();
    while !fs::read_to_string(process.log()).unwrap_or_default().contains("all is known") {
        ensure!(began.elapsed() < PATIENCE, "the controller is not ready:\n{}", process.last_words());
        tokio::time::sleep(POLL).await;
    }
    Ok(process)
}
