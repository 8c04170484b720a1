//! `adopt`: an admin approves namespaces whose creator may not claim their tenant.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::single::{Single, Target};

/// Approve namespaces that landlord leaves alone because their creator may not claim their tenant
///
/// Writes what the tenant wants, ledger included; from then on the controller looks after them. Whoever runs this vouches for the claim.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes:\n  0  all adopted, or adopted before\n  1  an error; namespaces named before it are adopted\n\nExamples:\n  landlord adopt payments --dry-run\n  landlord adopt payments billing"
)]
pub(crate) struct Adopt {
    /// The namespaces
    #[arg(required = true, value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    #[command(flatten)]
    single: Single,
}

impl Adopt {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.single.write_each(&self.namespaces, |target: &mut Target| target.adopt())
    }
}
