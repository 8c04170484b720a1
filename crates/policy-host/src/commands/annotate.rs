//! `annotate`: adds the metadata section, as `kwctl annotate` does.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use policy_host::metadata::Metadata;
use policy_host::{PolicyModule, annotation};

use super::input;

/// Add the metadata that Kubewarden reads to a policy
#[derive(Args, Debug)]
pub(crate) struct Annotate {
    /// File of the policy
    policy: String,
    /// File of the metadata (YAML)
    #[arg(short, long, env = "POLICY_HOST_METADATA_PATH", value_name = "FILE")]
    metadata_path: PathBuf,
    /// File that explains the policy to its users, for example its README
    #[arg(short, long, env = "POLICY_HOST_USAGE_PATH", value_name = "FILE")]
    usage_path: Option<PathBuf>,
    /// Where to write the annotated policy
    #[arg(short, long, env = "POLICY_HOST_OUTPUT_PATH", value_name = "FILE")]
    output_path: PathBuf,
}

impl Annotate {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let wasm = input::policy(&self.policy)?;
        let metadata = Metadata::parse(&input::read_file(&self.metadata_path)?)
            .with_context(|| self.metadata_path.display().to_string())?;
        let usage = self.usage_path.as_deref().map(input::read_file).transpose()?;
        let module = PolicyModule::compile(&wasm)
            .with_context(|| format!("{} cannot be used", self.policy))?;
        let protocol =
            module.protocol_version().context("the policy could not be asked for its protocol")?;
        let content = serde_json::to_vec(&metadata.completed(&protocol, usage.as_deref())?)?;
        let annotated = annotation::write(&wasm, &content)?;
        fs::write(&self.output_path, annotated)
            .with_context(|| format!("{} cannot be written", self.output_path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
