//! Policies: the document `policies.yml` of Kubewarden's policy server, each entry compiled and its
//! settings judged.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::call_error::CallError;
use crate::host_calls::{ClusterAccess, ClusterObjects};
use crate::module::{Limits, ModuleError, PolicyModule};
use crate::registry::{Registry, RegistryError, SCHEME};
use crate::verdict::Verdict;

/// One entry of `policies.yml`, by the name that is the last part of its webhook's path.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyEntry {
    /// `file://…`, a path, or `registry://…`.
    pub module: String,
    /// Whether the policy's mutations are passed on; else they are a rejection, as in Kubewarden.
    #[serde(default)]
    pub allowed_to_mutate: bool,
    /// The kinds that the policy may read.
    #[serde(default)]
    pub context_aware_resources: Vec<Kind>,
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// A kind of object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kind {
    pub api_version: String,
    pub kind: String,
}

/// A policy that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    #[error("the policies are not YAML of the form `NAME: {{module, settings, …}}`: {0}")]
    Yaml(String),
    #[error("policy {name:?}: module {module:?} cannot be read: {source}")]
    Read { name: String, module: PathBuf, source: std::io::Error },
    #[error(
        "policy {name:?}: module {module:?} cannot be fetched here: give a file, or registry://HOST/NAME:TAG"
    )]
    Scheme { name: String, module: String },
    #[error("policy {name:?}: {source}")]
    Pull { name: String, source: Box<RegistryError> },
    #[error("policy {name:?}: {source}")]
    Module { name: String, source: ModuleError },
    #[error("policy {name:?} could not be asked about its settings: {source}")]
    Call { name: String, source: CallError },
    #[error("policy {name:?}: the settings are not valid: {message}")]
    Settings { name: String, message: String },
}

/// A compiled policy with valid settings.
pub struct ServedPolicy {
    module: PolicyModule,
    settings: Value,
    host: ClusterObjects,
    allowed_to_mutate: bool,
}

/// Reads the document.
pub fn read_policies(yaml: &str) -> Result<BTreeMap<String, PolicyEntry>, PoliciesError> {
    serde_saphyr::from_str(yaml).map_err(|error| PoliciesError::Yaml(error.to_string()))
}

/// The bytes of a module, wherever it is.
async fn fetch(name: &str, module: &str, registry: &Registry) -> Result<Vec<u8>, PoliciesError> {
    let name = || name.to_owned();
    if module.starts_with(SCHEME) {
        let pulled = registry
            .pull(module)
            .await
            .map_err(|error| PoliciesError::Pull { name: name(), source: Box::new(error) })?;
        return Ok(pulled.wasm);
    }
    let path = match module.split_once("://") {
        None => PathBuf::from(module),
        Some(("file", path)) => PathBuf::from(path),
        Some(_) => return Err(PoliciesError::Scheme { name: name(), module: module.to_owned() }),
    };
    std::fs::read(&path).map_err(|source| PoliciesError::Read {
        name: name(),
        module: path,
        source,
    })
}

impl ServedPolicy {
    /// Fetches and compiles the policy, and asks it about its settings.
    pub async fn load(
        name: &str,
        entry: PolicyEntry,
        access: &Arc<ClusterAccess>,
        registry: &Registry,
        limits: Limits,
    ) -> Result<Self, PoliciesError> {
        let wasm = fetch(name, &entry.module, registry).await?;
        let name = || name.to_owned();
        let module = PolicyModule::compile_within(&wasm, limits)
            .map_err(|source| PoliciesError::Module { name: name(), source })?;
        let settings = Value::Object(entry.settings);
        let verdict = module
            .validate_settings(&settings)
            .map_err(|source| PoliciesError::Call { name: name(), source })?;
        if !verdict.valid {
            return Err(PoliciesError::Settings {
                name: name(),
                message: verdict.message.unwrap_or_default(),
            });
        }
        let granted =
            entry.context_aware_resources.into_iter().map(|kind| (kind.api_version, kind.kind));
        Ok(Self {
            module,
            settings,
            host: access.granting(granted),
            allowed_to_mutate: entry.allowed_to_mutate,
        })
    }

    /// Evaluates an AdmissionRequest. Blocks; not for a thread of the runtime.
    pub fn evaluate(&self, request: &Value) -> Verdict {
        let verdict = self.module.validate(request, &self.settings, Arc::new(self.host.clone()));
        if self.allowed_to_mutate || verdict.patch.0.is_empty() {
            verdict
        } else {
            verdict.forbid_mutation()
        }
    }
}
