//! `build`: the binaries, ahead of the tests that need them.

use clap::Args;
use local_cluster::{Binaries, Release};

/// Build etcd and Kubernetes, once, unless KUBEBUILDER_ASSETS has them, and print where they are
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// This version, 1.30 to 1.37, instead of the newest, into the cache whatever KUBEBUILDER_ASSETS
    /// has
    #[arg(long, env = "LOCAL_CLUSTER_KUBERNETES", value_name = "VERSION")]
    kubernetes: Option<Release>,
}

impl Build {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let binaries = self.kubernetes.map_or_else(Binaries::find_or_build, Binaries::of)?;
        println!("{}", binaries.path("").display());
        Ok(())
    }
}
