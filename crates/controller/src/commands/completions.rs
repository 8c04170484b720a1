//! `completions`: what shells need to complete landlord's commands and flags.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub(crate) fn run(self, arguments: &mut clap::Command) -> Result<ExitCode> {
        clap_complete::generate(self.shell, arguments, "landlord", &mut std::io::stdout());
        Ok(ExitCode::SUCCESS)
    }
}
