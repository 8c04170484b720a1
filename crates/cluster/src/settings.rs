//! Settings: those in force in a cluster. A ClusterAdmissionPolicy holds them, or, where the
//! controller works alone, a ConfigMap beside it.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use assessment::inventory::settings_document;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, Error};
use serde_json::Value;
use tenancy::settings::Settings;

/// What chart and manifests call the policy, the ConfigMap, and the key of its data.
pub const DEFAULT_POLICY: &str = "landlord";
pub const MAP: &str = "landlord-settings";
pub const KEY: &str = "settings.yaml";

/// Where the settings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsSource {
    /// `spec.settings` of this ClusterAdmissionPolicy.
    Policy(String),
    /// A file, which is read anew when it changes.
    File(PathBuf),
    /// This document, for as long as the controller runs.
    Document(Value),
}

/// Where settings were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    File,
    Policy,
    /// So the controller works alone.
    ConfigMap,
}

/// There are no settings in the cluster, because landlord is not installed in it, or elsewhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "{missing}, and no {place}: name yours with --policy, or the controller's namespace with --lease-namespace, or give --settings FILE"
)]
pub struct NotInstalled {
    missing: String,
    place: String,
}

/// The settings in force, and where they are. Without the name of a policy, the one that chart and
/// manifests install is asked for, and then the ConfigMap in the controller's namespace.
pub async fn find(
    client: &Client,
    policy: Option<&str>,
    namespace: &str,
) -> Result<(Settings, Origin)> {
    let missing = match read_policy(client, policy.unwrap_or(DEFAULT_POLICY)).await? {
        Ok(settings) => return Ok((settings, Origin::Policy)),
        Err(missing) => missing,
    };
    // A name that was given is meant, and nothing else.
    if policy.is_some() {
        bail!("{missing}: name yours with --policy, or give --settings FILE");
    }
    let place = format!("ConfigMap {namespace}/{MAP}");
    let map = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(MAP).await;
    match map.with_context(|| format!("{missing}, and {place} cannot be read"))? {
        Some(map) => {
            Ok((read_map(&map).with_context(|| format!("{KEY} of {place}"))?, Origin::ConfigMap))
        }
        None => bail!(NotInstalled { missing, place }),
    }
}

/// The way to ClusterAdmissionPolicies.
pub fn policies(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("policies.kubewarden.io", "v1", "ClusterAdmissionPolicy");
    Api::all_with(
        client.clone(),
        &ApiResource::from_gvk_with_plural(&kind, "clusteradmissionpolicies"),
    )
}

/// The object that holds the settings, whatever they are: that ClusterAdmissionPolicy, else the
/// ConfigMap; `None` if there is neither.
pub async fn find_object(
    client: &Client,
    policy: Option<&str>,
    namespace: &str,
) -> Result<Option<Value>> {
    let name = policy.unwrap_or(DEFAULT_POLICY);
    match policies(client).get_opt(name).await {
        Ok(Some(policy)) => return Ok(Some(serde_json::to_value(&policy)?)),
        Err(Error::Api(status)) if status.code == 404 => {}
        Ok(None) => {}
        Err(error) => {
            return Err(error)
                .with_context(|| format!("ClusterAdmissionPolicy {name:?} cannot be read"));
        }
    }
    let map = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(MAP).await;
    let map = map.with_context(|| format!("ConfigMap {namespace}/{MAP} cannot be read"))?;
    Ok(map.map(|map| serde_json::to_value(&map)).transpose()?)
}

/// Those of the ClusterAdmissionPolicy, or what there is not.
async fn read_policy(client: &Client, name: &str) -> Result<Result<Settings, String>> {
    let policy = policies(client).get_opt(name).await;
    // A kind that is there answers by naming the object that is not.
    if matches!(&policy, Err(Error::Api(status)) if status.code == 404) {
        return Ok(Err(
            "there is no kind ClusterAdmissionPolicy, so Kubewarden is not installed here"
                .to_owned(),
        ));
    }
    let Some(policy) =
        policy.with_context(|| format!("ClusterAdmissionPolicy {name:?} cannot be read"))?
    else {
        return Ok(Err(format!("there is no ClusterAdmissionPolicy {name:?}")));
    };
    let settings = policy_settings(&policy).unwrap_or(&Value::Null);
    Ok(Ok(Settings::from_value(settings)
        .with_context(|| format!("settings of ClusterAdmissionPolicy {name:?}"))?))
}

/// The document in a ClusterAdmissionPolicy.
pub fn policy_settings(policy: &DynamicObject) -> Option<&Value> {
    policy.data.pointer("/spec/settings")
}

fn read_map(map: &ConfigMap) -> Result<Settings> {
    let text = map.data.as_ref().and_then(|data| data.get(KEY)).context("it is not there")?;
    Ok(Settings::from_value(&parse_document(text).map_err(|error| anyhow!(error))?)?)
}

/// The document in a text: bare, or in a ClusterAdmissionPolicy.
pub fn parse_document(text: &str) -> Result<Value, String> {
    let document: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    Ok(settings_document(&document).clone())
}
