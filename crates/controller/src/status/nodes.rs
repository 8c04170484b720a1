//! The condition `NodesMatch`: whether each selector that a tenant may write has nodes, or an
//! autoscaler makes them.

use std::time::{Duration, Instant};

use cluster::{autoscaling, clock};
use tenancy::tenant::Tenant;

use super::{Condition, Statuses};
use crate::nodes::Nodes;
use crate::snapshot::Makers;

/// How often autoscalers are asked, as long as a selector matches no node.
const MAKERS_INTERVAL: Duration = Duration::from_secs(10);

impl Statuses {
    /// Reads what autoscalers can make, where a selector of a tenant matches no node. Where all do,
    /// nothing is asked.
    pub(super) async fn look_for_makers(&self, read: &mut Option<Instant>) {
        let is_recent = read.is_some_and(|at| clock::now() - at < MAKERS_INTERVAL);
        if !is_recent && self.lacks_nodes() {
            self.snapshots.set_templates(autoscaling::read(&self.context.client).await);
            *read = Some(clock::now());
        }
    }

    fn lacks_nodes(&self) -> bool {
        let (tenants, mut nodes) = (self.snapshots.tenants(), self.snapshots.nodes());
        nodes.are_known()
            && tenants.iter().filter_map(|(_, row)| row.tenant.as_ref().ok()?.as_deref()).any(
                |tenant| {
                    let selectors = tenant.node_selectors();
                    selectors.iter().any(|selector| !nodes.match_any(selector.as_map()))
                },
            )
    }
}

/// The condition of one tenant.
pub(super) fn nodes_match(
    nodes: &mut Nodes,
    tenant: Option<&Tenant>,
    makers: &Makers,
) -> Condition {
    let selectors = tenant.map(Tenant::node_selectors).unwrap_or_default();
    let known = nodes.are_known();
    let unmatched: Vec<_> =
        selectors.iter().filter(|one| known && !nodes.match_any(one.as_map())).collect();
    let (made, unmade): (Vec<_>, Vec<_>) = unmatched
        .into_iter()
        .map(|selector| (selector.to_string(), makers.maker(selector)))
        .partition(|(_, maker)| maker.is_some());
    let (holds, reason, message) = match (unmade.first(), made.first()) {
        _ if selectors.is_empty() => {
            (Some(true), "NoSelector", "no node selector is managed".to_owned())
        }
        _ if !known => (None, "NodesUnknown", "nodes cannot be listed".to_owned()),
        (Some((selector, _)), _) => match makers.fault() {
            Some(fault) => {
                (None, "AutoscalersUnknown", format!("no node matches {selector:?}, and {fault}"))
            }
            None => (
                Some(false),
                "NoNode",
                format!("no node matches {selector:?}: Pods of such namespaces stay pending"),
            ),
        },
        (None, Some((selector, maker))) => {
            let maker = maker.as_deref().unwrap_or_default();
            let message =
                format!("no node matches {selector:?} now; {maker} makes them for its Pods");
            (Some(true), "ScalesFromZero", message)
        }
        (None, None) => (Some(true), "NodesFound", "every node selector matches a node".to_owned()),
    };
    Condition { kind: "NodesMatch", holds, reason, message }
}

#[cfg(test)]
mod tests {
    use cluster::autoscaling::{Template, Templates};
    use rstest::rstest;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use tenancy::settings::Settings;

    use super::*;

    fn node_pool(value: &str) -> Template {
        Template::from_node_pool(&json!({"metadata": {"name": "general"}, "spec": {"template":
            {"metadata": {"labels": {"pool": value}}, "spec": {}}}}))
        .expect("a template")
    }

    #[rstest]
    #[case::node(Some("solar"), None, json!([]), None, "NodesFound", "True")]
    #[case::made(None, Some("solar"), json!([]), None, "ScalesFromZero", "True")]
    #[case::listed(None, None, json!([{"pool": "solar", "disk": "ssd"}]), None, "ScalesFromZero", "True")]
    #[case::nothing_makes_it(Some("lunar"), Some("lunar"), json!([{"disk": "ssd"}]), None, "NoNode", "False")]
    #[case::not_known(None, None, json!([]), Some("forbidden"), "AutoscalersUnknown", "Unknown")]
    #[case::made_anyway(None, Some("solar"), json!([]), Some("forbidden"), "ScalesFromZero", "True")]
    fn three_answers(
        #[case] node: Option<&str>,
        #[case] made: Option<&str>,
        #[case] listed: Value,
        #[case] fault: Option<&str>,
        #[case] reason: &str,
        #[case] status: &str,
    ) {
        let settings = Settings::from_value(&json!({"autoscaled": listed})).expect("settings");
        let object =
            json!({"metadata": {"name": "solar"}, "spec": {"nodeSelector": {"pool": "solar"}}});
        let tenant = settings.tenant(&object).expect("a tenant");
        let mut nodes = Nodes::default();
        if let Some(pool) = node {
            nodes.put("n1".to_owned(), [("pool".to_owned(), pool.to_owned())].into());
        }
        nodes.complete();
        let templates = Templates {
            found: made.map(node_pool).into_iter().collect(),
            faults: fault.map(str::to_owned).into_iter().collect(),
        };
        let makers = Makers::new(Arc::new(templates), &settings);
        let condition = nodes_match(&mut nodes, Some(&tenant), &makers);
        let word = match condition.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        assert_eq!((condition.reason, word), (reason, status), "{}", condition.message);
    }
}
