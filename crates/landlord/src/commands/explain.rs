//! `explain`: whose a namespace is, and where each of its keys comes from.

use std::process::ExitCode;

use anyhow::{Error, Result, anyhow};
use clap::Args;

use super::sources::Sources;
use crate::completion;
use crate::help::{self, Example, Exit};
use crate::output;
use crate::output::form::FormFlags;
use crate::suggest::suggestion;
use assessment::assess_with_origins;
use assessment::inventory::Inventory;

const EXAMPLES: [Example; 3] = [
    ("A namespace of the cluster", "landlord explain solar-web"),
    ("One that is not there yet", "landlord explain solar-web -f tenants.yaml -f namespaces/"),
    (
        "What it will carry, for a program",
        "landlord explain solar-web -o json | jq '.namespaces[0].result'",
    ),
];
const EXITS: [Exit; 2] =
    [(0, "explained"), (1, "an error, or there is no plan for it: the reason is shown")];

/// Show whose a namespace is, and where each of its keys comes from
///
/// `+` is a key that landlord will set, `-` one that it will remove; each comes with its reason:
/// the tenant's spec, an override, the release of what is no longer wanted. The form for programs
/// is that of `landlord plan`. In a cluster, the namespace and the tenants that its claim names are
/// read by name: no right to list is needed.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Explain {
    /// The namespace
    #[arg(value_name = "NAMESPACE", add = completion::namespaces())]
    namespace: String,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    form: FormFlags,
}

impl Explain {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let inventory = self.sources.read_one(&self.namespace)?;
        let named = inventory
            .namespaces
            .iter()
            .filter(|one| one.namespace.name_or_stem() == self.namespace);
        let owners = named.clone().flat_map(|one| one.namespace.owner_references.clone());
        let owners: Vec<_> = owners.collect();
        let assessments = assess_with_origins(&inventory, named);
        let assessment = assessments.first().ok_or_else(|| self.missing(&inventory))?;
        self.form.print(
            || output::explanation::render(assessment, &owners, self.form.screen()),
            || assessment::plan_json::document(&assessments),
        )?;
        Ok(if assessment.fault.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn missing(&self, inventory: &Inventory) -> Error {
        let names = inventory.namespaces.iter().filter_map(|one| one.namespace.name.as_deref());
        let suggestion = suggestion(&self.namespace, names);
        anyhow!(
            "there is no namespace {:?} here, or the settings exclude it{suggestion}",
            self.namespace
        )
    }
}
