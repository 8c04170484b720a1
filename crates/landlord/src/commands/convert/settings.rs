//! Settings of a conversion, in the object that holds them.

use anyhow::{Context, Result};
use cluster::settings::{KEY, MAP};
use serde_json::{Value, json};

use crate::commands::render::POLICY;
use crate::flags::SettingsFlags;
use crate::inventory::is_settings_map;

/// Renders the object as it is applied. `holder` is the one that holds them now; `as_map` says that
/// it is to be the ConfigMap, or the policy.
pub(super) fn render_settings(
    settings: &Value,
    holder: Option<Value>,
    as_map: Option<bool>,
    flags: &SettingsFlags,
) -> Result<String> {
    let has_map = holder.as_ref().is_some_and(is_settings_map);
    let is_map = as_map.unwrap_or(has_map);
    let holder = holder.filter(|_| has_map == is_map);
    let object = if is_map {
        let namespace = holder.as_ref().and_then(|map| map.pointer("/metadata/namespace").cloned());
        let namespace = namespace.unwrap_or_else(|| json!(flags.namespace()));
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MAP, "namespace": namespace},
               "data": {KEY: serde_saphyr::to_string(settings)?}})
    } else {
        policy(settings, holder, flags)?
    };
    Ok(serde_saphyr::to_string(&object)?)
}

/// The policy that is there, or the one that is installed without Helm.
fn policy(settings: &Value, holder: Option<Value>, flags: &SettingsFlags) -> Result<Value> {
    let mut policy: Value = match holder {
        Some(policy) => stated(&policy),
        None => {
            let mut policy: Value = serde_saphyr::from_str(POLICY)?;
            let name = policy.pointer_mut("/metadata/name").context("a policy without a name")?;
            *name = json!(flags.policy());
            policy
        }
    };
    let spec = policy.get_mut("spec").and_then(Value::as_object_mut);
    spec.context("the ClusterAdmissionPolicy has no spec")?
        .insert("settings".to_owned(), settings.clone());
    Ok(policy)
}

/// Without what the API server keeps.
fn stated(policy: &Value) -> Value {
    let name = policy.pointer("/metadata/name");
    let spec = policy.get("spec");
    json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy",
           "metadata": {"name": name}, "spec": spec})
}
