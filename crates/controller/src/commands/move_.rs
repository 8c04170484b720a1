//! `move`: hands namespaces over to another tenant, in one write.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::single::{Single, Target};

/// Hand namespaces over to another tenant
///
/// The tenant label, the keys that the old tenant loses and those that the new one wants are one patch, so no Pod can come in between. Pods that run already
/// stay where they are. The API server must allow it: where landlord's policy is installed, to the settings' `admins` and to owners of both tenants.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  landlord move payments --to lunar --dry-run\n  landlord move payments billing --to lunar")]
pub(crate) struct Move {
    /// The namespaces
    #[arg(required = true, value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Their new tenant
    #[arg(long, value_name = "TENANT")]
    to: String,
    #[command(flatten)]
    single: Single,
}

impl Move {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let to = self.to;
        self.single.write_each(&self.namespaces, |target: &mut Target| target.claim_for(&to))
    }
}
