//! `plan`: what would change, for which namespaces, and why.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::selection::Selection;
use super::sources::Sources;
use crate::output::{self, Color};
use assessment::{Assessment, State, assess, plan_json};

/// Changes are planned, and `--detailed-exitcode` asked to say so.
const CHANGES: u8 = 2;

/// Show what would change, for which namespaces, and why
///
/// Reads the cluster, or with -f files, and then needs no cluster. Nothing is written; how long it would take is told on standard error, after a few
/// of the patches were sent as dry runs. Who may claim a tenant is not judged: objects do not say who sent them.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes:\n  0  planned (with --detailed-exitcode: and nothing is to be done)\n  1  an error, or a namespace that cannot be \
    planned\n  2  with --detailed-exitcode: changes\n\nExamples:\n  landlord plan -o diff\n  landlord plan -f tenants.yaml -f namespaces/\n  kubectl get ns,tenants.landlord.dev \
    -o yaml | landlord plan -f - -o diff"
)]
pub(crate) struct Plan {
    #[command(flatten)]
    sources: Sources,
    /// How to print; the JSON form is versioned and stable
    #[arg(short, long, env = "LANDLORD_OUTPUT", value_enum, default_value = "table")]
    output: Output,
    #[command(flatten)]
    selection: Selection,
    /// Exit with 2 when there are changes
    #[arg(long, env = "LANDLORD_DETAILED_EXITCODE")]
    detailed_exitcode: bool,
    /// Colours in diffs
    #[arg(long, env = "LANDLORD_COLOR", value_enum, default_value = "auto")]
    color: Color,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Diff,
    Json,
}

impl Plan {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let inventory = self.sources.read()?;
        let assessments = self.selection.of(&inventory, assess(&inventory))?;
        match self.output {
            Output::Table => output::print(&output::table::render(&assessments))?,
            Output::Diff => output::print(&output::diff::render(&assessments, self.color))?,
            Output::Json => output::print_json(&plan_json::document(&assessments))?,
        }
        let exit_code = self.exit_code(&assessments);
        if let Some(estimate) = self.sources.estimate(inventory, &assessments)? {
            eprintln!("{estimate}");
        }
        Ok(exit_code)
    }

    fn exit_code(&self, assessments: &[Assessment]) -> ExitCode {
        let any = |state: State| assessments.iter().any(|assessment| assessment.state() == state);
        match (any(State::Error), any(State::Drift) && self.detailed_exitcode) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(CHANGES),
            (false, false) => ExitCode::SUCCESS,
        }
    }
}
