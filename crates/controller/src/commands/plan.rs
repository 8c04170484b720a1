//! `plan`: what would change, for which namespaces, and why.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tenancy::label_selector::LabelSelector;

use super::sources::Sources;
use crate::assessment::{Assessment, State, assess};
use crate::output::{self, Color};

/// Changes are planned, and `--detailed-exitcode` asked to say so.
const CHANGES: u8 = 2;

/// Show what would change, for which namespaces, and why
///
/// Reads tenants and namespaces from files and needs no cluster. Nothing is written. Who may claim a tenant is not judged: files do not say who sent them.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes:\n  0  planned (with --detailed-exitcode: and nothing is to be done)\n  1  an error, or a namespace that cannot be \
    planned\n  2  with --detailed-exitcode: changes\n\nExamples:\n  landlord plan -f tenants.yaml -f namespaces/\n  kubectl get ns,tenants.landlord.dev \
    -o yaml | landlord plan -f - -o diff"
)]
pub(crate) struct Plan {
    #[command(flatten)]
    sources: Sources,
    /// How to print; the JSON form is versioned and stable
    #[arg(short, long, env = "LANDLORD_OUTPUT", value_enum, default_value = "table")]
    output: Output,
    /// Only namespaces with these labels, as key=value,key=value
    #[arg(short = 'l', long, env = "LANDLORD_SELECTOR", value_name = "LABELS")]
    selector: Option<String>,
    /// Only namespaces of this tenant
    #[arg(long, env = "LANDLORD_TENANT", value_name = "NAME")]
    tenant: Option<String>,
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
        let selector = self.selector.as_deref().map(parse_selector).transpose()?;
        let inventory = self.sources.read()?;
        let tenant = self.tenant.clone().map(|name| inventory.settings.source.canonical(name));
        let mut assessments = assess(&inventory);
        assessments.retain(|assessment| {
            let selected = selector.as_ref().is_none_or(|selector| selector.matches(&assessment.before.labels));
            selected && (tenant.is_none() || assessment.tenant == tenant)
        });
        match self.output {
            Output::Table => output::print(&output::table::render(&assessments))?,
            Output::Diff => output::print(&output::diff::render(&assessments, self.color))?,
            Output::Json => output::print_json(&output::json::document(&assessments))?,
        }
        Ok(self.exit_code(&assessments))
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

/// kubectl's equality selectors: `k=v`, `k==v`, `k!=v`, `k`, `!k`.
fn parse_selector(text: &str) -> Result<LabelSelector> {
    let expression = |part: &str| {
        let (key, operator, values) = match (part.split_once("!="), part.split_once('='), part.strip_prefix('!')) {
            (Some((key, value)), ..) => (key, "NotIn", vec![value.trim()]),
            (None, Some((key, value)), _) => (key, "In", vec![value.trim_start_matches('=').trim()]),
            (None, None, Some(key)) => (key, "DoesNotExist", Vec::new()),
            (None, None, None) => (part, "Exists", Vec::new()),
        };
        serde_json::json!({"key": key.trim(), "operator": operator, "values": values})
    };
    let expressions: Vec<_> = text.split(',').map(expression).collect();
    LabelSelector::from_value(&serde_json::json!({"matchExpressions": expressions})).with_context(|| format!("selector {text:?}"))
}
