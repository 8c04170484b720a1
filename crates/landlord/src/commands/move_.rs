//! `move`: hands namespaces over to another tenant, in one write.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::single::{Single, Target};
use crate::completion;
use crate::help::{self, Example, Exit};

const EXAMPLES: [Example; 4] = [
    ("What would be written", "landlord move payments --to lunar --dry-run"),
    (
        "The same, judged by the API server and its webhooks",
        "landlord move payments --to lunar --dry-run=server",
    ),
    ("Two of them, out of their tenant to none", "landlord move payments billing --to ''"),
    (
        "Pods that run already stay on their nodes: show them, and let them follow",
        "landlord audit --tenant lunar --evict",
    ),
];
const EXITS: [Exit; 2] =
    [(0, "all moved, or there before"), (1, "an error; namespaces named before it are moved")];

/// Hand namespaces over to another tenant
///
/// The tenant label, the keys that the old tenant loses and those that the new one wants are one
/// patch, so no Pod can come in between. Pods that run already stay where they are. The API server
/// must allow it: where landlord's policy is installed, to the settings' `admins` and to owners of
/// both tenants. Namespaces and tenants are read by name: no right to list is needed.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Move {
    /// The namespaces
    #[arg(required = true, value_name = "NAMESPACE", add = completion::namespaces())]
    namespaces: Vec<String>,
    /// Their new tenant; an empty name takes them out of their tenant
    #[arg(long, env = "LANDLORD_TO", value_name = "TENANT", add = completion::tenants())]
    to: String,
    #[command(flatten)]
    single: Single,
}

impl Move {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let to = self.to;
        if to.is_empty() {
            return self
                .single
                .write_each(&self.namespaces, None, |target: &mut Target| target.leave_tenant());
        }
        let claim = |target: &mut Target| target.claim_for(&to);
        self.single.write_each(&self.namespaces, Some(&to), claim)
    }
}
