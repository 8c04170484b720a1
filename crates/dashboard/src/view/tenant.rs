//! Tenant: one of them, where its Pods belong, and what is wrong with its namespaces.

use std::collections::BTreeMap;

use assessment::Reason;
use schemars::JsonSchema;
use serde::Serialize;
use tenancy::tenant::Tenant;

use super::Counts;
use controller::snapshot::{Namespaces, Nodes, Snapshots};

/// Nodes that are named for a selector; of more, only the number is shown.
const MAX_NODES: usize = 20;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TenantDetails {
    name: String,
    /// Why it cannot be used.
    invalid: Option<String>,
    namespaces: Counts,
    /// Who may claim it; null for anybody.
    owners: Option<Vec<OwnerName>>,
    /// Each node selector that it may write, with or without an override.
    pools: Vec<PoolRow>,
    /// Whether nodes are known at all.
    nodes_known: bool,
    /// What is wrong with its namespaces, the most frequent first.
    reasons: Vec<ReasonRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OwnerName {
    kind: String,
    name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PoolRow {
    selector: String,
    /// Nodes that match.
    count: usize,
    /// The first of them by name.
    nodes: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ReasonRow {
    reason: String,
    count: usize,
    /// One of the namespaces, and what is said of it.
    namespace: String,
    message: String,
}

impl TenantDetails {
    /// `None` where there is no such tenant, and nobody claims it.
    pub(crate) fn build(snapshots: &Snapshots, name: &str) -> Option<Self> {
        let row = snapshots.tenants().get(name)?.clone();
        let (tenant, invalid) = match row.tenant {
            Ok(Some(tenant)) => (Some(tenant), None),
            Ok(None) => (
                None,
                Some(
                    "it does not exist: create it, or fix the claims of its namespaces".to_owned(),
                ),
            ),
            Err(error) => (None, Some(error)),
        };
        let reasons = reasons(&snapshots.namespaces(), name);
        let nodes = snapshots.nodes();
        Some(Self {
            name: name.to_owned(),
            invalid,
            namespaces: row.totals.into(),
            owners: tenant.as_deref().and_then(owners),
            pools: tenant.as_deref().map(|tenant| pools(&nodes, tenant)).unwrap_or_default(),
            nodes_known: nodes.are_known(),
            reasons,
        })
    }
}

fn owners(tenant: &Tenant) -> Option<Vec<OwnerName>> {
    let owners = tenant.owners.as_ref()?;
    Some(
        owners
            .iter()
            .map(|owner| OwnerName { kind: format!("{:?}", owner.kind), name: owner.name.clone() })
            .collect(),
    )
}

fn pools(nodes: &Nodes, tenant: &Tenant) -> Vec<PoolRow> {
    let row = |selector: &tenancy::selector::NodeSelector| {
        let nodes = nodes.matching(selector.as_map());
        let (count, nodes) =
            (nodes.len(), nodes.into_iter().take(MAX_NODES).map(str::to_owned).collect());
        PoolRow { selector: selector.to_string(), count, nodes }
    };
    tenant.node_selectors().iter().map(row).collect()
}

fn reasons(namespaces: &Namespaces, tenant: &str) -> Vec<ReasonRow> {
    let mut reasons: BTreeMap<Reason, ReasonRow> = BTreeMap::new();
    for (name, row) in namespaces.claiming(tenant) {
        let Some(trouble) = &row.trouble else { continue };
        let first = || ReasonRow {
            reason: trouble.reason.word().to_owned(),
            count: 0,
            namespace: name.to_string(),
            message: trouble.message.clone(),
        };
        reasons.entry(trouble.reason).or_insert_with(first).count += 1;
    }
    let mut reasons: Vec<ReasonRow> = reasons.into_values().collect();
    reasons.sort_by_key(|row| std::cmp::Reverse(row.count));
    reasons
}
