//! `plan`: what would change, for which namespaces, and why.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tenancy::settings::Settings;
use terminal::Screen;

use super::selection::Selection;
use super::sources::Sources;
use crate::help::{self, Example, Exit};
use crate::output;
use crate::output::form::{Choice, ChoiceFlags, print_parts, wide_screen};
use assessment::inventory::Inventory;
use assessment::{Assessment, Reason, State, assess, assess_with_origins};

/// Changes are planned, and `--detailed-exitcode` asked to say so.
const CHANGES: u8 = 2;

const EXAMPLES: [Example; 5] = [
    ("The cluster, key by key", "landlord plan -o diff"),
    ("Files, without a cluster", "landlord plan -f tenants.yaml -f namespaces/"),
    (
        "Tenants from files on what is in the cluster",
        "kubectl get ns -o yaml | landlord plan -f - -f tenants/ -o diff",
    ),
    ("A comment for a pull request", "landlord plan -f config/ -o markdown > plan.md"),
    (
        "Names of the namespaces of two stages, for a script",
        "landlord plan -l 'env in (test, prod)' -o jsonpath='{.namespaces[*].name}'",
    ),
];
const EXITS: [Exit; 3] = [
    (0, "planned (with --detailed-exitcode: and nothing is to be done)"),
    (1, "an error, a namespace that cannot be planned, or no namespace at all in files or by -l"),
    (2, "with --detailed-exitcode: changes"),
];

/// Show what would change, for which namespaces, and why
///
/// Reads the cluster, or with -f files, and then needs no cluster. Nothing is written; how long it
/// would take is shown on standard error, after a few of the patches were sent as dry runs. Who may
/// claim a tenant is not judged: objects do not say who sent them.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Plan {
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    form: ChoiceFlags<Output>,
    #[command(flatten)]
    selection: Selection,
    /// Exit with 2 when there are changes
    #[arg(long, env = "LANDLORD_DETAILED_EXITCODE", help_heading = "Output")]
    detailed_exitcode: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// A namespace a line, as wide as the terminal
    Table,
    /// The same with all its columns, wider than the terminal
    Wide,
    /// Labels and annotations before and after
    Diff,
    /// For programs; versioned and stable
    Json,
    /// The same as JSON, as YAML
    Yaml,
    /// For a comment on a pull request
    Markdown,
    /// For a browser; a page that needs nothing but itself
    Html,
    /// The names of namespaces that would change, as kubectl takes them
    Name,
}

impl Plan {
    /// With the origins of keys where they are printed.
    fn assess(&self, inventory: &Inventory) -> Vec<Assessment> {
        match self.form.output {
            Choice::Form(Output::Json | Output::Yaml) | Choice::Parts(_) => {
                assess_with_origins(inventory, &inventory.namespaces)
            }
            Choice::Form(_) => assess(inventory),
        }
    }

    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let inventory = self.sources.read()?;
        self.sources.expect_namespaces(&inventory)?;
        let assessments = self.selection.select(&inventory, self.assess(&inventory))?;
        self.print(&assessments)?;
        let faulty = faulty(&inventory, &assessments);
        faulty.iter().for_each(|fault| eprintln!("{fault}"));
        let exit_code = self.exit_code(&assessments, !faulty.is_empty());
        let notices = [moves(&assessments), withdrawals(&inventory.settings, &assessments)];
        notices.into_iter().flatten().for_each(|notice| eprintln!("{notice}"));
        if let Some(estimate) = self.sources.estimate(inventory, &assessments)? {
            eprintln!("{estimate}");
        }
        Ok(exit_code)
    }

    fn print(&self, assessments: &[Assessment]) -> Result<()> {
        let output = match &self.form.output {
            Choice::Form(output) => *output,
            Choice::Parts(template) => {
                return print_parts(template, &assessment::plan_json::document(assessments));
            }
        };
        let text = match output {
            Output::Table => output::table::render(assessments, Screen::current()),
            Output::Wide => output::table::render(assessments, wide_screen()),
            Output::Diff => output::diff::render(assessments, Screen::current()),
            Output::Json => {
                return output::print_json(&assessment::plan_json::document(assessments));
            }
            Output::Yaml => {
                return output::print_yaml(&assessment::plan_json::document(assessments));
            }
            Output::Markdown => output::plan_markdown::render(assessments),
            Output::Html => output::plan_html::render(assessments),
            Output::Name => {
                // Why it ends with 1 is not among names.
                eprint!("{}", output::table::remarks(assessments).trim_start());
                names(assessments)
            }
        };
        Ok(output::print(&text)?)
    }

    fn exit_code(&self, assessments: &[Assessment], faulty: bool) -> ExitCode {
        let any = |state: State| assessments.iter().any(|assessment| assessment.state() == state);
        let fails = any(State::Error) || faulty && self.selection.is_all();
        match (fails, any(State::Drift) && self.detailed_exitcode) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(CHANGES),
            (false, false) => ExitCode::SUCCESS,
        }
    }
}

/// Tenants that cannot be used and that no namespace at hand claims, so that nothing else says it.
fn faulty(inventory: &Inventory, assessments: &[Assessment]) -> Vec<String> {
    let is_told = |name: &str| assessments.iter().any(|one| one.tenant.as_deref() == Some(name));
    let faults = inventory.faults().filter(|(name, ..)| !is_told(name));
    faults
        .map(|(name, place, error)| {
            format!("error: tenant {name:?} cannot be used: {place}: {error}")
        })
        .collect()
}

/// Whom an edit of settings or tenants takes from the tenant that the ledger names, and which of them
/// are not followed.
fn moves(assessments: &[Assessment]) -> Option<String> {
    let is_moved = |one: &&Assessment| {
        let recorded = &one.record.ledger.tenant;
        !recorded.is_empty() && one.tenant.as_ref() != Some(recorded)
    };
    let moved: Vec<&Assessment> = assessments.iter().filter(is_moved).collect();
    if moved.is_empty() {
        return None;
    }
    let held = |one: &&&Assessment| one.reason() == Some(Reason::Unverified);
    let names: Vec<&str> = moved.iter().filter(held).map(|one| one.name.as_str()).collect();
    let mut notice = format!("{} would leave the tenant on record", namespaces(moved.len()));
    if !names.is_empty() {
        notice += &format!(
            "; {} of them would be Unverified and keep that tenant, for no admission request on record moved them: {}\nlet an admin run `landlord adopt` for those that are to move",
            names.len(),
            listed(&names)
        );
    }
    Some(notice)
}

/// Namespaces that are ready, and of which the controller would take that.
fn withdrawals(settings: &Settings, assessments: &[Assessment]) -> Option<String> {
    let withdrawn = assessments.iter().filter(|one| one.withdrawn(settings).is_some());
    let names: Vec<&str> = withdrawn.map(|one| one.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} would stop being ready because of errors, and with the guard no new Pod starts there: {}",
            namespaces(names.len()),
            listed(&names)
        )
    })
}

/// The first names, and how many more there are.
fn listed(names: &[&str]) -> String {
    const LISTED: usize = 20;
    let first = names.get(..LISTED).unwrap_or(names).join(" ");
    match names.len().saturating_sub(LISTED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn namespaces(count: usize) -> String {
    if count == 1 { "1 namespace".to_owned() } else { format!("{count} namespaces") }
}

/// `namespace/NAME`, a line each.
fn names(assessments: &[Assessment]) -> String {
    let drifted = assessments.iter().filter(|assessment| assessment.state() == State::Drift);
    drifted.map(|assessment| format!("namespace/{}\n", assessment.name)).collect()
}
