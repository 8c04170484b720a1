//! `doctor`: everything that must be true for the promise to hold, each with a fix.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::cluster::{self, Connection, SettingsFlags};
use crate::doctor::{Check, Patient, State};
use crate::output;

/// Something is wrong, or could not be found out.
const NOT_GOOD: u8 = 2;

/// Check everything that must be true for Pods to stay in their tenant's pool
///
/// Nothing is written: what is tried is a dry run. Each line says what is; what is not good comes with why it matters and how to mend it. A check that
/// cannot be made is not good.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes:\n  0  all is good\n  1  an error: no cluster, no settings\n  2  something is wrong, or could not be found \
    out\n\nExamples:\n  landlord doctor\n  landlord doctor --skip node-labels,daemon-sets -o json"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    /// How to print; the JSON form is versioned and stable
    #[arg(short, long, env = "LANDLORD_OUTPUT", value_enum, default_value = "table")]
    output: Output,
    /// Checks that are not made, because you know better
    #[arg(long, env = "LANDLORD_SKIP", value_name = "CHECK", value_enum, value_delimiter = ',')]
    skip: Vec<Check>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Json,
}

impl Doctor {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.examine())
    }

    async fn examine(self) -> Result<ExitCode> {
        let client = self.connection.client().await?;
        let settings = self.settings.read(&client).await?;
        let inventory = cluster::inventory_with_managers(&client, settings).await?;
        let patient = Patient::admit(client, self.settings.policy().to_owned(), inventory).await;
        let findings = patient.examine(&self.skip.iter().copied().collect()).await;
        match self.output {
            Output::Table => output::print(&output::doctor::text(&findings))?,
            Output::Json => output::print_json(&output::doctor::document(&findings))?,
        }
        let good = findings.iter().all(|finding| matches!(finding.state, State::Good | State::Skipped));
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(NOT_GOOD) })
    }
}
