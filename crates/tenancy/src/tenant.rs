//! Tenant: who owns it, and the layers of metadata that it wants on its namespaces. Adapters build
//! it from raw objects.

use serde_json::Value;

use crate::collection::gather;
use crate::conflicts::Conflicts;
use crate::decode::DecodeError;
pub use crate::dialect::Dialect;
use crate::hook::{self, Hooks};
use crate::label_selector::LabelSelector;
use crate::ledger::Release;
use crate::metadata::Map;
use crate::requester::{Owner, Requester};
use crate::selector::NodeSelector;
use crate::template::Template;
use crate::toleration::Toleration;
use crate::why::Why;

pub mod capsule;
pub mod custom;
mod hooks;
pub mod landlord;
mod overrides;

/// The annotation of a namespace that OpenShift's own plugin reads.
const OPENSHIFT_NODE_SELECTOR: &str = "openshift.io/node-selector";

/// A tenant, whatever object it was read from. Its templates, selectors and tolerations are valid
/// by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// The name, which a claim states and the tenant label holds.
    pub name: String,
    /// `None`: anyone may claim it; empty: admins only.
    pub owners: Option<Vec<Owner>>,
    /// What a `namePrefix` rule may match for this tenant.
    pub prefixes: Vec<String>,
    /// Free strings, for hooks.
    pub data: Map,
    /// In order; the first is the tenant's own, unconditional one.
    pub layers: Vec<Layer>,
    /// Instead of the settings' `conflicts`.
    pub conflicts: Option<Conflicts>,
    /// Instead of the settings' `release`.
    pub release: Option<Release>,
    /// Whose rules its layers follow, landlord's or Capsule's.
    pub dialect: Dialect,
    /// Capsule's `managedMetadataOnly`: every other label and annotation goes.
    pub exclusive: bool,
    /// Those of the settings and its own, in the order in which they run.
    pub hooks: Hooks,
    /// The object without its status, for hooks that read it; else `null`.
    pub document: Value,
}

/// A set of wants that applies where its selector matches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// Where the layer stands in the object, as the reason of what it wants.
    pub why: Why,
    /// The namespaces that it applies to, by their labels; `None` for all.
    pub selector: Option<LabelSelector>,
    /// How it meets the layers before it.
    pub precedence: Precedence,
    /// `None`: not managed; empty: "no selector, and not the cluster default either".
    pub node_selector: Option<NodeSelector>,
    /// Tolerations of every Pod; `None`: not managed.
    pub tolerations: Option<Vec<Toleration>>,
    /// Labels that it wants.
    pub labels: Vec<Entry>,
    /// Annotations that it wants.
    pub annotations: Vec<Entry>,
}

/// What happens when an earlier layer already wants the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precedence {
    /// The later layer wins.
    #[default]
    Over,
    /// The earlier layer wins.
    Under,
    /// Set where the namespace has no such key, in the first plan only, and never recorded
    /// (Capsule's `default` rules).
    Default,
}

/// A key and its value, both possibly templated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Template,
    /// The value.
    pub value: Template,
}

/// A tenant object that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tenant {tenant:?}: {source}")]
pub struct TenantError {
    /// The tenant's name.
    pub tenant: String,
    /// Which field cannot be used, and why.
    #[source]
    pub source: crate::decode::DecodeError,
}

impl Tenant {
    /// Adds the settings' hooks to its own, and what they read of `object`. `conflicts` are the
    /// settings'.
    pub(crate) fn with_hooks(
        mut self,
        settings: &Hooks,
        conflicts: Conflicts,
        object: &Value,
    ) -> Result<Self, DecodeError> {
        self.hooks = if self.hooks.is_empty() {
            settings.clone()
        } else {
            hook::check::check(&self.hooks, settings)?;
            hook::in_order(self.hooks.iter().chain(settings.iter()).cloned().collect())
        };
        if self.hooks.iter().any(|hook| hook.reads_tenant()) {
            self.document = stated(object);
        }
        overrides::check(&self)?;
        hooks::check(&self, self.conflicts.unwrap_or(conflicts))?;
        Ok(self)
    }

    /// Whether `requester` owns this tenant; a tenant without a list of owners is everybody's to
    /// claim.
    pub fn may_be_claimed_by(&self, requester: &Requester) -> bool {
        self.owners.as_ref().is_none_or(|owners| owners.iter().any(|owner| owner.is(requester)))
    }

    /// Whether `requester` is listed. A tenant without a list can be left by admins only, so absent
    /// owners are nobody here.
    pub fn may_be_left_by(&self, requester: &Requester) -> bool {
        self.owners.as_ref().is_some_and(|owners| owners.iter().any(|owner| owner.is(requester)))
    }

    /// Each node selector that the tenant may write, with or without an override.
    pub fn node_selectors(&self) -> Vec<NodeSelector> {
        let (always, sometimes): (Vec<_>, Vec<_>) =
            self.layers.iter().partition(|layer| layer.selector.is_none());
        let always: Vec<&NodeSelector> =
            always.into_iter().filter_map(|layer| layer.node_selector.as_ref()).collect();
        let with = |also: Option<&NodeSelector>| {
            let mut merged = NodeSelector::default();
            always.iter().copied().chain(also).for_each(|one| merged.merge(one));
            merged
        };
        let base = (!always.is_empty()).then(|| with(None));
        base.into_iter()
            .chain(
                sometimes
                    .into_iter()
                    .filter_map(|layer| layer.node_selector.as_ref())
                    .map(|one| with(Some(one))),
            )
            .collect()
    }

    /// OpenShift's node selector, where the tenant writes it and none of landlord's own: neither
    /// guard nor audit reads it.
    pub fn unread_selector(&self) -> Option<&'static str> {
        let written = self.layers.iter().any(|layer| {
            let mut entries = layer.labels.iter().chain(&layer.annotations);
            entries.any(|entry| entry.key.as_source() == OPENSHIFT_NODE_SELECTOR)
        });
        let own = self.node_selectors().iter().any(|selector| !selector.is_empty());
        (written && !own).then_some(OPENSHIFT_NODE_SELECTOR)
    }

    /// Whether the tenant lists a prefix of `namespace`.
    pub(crate) fn lists_prefix_of(&self, namespace: &str) -> bool {
        self.prefixes
            .iter()
            .any(|prefix| !prefix.is_empty() && namespace.starts_with(prefix.as_str()))
    }
}

/// What users have written in an object: without its status and what the API server keeps in its
/// metadata, which change by themselves.
fn stated(object: &Value) -> Value {
    let copy = |(name, value): (&String, &Value)| (name.clone(), value.clone());
    let metadata = object.get("metadata").and_then(Value::as_object).into_iter().flatten();
    let metadata = metadata.filter(|(name, _)| {
        ["name", "namespace", "labels", "annotations"].contains(&name.as_str())
    });
    let metadata: serde_json::Map<_, _> = gather(metadata.map(copy));
    let fields = object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "status" && *name != "metadata");
    let mut stated: serde_json::Map<_, _> = gather(fields.map(copy));
    stated.insert("metadata".to_owned(), Value::Object(metadata));
    Value::Object(stated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use serde_json::json;

    fn selectors(spec: Value) -> Vec<String> {
        let object = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": spec});
        let tenant = Settings::from_value(&Value::Null)
            .expect("settings")
            .tenant(&object)
            .expect("a tenant");
        tenant.node_selectors().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_override_narrows_the_selector() {
        let override_ = json!({"namespaceSelector": {"matchLabels": {"env": "prod"}}, "nodeSelector": {"tier": "prod"}});
        assert_eq!(
            selectors(json!({"nodeSelector": {"pool": "solar"}, "overrides": [override_]})),
            ["pool=solar", "pool=solar,tier=prod"]
        );
        assert_eq!(selectors(json!({"overrides": [override_]})), ["tier=prod"]);
        assert_eq!(selectors(json!({})), [""; 0]);
    }
}
