//! `render`: YAML for GitOps.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{crd, output};

/// Print manifests as YAML
#[derive(Args, Debug)]
pub(crate) struct Render {
    /// What to print
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The CustomResourceDefinition of landlord's Tenant
    Crds,
}

impl Render {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.what {
            What::Crds => output::print(&serde_saphyr::to_string(&crd::definition()?)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
