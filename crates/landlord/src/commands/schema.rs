//! `schema`: the JSON Schema of the settings.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use tenancy::settings::Document;

use crate::help::{self, Example, Exit};
use crate::output;

const EXAMPLES: [Example; 2] = [
    (
        "For an editor: name the file in `# yaml-language-server: $schema=`",
        "landlord schema > landlord-settings.schema.json",
    ),
    ("Which fields there are", "landlord schema | jq '.properties | keys'"),
];
const EXITS: [Exit; 2] = [(0, "printed"), (1, "an error")];

/// Print the JSON Schema of the settings
///
/// For editors and checks: `spec.settings` of the ClusterAdmissionPolicy, and the file that
/// --settings names.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Schema {}

impl Schema {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut schema = schemars::schema_for!(Document);
        schema.insert("title".to_owned(), "Landlord's settings".into());
        output::print_json(&schema)?;
        Ok(ExitCode::SUCCESS)
    }
}
