//! `strategy`: who decides on namespaces as they are created, why, and what would change it.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use tenancy::settings::Settings;

use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};
use crate::inventory::settings_file;
use crate::output::form::FormFlags;
use crate::output::strategy::{self as output, Printed};
use cluster::policy::{Pin, Policy};
use controller::strategy::record::Record;
use controller::strategy::report::Report;
use controller::strategy::{Mode, Strategy};

const EXAMPLES: [Example; 3] = [
    ("Who decides now, and why", "landlord strategy"),
    ("Before the webhook is taken down for maintenance", "landlord strategy --pin controller"),
    ("Back to what the settings say", "landlord strategy --unpin"),
];
const EXITS: [Exit; 3] = [
    (0, "the mode that is called for is in force"),
    (1, "an error"),
    (2, "it is refused, because the guard is not enforced"),
];

/// Show who decides as namespaces are created, and what changes it
///
/// Either the webhook or the controller decides. Shows what the controller that leads has measured
/// and decided last. Nothing is measured and, without --pin and --unpin, nothing is written.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct StrategyCommand {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Keep this mode, whatever the settings say and the measurements call for
    #[arg(long, value_name = "MODE", value_parser = modes(), conflicts_with = "unpin")]
    pin: Option<Mode>,
    /// With --pin: also where the guard is not enforced. Pods may run on foreign nodes then
    #[arg(long, requires = "pin")]
    without_guard: bool,
    /// Unpin the mode that --pin has pinned
    #[arg(long)]
    unpin: bool,
    #[command(flatten)]
    form: FormFlags,
}

/// Another mode is called for, and there is no guard for it.
const REFUSED: u8 = 2;

impl StrategyCommand {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.run_once())
    }

    async fn run_once(&self) -> Result<ExitCode> {
        let client = self.connection.client().await?;
        let given = self.settings.file().map(settings_file).transpose()?;
        let mut policy = self.policy(&client).await?;
        let strategy = given.map_or_else(|| in_force(&policy), Ok)?.strategy;
        let record = self.record(&client, strategy.is_some()).await?;
        let changed = if self.changes_pin() {
            Some(self.change_pin(&client, &mut policy, strategy.as_ref()).await?)
        } else {
            None
        };
        let report = strategy.as_ref().map(|strategy| Report {
            strategy,
            policy: &policy,
            record: &record,
            now: Timestamp::now(),
        });
        let text = || {
            report.as_ref().map_or_else(
                || output::unset_text(self.form.screen()),
                |report| Printed(report).render(self.form.screen()),
            )
        };
        let document = || {
            report.as_ref().map_or_else(
                || output::unset_document(&policy),
                |report| Printed(report).document(),
            )
        };
        self.form.print(|| changed.clone().unwrap_or_else(text), document)?;
        Ok(if record.refused && changed.is_none() {
            ExitCode::from(REFUSED)
        } else {
            ExitCode::SUCCESS
        })
    }

    fn changes_pin(&self) -> bool {
        self.pin.is_some() || self.unpin
    }

    /// Read before anything is changed. A user who only reads that a mode is pinned needs no right
    /// to read it.
    async fn record(&self, client: &Client, is_set: bool) -> Result<Record> {
        if !is_set || (self.changes_pin() && self.form.is_table()) {
            return Ok(Record::default());
        }
        let record = Record::read(client, self.settings.namespace()).await;
        record.with_context(|| {
            format!("the record in namespace {} cannot be read", self.settings.namespace())
        })
    }

    async fn policy(&self, client: &Client) -> Result<Policy> {
        let name = self.settings.policy();
        let found = Policy::read(client, name)
            .await
            .with_context(|| format!("ClusterAdmissionPolicy {name:?} cannot be read"))?;
        found.with_context(|| {
            format!("there is no ClusterAdmissionPolicy {name:?}: name yours with --policy")
        })
    }

    /// What was done, in words.
    async fn change_pin(
        &self,
        client: &Client,
        policy: &mut Policy,
        strategy: Option<&Strategy>,
    ) -> Result<String> {
        let pin = self.pin.map(|mode| Pin { mode, without_guard: self.without_guard });
        if let Some(Pin { mode, .. }) = pin {
            let Some(strategy) = strategy else {
                bail!(
                    "no strategy is set, so nobody would obey: set `strategy` in the settings first"
                )
            };
            ensure!(
                mode != Mode::Hybrid || !strategy.critical.is_empty(),
                "strategy.critical of the settings names no namespace: `hybrid` needs it"
            );
        }
        policy.pin(client, pin).await.with_context(|| {
            format!("ClusterAdmissionPolicy {:?} cannot be patched", policy.name)
        })?;
        Ok(match pin {
            Some(Pin { mode, .. }) => {
                format!("pinned to {mode}: the controller follows at its next measurement\n")
            }
            None => {
                "not pinned any more: the controller goes by the settings at its next measurement\n"
                    .to_owned()
            }
        })
    }
}

/// The policy's settings, which are the controller's where no file is given.
fn in_force(policy: &Policy) -> Result<Settings> {
    Settings::from_value(&policy.settings)
        .with_context(|| format!("settings of ClusterAdmissionPolicy {:?}", policy.name))
}

/// The words of the modes, as the settings have them.
fn modes() -> impl TypedValueParser<Value = Mode> {
    let value = |mode: Mode| PossibleValue::new(mode.word()).help(mode.meaning());
    let words = PossibleValuesParser::new(Mode::ALL.map(value));
    words.try_map(|word| {
        Mode::ALL.into_iter().find(|mode| mode.word() == word).ok_or("no such mode")
    })
}
