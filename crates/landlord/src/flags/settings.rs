//! Settings: where a command finds those that are in force.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use cluster::settings::{self, DEFAULT_POLICY, Origin, SettingsSource};
use kube::Client;
use tenancy::settings::Settings;

use crate::inventory::settings_file;

/// Where the settings are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsFlags {
    /// The ClusterAdmissionPolicy whose settings count
    /// [default: landlord; else the ConfigMap landlord-settings]
    #[arg(long, env = "LANDLORD_POLICY", value_name = "NAME")]
    policy: Option<String>,
    /// File of the settings; wins over what is in the cluster
    #[arg(long, env = "LANDLORD_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Namespace of the controller, where its lease, its record and the ConfigMap of its settings
    /// are
    #[arg(
        long,
        env = "LANDLORD_LEASE_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "landlord"
    )]
    lease_namespace: String,
}

impl SettingsFlags {
    pub(crate) fn source(&self) -> SettingsSource {
        self.settings
            .clone()
            .map_or_else(|| SettingsSource::Policy(self.policy().to_owned()), SettingsSource::File)
    }

    /// The ClusterAdmissionPolicy's name.
    pub(crate) fn policy(&self) -> &str {
        self.policy.as_deref().unwrap_or(DEFAULT_POLICY)
    }

    /// The same, if one was named.
    pub(crate) fn named_policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The file, if one was given.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.settings.as_deref()
    }

    /// The controller's namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.lease_namespace
    }

    /// The settings in force now.
    pub(crate) async fn read(&self, client: &Client) -> Result<Settings> {
        Ok(self.find(client).await?.0)
    }

    /// The same, and where they are.
    pub(crate) async fn find(&self, client: &Client) -> Result<(Settings, Origin)> {
        match &self.settings {
            Some(path) => Ok((settings_file(path)?, Origin::File)),
            None => settings::find(client, self.policy.as_deref(), &self.lease_namespace).await,
        }
    }
}
