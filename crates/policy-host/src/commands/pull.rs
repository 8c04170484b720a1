//! `pull`: downloads a policy, as `kwctl pull --output-path` does.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::registry::RegistryFlags;

/// Pull a policy from an OCI registry into a file and print its immutable name
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  policy-host pull registry://ghcr.io/landlord-dev/landlord-policy:v0.1.0 -o policy.wasm"
)]
pub(crate) struct Pull {
    /// Where from: registry://HOST[:PORT]/NAME, then :TAG or @DIGEST; the scheme may be left out
    uri: String,
    /// Where to write the policy (kwctl has a store for policies, this host does not)
    #[arg(short, long, env = "POLICY_HOST_OUTPUT_PATH", value_name = "FILE")]
    output_path: PathBuf,
    #[command(flatten)]
    registry: RegistryFlags,
}

impl Pull {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let pulled = self.registry.pull(&self.uri)?;
        fs::write(&self.output_path, &pulled.wasm)
            .with_context(|| format!("{} cannot be written", self.output_path.display()))?;
        println!("{}", pulled.immutable);
        Ok(ExitCode::SUCCESS)
    }
}
