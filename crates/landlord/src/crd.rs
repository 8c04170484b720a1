//! The CustomResourceDefinition of landlord's Tenant, generated from the Rust types.

use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenancy::tenant::landlord::TenantSpec;

/// What the tenant wants on its namespaces.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "landlord.dev",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    shortname = "llt",
    category = "landlord",
    status = "TenantStatus",
    doc = "A tenant: who owns it, and the node selector, tolerations, labels and annotations of its namespaces",
    validation = Rule::new("self.metadata.name.size() <= 63")
        .message("metadata.name becomes a label value: shorten it to 63 characters"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
        .message("metadata.name becomes a label value: start and end it with a letter or digit"),
    printcolumn = r#"{"name":"Namespaces","type":"integer","jsonPath":".status.namespaces.total","description":"Namespaces of the tenant"}"#,
    printcolumn = r#"{"name":"Compliant","type":"integer","jsonPath":".status.namespaces.compliant","description":"Compliant namespaces"}"#,
    printcolumn = r#"{"name":"Selector","type":"string","jsonPath":".spec.nodeSelector","description":"The tenant's node pool"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
// The engine's own type knows nothing of kube.
#[serde(transparent)]
pub(crate) struct Spec(TenantSpec);

/// Bounded in size whatever the number of namespaces.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TenantStatus {
    /// The generation of the spec that this status is about.
    #[serde(default)]
    observed_generation: i64,
    /// How many namespaces are in which state.
    #[serde(default)]
    namespaces: NamespaceCounts,
    /// Ready, Converged, NodesMatch, PodsReleased.
    #[serde(default)]
    #[schemars(schema_with = "conditions")]
    conditions: Vec<Value>,
}

/// Numbers of namespaces.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NamespaceCounts {
    #[serde(default)]
    total: i64,
    #[serde(default)]
    compliant: i64,
    #[serde(default)]
    pending: i64,
    #[serde(default)]
    conflicted: i64,
    #[serde(default)]
    failed: i64,
}

/// `metav1.Condition`, one of each type.
fn conditions(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array", "maxItems": 16,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        "items": {"type": "object", "required": ["type", "status", "lastTransitionTime", "reason", "message"], "properties": {
            "type": {"type": "string", "maxLength": 316},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "reason": {"type": "string", "minLength": 1, "maxLength": 1024},
            "message": {"type": "string", "maxLength": 32768},
        }},
    })
}

/// The definition as it is applied.
pub(crate) fn definition() -> serde_json::Result<Value> {
    serde_json::to_value(Tenant::crd())
}
