//! `adopt`: an admin approves namespaces whose creator may not claim their tenant.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::single::{Single, Target};
use crate::completion;
use crate::help::{self, Example, Exit};

const EXAMPLES: [Example; 3] = [
    ("What would be written", "landlord adopt payments --dry-run"),
    (
        "The same, judged by the API server and its webhooks",
        "landlord adopt payments --dry-run=server",
    ),
    ("Two of them", "landlord adopt payments billing"),
];
const EXITS: [Exit; 2] = [
    (0, "all adopted, or adopted before"),
    (1, "an error; namespaces named before it are adopted"),
];

/// Approve namespaces whose creator may not claim their tenant
///
/// Landlord leaves such namespaces alone. This writes what the tenant wants, ledger included; from
/// then on the controller looks after them. The user who runs this vouches for the claim. Each namespace
/// and the tenants that its claim names are read by name: no right to list is needed.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Adopt {
    /// The namespaces
    #[arg(required = true, value_name = "NAMESPACE", add = completion::namespaces())]
    namespaces: Vec<String>,
    #[command(flatten)]
    single: Single,
}

impl Adopt {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.single.write_each(&self.namespaces, None, |target: &mut Target| target.adopt())
    }
}
