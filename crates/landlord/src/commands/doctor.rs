//! `doctor`: everything that must be true for the promise to hold, each with a fix.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tenancy::settings::Settings;

use crate::flags::{Connection, LeaseFlags, SettingsFlags};
use crate::help::{self, Example, Exit};
use crate::inventory::settings_file;
use crate::output::doctor;
use crate::output::form::FormFlags;
use diagnostics::doctor::{Check, CheckContext, LeaseName, State};

/// Something is wrong, or could not be found out.
const NOT_GOOD: u8 = 2;

const EXAMPLES: [Example; 4] = [
    (
        "Whether a cluster is fit for landlord, before it is installed",
        "landlord doctor --preflight",
    ),
    ("All checks", "landlord doctor"),
    (
        "Without two of them, for a program",
        "landlord doctor --skip node-labels,daemon-sets -o json",
    ),
    ("In CI: fail where something is not good", "landlord doctor --context staging || exit 1"),
];
const EXITS: [Exit; 3] = [
    (0, "all is good"),
    (1, "an error: no cluster, no settings"),
    (2, "something is wrong, or could not be found out"),
];

/// Check everything that must be true for Pods to stay in their pool
///
/// Nothing is written: what is tried is a dry run. Each check that fails says why it matters
/// and how to fix it. A check that cannot run counts as failed.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Doctor {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Only what can be checked before landlord is installed; needs no settings in the cluster
    #[arg(long, env = "LANDLORD_PREFLIGHT")]
    preflight: bool,
    /// Checks that are not made, because you know better
    #[arg(long, env = "LANDLORD_SKIP", value_name = "CHECK", value_parser = checks(), value_delimiter = ',')]
    skip: Vec<Check>,
    #[command(flatten)]
    form: FormFlags,
    #[command(flatten)]
    lease: LeaseFlags,
}

impl Doctor {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.check())
    }

    async fn check(self) -> Result<ExitCode> {
        let (context, checks) = self.prepare().await?;
        let findings = context.check(checks, &self.skip.iter().copied().collect()).await;
        self.form.print(
            || doctor::render_findings(&findings, self.form.screen()),
            || doctor::document(&findings),
        )?;
        let good =
            findings.iter().all(|finding| matches!(finding.state, State::Good | State::Skipped));
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(NOT_GOOD) })
    }

    /// What is read of the cluster, and the checks to make.
    async fn prepare(&self) -> Result<(CheckContext, &'static [Check])> {
        let client = self.connection.client().await?;
        if self.preflight {
            let settings = match self.settings.file() {
                Some(path) => settings_file(path)?,
                None => Settings::from_value(&serde_json::Value::Null)?,
            };
            let context = CheckContext::read_before_install(client, settings).await?;
            return Ok((context, &Check::PREFLIGHT));
        }
        let (settings, origin) = self.settings.find(&client).await?;
        let inventory = cluster::lists::inventory_with_managers(&client, settings).await?;
        let namespace = self.settings.namespace().to_owned();
        let lease = LeaseName { namespace, name: self.lease.name.clone() };
        let policy = self.settings.policy().to_owned();
        Ok((CheckContext::read(client, policy, lease, origin, inventory).await, &Check::ALL))
    }
}

/// The words of the checks, as the report has them.
fn checks() -> impl TypedValueParser<Value = Check> {
    let words = PossibleValuesParser::new(Check::ALL.map(Check::word));
    words.try_map(|word| {
        Check::ALL.into_iter().find(|check| check.word() == word).ok_or("no such check")
    })
}
