//! `run`: evaluates one request, with kwctl's flags and kwctl's answer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use policy_host::metadata::Metadata;
use policy_host::{Denied, HostCalls, Objects, PolicyModule, Session, annotation};
use serde_json::{Value, json};

use super::limits::LimitFlags;
use super::registry::RegistryFlags;
use super::{changes, input};

/// Evaluate one request and print the AdmissionResponse as JSON
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 the policy answered, whether it accepted or denied; 1 it could not be asked."
)]
pub(crate) struct Run {
    /// The annotated policy: a file, or registry://HOST[:PORT]/NAME:TAG
    policy: String,
    /// File of the AdmissionRequest (JSON; `-` is standard input)
    #[arg(short, long, env = "POLICY_HOST_REQUEST_PATH", value_name = "FILE")]
    request_path: PathBuf,
    /// File of the settings (YAML or JSON)
    #[arg(
        short,
        long,
        env = "POLICY_HOST_SETTINGS_PATH",
        value_name = "FILE",
        conflicts_with = "settings_json"
    )]
    settings_path: Option<PathBuf>,
    /// The settings as JSON
    #[arg(long, env = "POLICY_HOST_SETTINGS_JSON", value_name = "JSON")]
    settings_json: Option<String>,
    /// Grant the policy the kinds that its metadata lists
    #[arg(long, env = "POLICY_HOST_ALLOW_CONTEXT_AWARE")]
    allow_context_aware: bool,
    /// Answer host calls from a session that kwctl recorded, in strict sequence
    #[arg(long, env = "POLICY_HOST_REPLAY", value_name = "FILE", conflicts_with = "objects")]
    replay_host_capabilities_interactions: Option<PathBuf>,
    /// Answer host calls from these objects (YAML or JSON)
    #[arg(long, env = "POLICY_HOST_OBJECTS", value_name = "FILE", value_delimiter = ',')]
    objects: Vec<PathBuf>,
    /// What to print: kwctl's JSON, or what changes for a reader
    #[arg(short, long, env = "POLICY_HOST_OUTPUT", value_enum, default_value = "json")]
    output: Output,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    registry: RegistryFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Json,
    Diff,
}

impl Run {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let wasm = self.registry.policy(&self.policy)?;
        let request = input::request(&self.request_path)?;
        let settings =
            input::settings(self.settings_path.as_deref(), self.settings_json.as_deref())?;
        let module = PolicyModule::compile_within(&wasm, self.limits.limits())
            .with_context(|| format!("{} cannot be used", self.policy))?;
        check_settings(&module, &settings)?;
        let session = self.session()?;
        let verdict = module.validate(&request, &settings, self.host(&wasm, session.clone())?);
        match self.output {
            Output::Json => println!("{}", serde_json::to_string(&verdict)?),
            Output::Diff => print!("{}", changes::describe(&request, &verdict)),
        }
        for request in session.iter().flat_map(|session| session.unused()) {
            eprintln!("warning: recorded, but not asked for: {request}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn session(&self) -> Result<Option<Arc<Session>>> {
        let Some(path) = &self.replay_host_capabilities_interactions else { return Ok(None) };
        let session = Session::parse(&input::read_file(path)?)
            .with_context(|| format!("{} cannot be replayed", path.display()))?;
        Ok(Some(Arc::new(session)))
    }

    fn host(&self, wasm: &[u8], session: Option<Arc<Session>>) -> Result<Arc<dyn HostCalls>> {
        if !self.allow_context_aware {
            return Ok(Arc::new(Denied));
        }
        if let Some(session) = session {
            return Ok(session);
        }
        let objects = Objects::from_values(input::objects(&self.objects)?)?;
        Ok(Arc::new(
            granted(wasm)?.into_iter().fold(objects, |objects, (api_version, kind)| {
                objects.granting(&api_version, &kind)
            }),
        ))
    }
}

/// As kwctl does it: the policy's answer on standard output, and an error.
fn check_settings(module: &PolicyModule, settings: &Value) -> Result<()> {
    let verdict = module
        .validate_settings(settings)
        .context("the policy could not be asked about its settings")?;
    if verdict.valid {
        return Ok(());
    }
    println!("{}", json!({"valid": false, "message": verdict.message}));
    bail!("the settings are not valid: {}", verdict.message.unwrap_or_default())
}

/// The kinds that the policy's metadata asks for.
fn granted(wasm: &[u8]) -> Result<Vec<(String, String)>> {
    let section = annotation::read(wasm)?.ok_or_else(|| {
        anyhow!("the policy carries no metadata: annotate it first (`policy-host annotate`)")
    })?;
    let metadata: Metadata =
        serde_json::from_slice(section).context("the policy's metadata cannot be read")?;
    Ok(metadata
        .context_aware_resources
        .into_iter()
        .map(|resource| (resource.api_version, resource.kind))
        .collect())
}
