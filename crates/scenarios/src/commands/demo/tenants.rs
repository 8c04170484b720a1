//! The demo's tenants and their nodes.

use local_cluster::Node;

use crate::commands::stage::TENANTS;

/// Two nodes for each tenant, and two that belong to nobody. The pool of the last tenant is
/// tainted.
pub(in crate::commands) fn nodes() -> Vec<Node> {
    let pool =
        |name: &str| [1, 2].map(|number| Node::new(format!("{name}-{number}")).label("pool", name));
    TENANTS.iter().copied().chain(["shared"]).flat_map(pool).collect()
}

/// The tenants, as one would apply them.
pub(in crate::commands) fn manifests() -> String {
    TENANTS.map(|name| with_cost_center(name, &format!("cc-{name}"))).join("---\n")
}

/// One of them, with this cost centre.
pub(in crate::commands) fn with_cost_center(name: &str, cost_center: &str) -> String {
    format!(
        "apiVersion: landlord.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  owners: [{{kind: Group, name: {name}-admins}}, {{kind: User, name: ci}}]
  nodeSelector: {{pool: {name}}}
  labels: {{cost-center: {cost_center}}}
"
    )
}
