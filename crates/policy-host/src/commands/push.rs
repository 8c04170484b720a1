//! `push`: publishes a policy, as `kwctl push` does.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use policy_host::annotation;
use policy_host::metadata::Metadata;
use policy_host::registry::annotations;
use serde_json::json;

use super::input;
use super::registry::{RegistryFlags, runtime};

/// Push an annotated policy to an OCI registry and print its immutable name
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  policy-host push annotated-policy.wasm registry://ghcr.io/landlord-dev/landlord-policy:v0.1.0"
)]
pub(crate) struct Push {
    /// File of the annotated policy
    policy: String,
    /// Where to: registry://HOST[:PORT]/NAME:TAG; the scheme may be left out
    uri: String,
    /// Push a policy without metadata too
    #[arg(short, long, env = "POLICY_HOST_FORCE")]
    force: bool,
    /// What to print: a line, or kwctl's JSON
    #[arg(short, long, env = "POLICY_HOST_OUTPUT", value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    registry: RegistryFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Push {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let wasm = input::policy(&self.policy)?;
        let annotations = self.annotations(&wasm)?;
        let registry = self.registry.registry()?;
        let immutable = runtime()?.block_on(registry.push(&wasm, &self.uri, annotations))?;
        match self.output {
            Output::Text => println!("Policy successfully pushed: {immutable}"),
            Output::Json => println!("{}", json!({"immutable_ref": immutable})),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn annotations(&self, wasm: &[u8]) -> Result<BTreeMap<String, String>> {
        match annotation::read(wasm).with_context(|| format!("{} cannot be pushed", self.policy))? {
            Some(section) => {
                let metadata: Metadata = serde_json::from_slice(section)
                    .context("the policy's metadata cannot be read")?;
                Ok(annotations(&metadata))
            }
            None if self.force => Ok(BTreeMap::new()),
            None => bail!(
                "{} carries no metadata: annotate it first (`make annotated-policy.wasm`), or push it as it is with --force",
                self.policy
            ),
        }
    }
}
