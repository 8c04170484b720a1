//! `audit`: Pods outside their tenant's pool, since when, and why; and with `--evict` on their way.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use terminal::Screen;

use super::consent::Question;
use super::dry_run::DryRunFlags;
use super::selection::Selection;
use super::sources::Sources;
use super::watching::WatchFlags;
use crate::help::{self, Example, Exit};
use crate::inventory;
use crate::output;
use crate::output::audit::namespaces::{Namespace, remaining};
use crate::output::audit::{junit, openreports, sarif};
use crate::output::form::{Choice, ChoiceFlags, Form, print_parts, wide_screen};
use assessment::inventory::Inventory;
use assessment::{Assessment, assess};
use cluster::writer::ApplyMode;
use diagnostics::audit::eviction::Orders;
use diagnostics::audit::evidence::Evidence;
use diagnostics::audit::{Report, Stray, judge, template};

/// Pods are outside.
const OUTSIDE: u8 = 2;

const EXAMPLES: [Example; 5] = [
    ("The whole cluster", "landlord audit"),
    ("One tenant, for a browser", "landlord audit --tenant solar -o html > audit.html"),
    ("From files: tenants, namespaces, Pods and Nodes", "landlord audit -f dump/"),
    (
        "Where auditors look, on a cluster with OpenReports",
        "landlord audit -o openreports | kubectl apply -f -",
    ),
    (
        "Who would be moved inside, as the API server judges it",
        "landlord audit --evict --dry-run=server",
    ),
];
const EXITS: [Exit; 3] = [
    (0, "no Pod is outside, or all that were are on their way"),
    (1, "an error, no namespace found by -l or --tenant, or not everything could be judged"),
    (2, "some are outside"),
];

/// Show Pods outside their tenant's pool: where, since when, and why
///
/// Outside is a Pod that has a node and is not finished, in a namespace whose tenant has a node
/// selector, on a node whose labels do not match it. Pods that have no node yet are listed as well if
/// their own selector, which they keep however long they wait, would let them run outside. Reads the cluster, or with -f files (tenants,
/// namespaces, Pods and Nodes among them), and then needs no cluster.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Audit {
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    form: ChoiceFlags<Output>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    evictions: Evictions,
    #[command(flatten)]
    watching: WatchFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// For readers, as wide as the terminal
    Table,
    /// The same with all its columns, wider than the terminal
    Wide,
    /// For programs; versioned and stable
    Json,
    /// The same as JSON, as YAML
    Yaml,
    /// For a wiki or a pull request
    Markdown,
    /// For a browser; a page that needs nothing but itself
    Html,
    /// For code scanning (GitHub, Jenkins): SARIF 2.1.0, a result for each Pod outside
    Sarif,
    /// For pipelines that show test results (GitLab, Jenkins): JUnit XML, a test suite for each
    /// tenant, a test case for each namespace
    #[value(name = "junit")]
    JUnit,
    /// For `kubectl apply`: a Report of openreports.io/v1alpha1 for each namespace
    #[value(name = "openreports")]
    OpenReports,
}

impl Output {
    fn separator(self) -> &'static str {
        match self {
            Self::Table => Form::Table.separator(),
            Self::Wide => Form::Wide.separator(),
            Self::Json => Form::Json.separator(),
            Self::Yaml | Self::OpenReports => Form::Yaml.separator(),
            Self::Markdown | Self::Html | Self::Sarif | Self::JUnit => "\n",
        }
    }
}

/// Whether and how Pods are moved.
#[derive(Args, Debug)]
#[command(next_help_heading = "Eviction")]
struct Evictions {
    /// Evict them, so that their controllers create them again inside; PodDisruptionBudgets are
    /// respected
    #[arg(long, env = "LANDLORD_EVICT", conflicts_with_all = ["files", "watch"])]
    evict: bool,
    /// Do not ask
    #[arg(short, long, env = "LANDLORD_YES")]
    yes: bool,
    #[command(flatten)]
    dry_run: DryRunFlags,
    /// Also evict bare Pods (without a controller) and those of DaemonSets
    #[arg(long, env = "LANDLORD_BARE_PODS")]
    bare_pods: bool,
    /// Evictions in a second
    #[arg(long, env = "LANDLORD_EVICTIONS_PER_SECOND", value_name = "NUMBER", default_value_t = 5.0, value_parser = rate)]
    evictions_per_second: f64,
    /// Retry evictions that a PodDisruptionBudget blocks for this many seconds
    #[arg(long, env = "LANDLORD_PATIENCE", value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.01..=1000.0).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is no rate: write 0.01 to 1000"))
}

impl Audit {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if !self.sources.files().is_empty() {
            let (settings, documents) =
                inventory::documents(self.sources.files(), self.sources.settings_file())?;
            let (evidence, others) = Evidence::among(documents)?;
            let inventory = Inventory::from_documents(settings, others)?;
            inventory::tell_notes(&inventory);
            let assessments = self.selection.select(&inventory, assess(&inventory))?;
            return self.end(&Audited::judge(&inventory, &assessments, evidence));
        }
        self.watching.run(self.run_once())
    }

    async fn run_once(&self) -> Result<ExitCode> {
        let client = self.sources.client().await?;
        let mut audited = self.audit(&client).await?;
        if self.evictions.evict {
            self.evictions.carry_out(&client, &mut audited.report).await?;
        }
        let mut code = self.end(&audited)?;
        while self.watching.again(self.separator()).await? {
            code = self.end(&self.audit(&client).await?)?;
        }
        Ok(if self.watching.watch { ExitCode::SUCCESS } else { code })
    }

    async fn audit(&self, client: &Client) -> Result<Audited> {
        let settings = self.sources.settings(client).await?;
        let inventory = cluster::lists::inventory_with_managers(client, settings).await?;
        inventory::tell_notes(&inventory);
        let assessments = self.selection.select(&inventory, assess(&inventory))?;
        let claimed: Vec<&str> = assessments
            .iter()
            .filter(|one| one.tenant.is_some())
            .map(|one| one.name.as_str())
            .collect();
        let evidence = Evidence::read(client, &claimed).await?;
        Ok(Audited::judge(&inventory, &assessments, evidence))
    }

    fn separator(&self) -> &'static str {
        match &self.form.output {
            Choice::Form(output) => output.separator(),
            Choice::Parts(_) => "\n",
        }
    }

    fn end(&self, audited: &Audited) -> Result<ExitCode> {
        if matches!(self.form.output, Choice::Form(Output::Table | Output::Wide)) {
            self.watching.print_time()?;
        }
        let Audited { report, .. } = audited;
        match &self.form.output {
            Choice::Form(form) => form.print(audited)?,
            Choice::Parts(template) => print_parts(template, &output::audit::document(report))?,
        }
        let left = remaining(report).count();
        Ok(match (left, report.unjudged.is_empty()) {
            (0, true) => ExitCode::SUCCESS,
            (0, false) => ExitCode::FAILURE,
            _ => ExitCode::from(OUTSIDE),
        })
    }
}

/// What an audit found, and the namespaces that it looked at.
struct Audited {
    report: Report,
    namespaces: Vec<Namespace>,
}

impl Audited {
    fn judge(inventory: &Inventory, assessments: &[Assessment], evidence: Evidence) -> Self {
        Self {
            namespaces: Namespace::all(inventory, assessments),
            report: judge(inventory, assessments, evidence),
        }
    }
}

impl Output {
    fn print(self, Audited { report, namespaces }: &Audited) -> Result<()> {
        let text = match self {
            Self::Table => output::audit::render_report(report, Screen::current()),
            Self::Wide => output::audit::render_report(report, wide_screen()),
            Self::Markdown => output::audit::markdown(report),
            Self::Html => output::audit::html(report),
            Self::JUnit => junit::xml(report, namespaces),
            Self::Json => return output::print_json(&output::audit::document(report)),
            Self::Yaml => return output::print_yaml(&output::audit::document(report)),
            Self::Sarif => return output::print_json(&sarif::log(report)),
            Self::OpenReports => {
                let list = openreports::list(report, namespaces, Timestamp::now());
                return output::print_yaml(&list);
            }
        };
        Ok(output::print(&text)?)
    }
}

impl Evictions {
    fn orders(&self) -> Orders {
        let patience = Duration::from_secs(self.patience);
        Orders {
            bare_pods: self.bare_pods,
            per_second: self.evictions_per_second,
            patience,
            mode: self.dry_run.mode(),
        }
    }

    async fn carry_out(&self, client: &Client, report: &mut Report) -> Result<()> {
        let orders = self.orders();
        template::read(client, &mut report.strays).await;
        let chosen = orders.sort(&mut report.strays);
        if chosen.is_empty() {
            return Ok(());
        }
        if orders.mode == ApplyMode::Apply && !self.yes {
            confirm(report, chosen.len())?;
        }
        let tell = |stray: &Stray| {
            let fate = stray.fate.as_ref().map(ToString::to_string).unwrap_or_default();
            eprintln!("{}/{}: {fate}", stray.pod.namespace, stray.pod.name);
        };
        orders.carry_out(client, &mut report.strays, chosen, tell).await;
        Ok(())
    }
}

/// Shows what there is, and asks.
fn confirm(report: &Report, count: usize) -> Result<()> {
    let question = Question {
        shown: &output::audit::render_report(report, Screen::current()),
        question: &format!("Evict {count} Pods?"),
        unasked: &format!("{count} Pods are to be evicted"),
        refused: "nobody was evicted",
    };
    question.ask()
}
