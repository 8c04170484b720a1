//! Flags about registries, as kwctl has them, and policies fetched by them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use policy_host::registry::{Credentials, Pulled, Registry, SCHEME, Sources};

use super::input;

#[derive(Args, Debug)]
pub(crate) struct RegistryFlags {
    /// YAML file of registries without TLS and of authorities to trust
    /// [default: ~/.config/kubewarden/sources.yaml, where there is one]
    #[arg(long, env = "POLICY_HOST_SOURCES_PATH", value_name = "FILE")]
    sources_path: Option<PathBuf>,
    /// Folder of Docker's config.json, which holds the credentials
    /// [default: $DOCKER_CONFIG or ~/.docker]
    #[arg(long, env = "POLICY_HOST_DOCKER_CONFIG", value_name = "FOLDER")]
    docker_config_json_path: Option<PathBuf>,
}

impl RegistryFlags {
    /// How these flags say that registries are spoken to.
    pub(crate) fn registry(&self) -> Result<Registry> {
        let file = self.sources_path.clone().or_else(Sources::default_file);
        let sources = file.as_deref().map(Sources::read).transpose()?.unwrap_or_default();
        Ok(Registry::new(sources, Credentials::new(self.docker_config_json_path.clone())))
    }

    /// A policy's bytes, from a file or from a registry.
    pub(crate) fn policy(&self, place: &str) -> Result<Vec<u8>> {
        if place.starts_with(SCHEME) { Ok(self.pull(place)?.wasm) } else { input::policy(place) }
    }

    /// A policy from a registry.
    pub(crate) fn pull(&self, place: &str) -> Result<Pulled> {
        let registry = self.registry()?;
        Ok(runtime()?.block_on(registry.pull(place))?)
    }
}

/// For commands that wait for a registry and nothing else.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}
