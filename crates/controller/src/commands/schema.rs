//! `schema`: the JSON Schema of the settings.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use tenancy::settings::Document;

use crate::{output, strategy};

/// Print the JSON Schema of the settings
///
/// For editors and checks: `spec.settings` of the ClusterAdmissionPolicy, and the file that --settings names.
#[derive(Args, Debug)]
pub(crate) struct Schema {}

impl Schema {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut schema = schemars::schema_for!(Document);
        strategy::describe(&mut schema);
        schema.insert("title".to_owned(), "Landlord's settings".into());
        output::print_json(&schema)?;
        Ok(ExitCode::SUCCESS)
    }
}
