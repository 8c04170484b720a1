//! Tenants: the same tenant, as landlord's kind and as Capsule's.

use serde_json::{Value, json};

use super::world::{OWNERS, World, capsule, landlord};

/// Whose tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Landlord,
    Capsule,
}

/// What a tenant wants; `wants` are `{labels, annotations}`.
pub(crate) struct Tenant {
    name: String,
    spec: Value,
    source: Source,
}

impl Source {
    pub(crate) fn world(self) -> &'static World {
        match self {
            Self::Landlord => landlord(),
            Self::Capsule => capsule(),
        }
    }

    /// The label that claims a tenant.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Landlord => "landlord.dev/tenant",
            Self::Capsule => "capsule.clastix.io/tenant",
        }
    }

    fn api_version(self) -> &'static str {
        match self {
            Self::Landlord => "landlord.dev/v1alpha1",
            Self::Capsule => "capsule.clastix.io/v1beta2",
        }
    }

    /// A tenant that [`OWNERS`] own.
    pub(crate) fn tenant(self, name: &str) -> Tenant {
        Tenant {
            name: name.to_owned(),
            spec: json!({"owners": [{"kind": "Group", "name": OWNERS}]}),
            source: self,
        }
    }
}

impl Tenant {
    pub(crate) fn selecting(self, key: &str, value: &str) -> Self {
        self.with("nodeSelector", json!({key: value}))
    }

    /// One field of the spec.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.spec[field] = value;
        self
    }

    /// Labels and annotations of every namespace.
    pub(crate) fn wanting(mut self, wants: Value) -> Self {
        match self.source {
            Source::Landlord => wants
                .as_object()
                .into_iter()
                .flatten()
                .for_each(|(field, map)| self.spec[field] = map.clone()),
            Source::Capsule => self.spec["namespaceOptions"]["additionalMetadata"] = wants,
        }
        self
    }

    /// Labels and annotations of the namespaces that each item's `namespaceSelector` matches.
    pub(crate) fn listing(mut self, mut items: Value) -> Self {
        match self.source {
            Source::Landlord => {
                // Landlord wants a selector with a term in every item; this one matches all.
                let without = items
                    .as_array_mut()
                    .into_iter()
                    .flatten()
                    .filter(|item| item.get("namespaceSelector").is_none());
                let all = json!({"matchExpressions": [{"key": "of-no-namespace", "operator": "DoesNotExist"}]});
                without.for_each(|item| item["namespaceSelector"] = all.clone());
                self.spec["overrides"] = items;
            }
            Source::Capsule => self.spec["namespaceOptions"]["additionalMetadataList"] = items,
        }
        self
    }

    pub(crate) fn manifest(&self) -> Value {
        json!({"apiVersion": self.source.api_version(), "kind": "Tenant", "metadata": {"name": self.name}, "spec": self.spec})
    }

    /// Applies it as admin.
    pub(crate) async fn apply(&self) {
        self.source
            .world()
            .apply(self.manifest())
            .await
            .expect("a tenant that the API server takes");
    }
}
