//! `bench-memory`: what the controller needs for many namespaces, on an API server in memory that is a process of its own.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use local_cluster::process::Program;
use local_cluster::{InMemory, Process};
use serde_json::json;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(100);

/// Serve an API server in memory, with namespaces of one tenant in it, until it is killed
#[derive(Args, Debug)]
pub(crate) struct ServeInMemory {
    /// How many namespaces
    #[arg(short = 'n', long, default_value_t = 1000)]
    namespaces: usize,
}

impl ServeInMemory {
    /// Runs the command. The first line of the output says where it listens.
    pub(crate) async fn run(self) -> Result<()> {
        let server = InMemory::default();
        let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"},
            "spec": {"nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711", "billing": "{{tenant.name}}"}}});
        let put = |object| server.put(object).map_err(anyhow::Error::msg);
        put(tenant)?;
        for number in 0..self.namespaces {
            put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("namespace-{number}"),
                "labels": {"landlord.dev/tenant": "solar", "team": "batch"}, "annotations": {"note": "this was here before landlord came"}}}))?;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        Ok(server.serve(listener).await?)
    }
}

/// Measure the controller's memory for many namespaces
#[derive(Args, Debug)]
#[command(after_help = "Goals (DESIGN 15): at most 60 MB at 10 000 namespaces, and 400 MB at 100 000, all of them written once.")]
pub(crate) struct BenchMemory {
    /// How many namespaces, for each row
    #[arg(short = 'n', long, num_args = 1.., default_values_t = [10_000, 100_000])]
    namespaces: Vec<usize>,
    /// The binary landlord (default: beside this program)
    #[arg(long, env = "LANDLORD", value_name = "FILE")]
    landlord: Option<PathBuf>,
}

impl BenchMemory {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        for count in &self.namespaces {
            self.measure(*count).await?;
        }
        Ok(())
    }

    async fn measure(&self, count: usize) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let this = std::env::current_exe()?;
        let server = Program::new("server", &this, folder.path().join("server"))
            .args(["serve-in-memory".to_owned(), format!("-n{count}")])
            .start()?;
        let url = address(&server).await?;
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "memory", "clusters": [{"name": "memory", "cluster": {"server": url}}],
            "users": [{"name": "memory", "user": {}}], "contexts": [{"name": "memory", "context": {"cluster": "memory", "user": "memory"}}]});
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string())?;
        fs::write(folder.path().join("settings.yaml"), "{}")?;
        let landlord = self.landlord.clone().unwrap_or_else(|| this.with_file_name("landlord"));
        let began = Instant::now();
        let controller = Program::new("controller", landlord, folder.path().join("controller"))
            .args(["controller", "--listen=127.0.0.1:0", "--no-leader-election"])
            .env("KUBECONFIG", folder.path().join("kubeconfig"))
            .env("LANDLORD_SETTINGS", folder.path().join("settings.yaml"))
            .env("LANDLORD_LOG", "warn")
            .start()?;
        let pages = address(&controller).await?;
        compliant(&pages, count).await.with_context(|| controller.last_words())?;
        let took = began.elapsed().as_secs_f64();
        println!(
            "{:<44} {:>8.0} MB  {took:.1} s to write all of them once",
            format!("memory of the controller (RSS) at {count}"),
            rss(&controller)? / 1024.0
        );
        Ok(())
    }
}

/// Where a program says that it listens.
async fn address(process: &Process) -> Result<String> {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(process.log()).unwrap_or_default();
        if let Some(url) = text.lines().find_map(|line| line.strip_prefix("listening on ")) {
            return Ok(url.to_owned());
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "{} does not say where it listens:\n{}", process.name(), process.last_words());
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the controller counts so many compliant namespaces.
async fn compliant(pages: &str, count: usize) -> Result<()> {
    let mut config = kube::Config::new(pages.parse()?);
    config.default_retry = false;
    let client = kube::Client::try_from(config)?;
    let (began, wanted) = (Instant::now(), format!("landlord_namespaces{{state=\"compliant\"}} {count}"));
    while !client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?.lines().any(|line| line == wanted) {
        anyhow::ensure!(began.elapsed() < PATIENCE, "not all of {count} namespaces are compliant");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Resident memory in KiB.
fn rss(process: &Process) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
