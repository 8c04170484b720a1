//! Settings: where a command finds those that are in force. A policy holds them, or, where the controller works alone, a ConfigMap beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, Error};
use serde_json::Value;
use tenancy::settings::Settings;

use crate::inventory::settings_file;
use crate::live_settings::{self, SettingsSource};

/// What chart and manifests call the policy, the ConfigMap, and the key of its data.
const POLICY: &str = "landlord";
const MAP: &str = "landlord-settings";
const KEY: &str = "settings.yaml";

/// Where the settings are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsFlags {
    /// The ClusterAdmissionPolicy whose settings count [default: landlord; else the ConfigMap landlord-settings]
    #[arg(long, env = "LANDLORD_POLICY", value_name = "NAME")]
    policy: Option<String>,
    /// File of the settings; wins over what is in the cluster
    #[arg(long, env = "LANDLORD_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Namespace of the controller, where its lease, its record and the ConfigMap of its settings are
    #[arg(long, env = "LANDLORD_LEASE_NAMESPACE", value_name = "NAMESPACE", default_value = "landlord")]
    lease_namespace: String,
}

/// Where settings were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File,
    Policy,
    /// So the controller works alone.
    ConfigMap,
}

impl SettingsFlags {
    pub(crate) fn source(&self) -> SettingsSource {
        self.settings.clone().map_or_else(|| SettingsSource::Policy(self.policy().to_owned()), SettingsSource::File)
    }

    /// The ClusterAdmissionPolicy's name.
    pub(crate) fn policy(&self) -> &str {
        self.policy.as_deref().unwrap_or(POLICY)
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
        if let Some(path) = &self.settings {
            return Ok((settings_file(path)?, Origin::File));
        }
        let missing = match self.of_policy(client).await? {
            Ok(settings) => return Ok((settings, Origin::Policy)),
            Err(missing) => missing,
        };
        // A name that somebody gave is meant, and nothing else.
        if self.policy.is_some() {
            bail!("{missing}: name yours with --policy, or give --settings FILE");
        }
        let place = format!("ConfigMap {}/{MAP}", self.lease_namespace);
        let map = Api::<ConfigMap>::namespaced(client.clone(), &self.lease_namespace).get_opt(MAP).await;
        match map.with_context(|| format!("{missing}, and {place} cannot be read"))? {
            Some(map) => Ok((of_map(&map).with_context(|| format!("{KEY} of {place}"))?, Origin::ConfigMap)),
            None => bail!(
                "{missing}, and no {place}: name yours with --policy, or the controller's namespace with --lease-namespace, or give --settings FILE"
            ),
        }
    }

    /// Of the ClusterAdmissionPolicy, or what there is not.
    async fn of_policy(&self, client: &Client) -> Result<Result<Settings, String>> {
        let name = self.policy();
        let kind = GroupVersionKind::gvk("policies.kubewarden.io", "v1", "ClusterAdmissionPolicy");
        let resource = ApiResource::from_gvk_with_plural(&kind, "clusteradmissionpolicies");
        let policy = Api::<DynamicObject>::all_with(client.clone(), &resource).get_opt(name).await;
        // A kind that is there answers by naming the object that is not.
        if matches!(&policy, Err(Error::Api(status)) if status.code == 404) {
            return Ok(Err("there is no kind ClusterAdmissionPolicy, so Kubewarden is not installed here".to_owned()));
        }
        let Some(policy) = policy.with_context(|| format!("ClusterAdmissionPolicy {name:?} cannot be read"))? else {
            return Ok(Err(format!("there is no ClusterAdmissionPolicy {name:?}")));
        };
        let settings = policy.data.pointer("/spec/settings").unwrap_or(&Value::Null);
        Ok(Ok(Settings::from_value(settings).with_context(|| format!("settings of ClusterAdmissionPolicy {name:?}"))?))
    }
}

fn of_map(map: &ConfigMap) -> Result<Settings> {
    let text = map.data.as_ref().and_then(|data| data.get(KEY)).context("it is not there")?;
    Ok(Settings::from_value(&live_settings::document(text).map_err(|error| anyhow!(error))?)?)
}
