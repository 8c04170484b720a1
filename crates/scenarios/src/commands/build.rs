//! `build`: the binaries, ahead of the tests that need them.

use clap::Args;
use local_cluster::Binaries;

/// Build etcd and Kubernetes, once, unless KUBEBUILDER_ASSETS has them, and print where they are
#[derive(Args, Debug)]
pub(crate) struct Build {}

impl Build {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        println!("{}", Binaries::find_or_build()?.path("").display());
        Ok(())
    }
}
