//! The binary, and where the repository is.

use std::path::{Path, PathBuf};

pub(crate) use crate::run::{Run, run, run_command, run_in, run_on};

/// The repository's root; commands run there.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The binary.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_landlord"))
}

/// Here the controller is alone; the root's tests run the same scenarios with the policy beside it.
pub(crate) enum Policy {}

pub(crate) async fn start_policy(_: &local_cluster::Cluster, _source: &str) -> Option<Policy> {
    None
}

/// Nothing to take down where there is none.
pub(crate) async fn take_policy_down(_: &local_cluster::Cluster, _source: &str, policy: &Policy) {
    match *policy {}
}
