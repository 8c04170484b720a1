//! Tenants: the rows of the overview, and what the promise is judged by.

use controller::snapshot::{self, Makers, Nodes, Snapshots};
use schemars::JsonSchema;
use serde::Serialize;

use super::Counts;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TenantRow {
    pub(super) name: String,
    pub(super) namespaces: Counts,
    /// Why it cannot be used.
    pub(super) invalid: Option<String>,
    /// Namespaces with contested keys.
    pub(super) contested: usize,
    /// The node selectors that it may write.
    pub(super) selectors: Vec<String>,
    /// Whether each of them matches a node, or one that an autoscaler makes; null where nodes are
    /// not known.
    pub(super) nodes_match: Option<bool>,
}

/// In order of their names; what namespaces claim and does not exist is among them.
pub(super) fn tenants(snapshots: &Snapshots) -> Vec<TenantRow> {
    let (tenants, mut nodes, makers) = (snapshots.tenants(), snapshots.nodes(), snapshots.makers());
    tenants.iter().map(|(name, row)| TenantRow::build(name, row, &mut nodes, &makers)).collect()
}

impl TenantRow {
    fn build(name: &str, row: &snapshot::TenantRow, nodes: &mut Nodes, makers: &Makers) -> Self {
        let (tenant, invalid) = match &row.tenant {
            Ok(Some(tenant)) => (Some(tenant), None),
            Ok(None) => (None, Some("it does not exist".to_owned())),
            Err(error) => (None, Some(error.clone())),
        };
        let selectors = tenant.map(|tenant| tenant.node_selectors()).unwrap_or_default();
        let nodes_match = nodes.are_known().then(|| {
            selectors.iter().all(|selector| {
                nodes.match_any(selector.as_map()) || makers.maker(selector).is_some()
            })
        });
        Self {
            name: name.to_owned(),
            namespaces: row.totals.into(),
            invalid,
            contested: row.contested,
            selectors: selectors.iter().map(ToString::to_string).collect(),
            nodes_match,
        }
    }
}
