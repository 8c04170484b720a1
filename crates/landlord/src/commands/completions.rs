//! `completions`: what shells need to complete commands, flags, and the names of tenants and
//! namespaces.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use clap_complete::env::{EnvCompleter, Shells};

use crate::help::{self, Example, Exit};
use crate::output;

const EXAMPLES: [Example; 4] = [
    ("bash, in ~/.bashrc", "source <(landlord completions bash)"),
    ("zsh, in ~/.zshrc below compinit", "source <(landlord completions zsh)"),
    ("fish, in ~/.config/fish/config.fish", "landlord completions fish | source"),
    ("PowerShell, in $PROFILE", "landlord completions powershell | Out-String | Invoke-Expression"),
];
const EXITS: [Exit; 2] = [(0, "printed"), (1, "an error")];
/// By which the printed code asks landlord for words.
const VARIABLE: &str = "COMPLETE";

/// Print completions for a shell
///
/// What is printed asks landlord itself while you type, so that the names of tenants, namespaces
/// and contexts are completed as well: from the cluster of the kubeconfig, if it answers within a
/// second. Source it at the start of a shell rather than keeping it in a file: it fits the version
/// that printed it.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Completions {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let shells = Shells::builtins();
        let name = self
            .shell
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default();
        let completer: &dyn EnvCompleter =
            shells.completer(&name).with_context(|| format!("no completions for {name}"))?;
        let mut script = Vec::new();
        completer.write_registration(VARIABLE, "landlord", "landlord", "landlord", &mut script)?;
        output::print(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}
