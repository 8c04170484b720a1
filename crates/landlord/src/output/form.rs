//! Form: how a report is printed, the same words for every command.

use std::io::IsTerminal;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::print;

/// Home, and everything gone from there on, what was scrolled away included.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// For readers, or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For readers, as wide as the terminal
    #[value(alias = "text")]
    Table,
    /// For programs; versioned and stable
    Json,
    /// The same as JSON, as YAML
    Yaml,
}

impl Form {
    /// What stands between two reports that follow each other: on a terminal the next takes the
    /// place of the last; programs get a stream.
    pub(crate) fn separator(self) -> &'static str {
        match self {
            Self::Table if std::io::stdout().is_terminal() => CLEAR,
            Self::Table | Self::Json => "\n",
            Self::Yaml => "---\n",
        }
    }
}

/// The flag of reports that have no other forms.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct FormFlags {
    /// How to print
    #[arg(
        short,
        long = "output",
        env = "LANDLORD_OUTPUT",
        value_name = "FORM",
        value_enum,
        default_value = "table"
    )]
    pub(crate) output: Form,
}

impl FormFlags {
    /// Prints the one that is asked for.
    pub(crate) fn print(
        self,
        text: impl FnOnce() -> String,
        document: impl FnOnce() -> Value,
    ) -> Result<()> {
        match self.output {
            Form::Table => Ok(print(&text())?),
            Form::Json => print_json(&document()),
            Form::Yaml => print_yaml(&document()),
        }
    }
}

/// JSON for readers and machines, ended by a new line.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    Ok(print(&(serde_json::to_string_pretty(value)? + "\n"))?)
}

/// The same as YAML.
pub(crate) fn print_yaml(value: &Value) -> Result<()> {
    Ok(print(&serde_saphyr::to_string(value)?)?)
}
