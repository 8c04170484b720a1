//! `start`: a cluster to play with, until Ctrl-C.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stage::{Stage, StageOptions};

/// Start a cluster with landlord's policy in it, print its kubeconfig, and keep it until Ctrl-C
#[derive(Args, Debug)]
pub(crate) struct Start {
    #[command(flatten)]
    stage: StageOptions,
    /// Leave landlord out: no kinds, no policy
    #[arg(long, env = "LOCAL_CLUSTER_BARE")]
    bare: bool,
    /// Apply these files once it is ready
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A link to the kubeconfig is put here, for `make kubectl`
    #[arg(long, env = "LOCAL_CLUSTER_KUBECONFIG_LINK", value_name = "FILE")]
    link: Option<PathBuf>,
}

impl Start {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let mut stage = Stage::start(&self.stage).await?;
        if !self.bare {
            stage.install(&self.stage).await?;
        }
        for file in &self.files {
            let yaml = fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            stage.cluster.apply(&yaml).await.with_context(|| file.display().to_string())?;
        }
        let link = self
            .link
            .as_deref()
            .map(|link| Link::new(link, &stage.cluster.kubeconfig()))
            .transpose()?;
        let end = End::listen()?;
        println!("kubeconfig: {}", stage.cluster.kubeconfig().display());
        println!("kubectl:    {}", stage.cluster.binaries().path("kubectl").display());
        println!("logs:       {}", stage.cluster.logs().display());
        println!("Ctrl-C ends it");
        end.asked_for().await;
        drop(link);
        Ok(())
    }
}

/// The end that a user asks for, by Ctrl-C or SIGTERM. It is listened for from the moment that
/// this exists: before any client hears that it may ask.
pub(crate) struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn asked_for(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A link that goes with the cluster.
struct Link(PathBuf);

impl Link {
    fn new(place: &Path, target: &Path) -> Result<Self> {
        fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
        drop(fs::remove_file(place));
        symlink(target, place).with_context(|| format!("no link at {}", place.display()))?;
        Ok(Self(place.to_owned()))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}
