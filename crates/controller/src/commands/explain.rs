//! `explain`: whose a namespace is, and where each of its keys comes from.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};

use super::sources::Sources;
use crate::output;
use assessment::{assess, plan_json};

/// Show whose a namespace is, which rule said so, and where each key comes from
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The namespace
    namespace: String,
    #[command(flatten)]
    sources: Sources,
    /// How to print; the JSON form is that of `plan`
    #[arg(short, long, env = "LANDLORD_OUTPUT", value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Explain {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let inventory = self.sources.read()?;
        let assessments: Vec<_> = assess(&inventory).into_iter().filter(|assessment| assessment.name == self.namespace).collect();
        let assessment = assessments
            .first()
            .ok_or_else(|| anyhow!("there is no namespace {:?} in the files, or landlord leaves it alone", self.namespace))?;
        match self.output {
            Output::Text => output::print(&output::explanation::render(assessment))?,
            Output::Json => output::print_json(&plan_json::document(&assessments))?,
        }
        Ok(if assessment.error.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
