//! Form: how a report is printed, the same words for every command.

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::print;

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

/// The flag of reports that have no other forms.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct FormFlags {
    /// How to print
    #[arg(short, long = "output", env = "LANDLORD_OUTPUT", value_name = "FORM", value_enum, default_value = "table")]
    pub(crate) output: Form,
}

impl FormFlags {
    /// Prints the one that is asked for.
    pub(crate) fn print(self, text: impl FnOnce() -> String, document: impl FnOnce() -> Value) -> Result<()> {
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
