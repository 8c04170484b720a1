//! DaemonSets in namespaces of tenants: they choose nodes by their own selector and do not know the
//! namespace's.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec};
use kube::api::{Api, ListParams};
use kube::{Client, Error};
use serde_json::json;
use tenancy::keys::NODE_SELECTOR;
use tenancy::label_selector::LabelSelector;
use tenancy::selector::NodeSelector;

use super::nodes::{Known, Nodes};
use super::{Check, CheckContext, Finding};
use assessment::Assessment;
use cluster::error::message;
use cluster::lists::{PAGE, next};

pub(super) async fn check(context: &CheckContext) -> Vec<Finding> {
    let nodes = match &context.nodes {
        Ok(nodes) => nodes,
        Err(error) => return vec![Check::DaemonSets.unknown(error, "let yourself list nodes")],
    };
    let sets = match list(&context.client).await {
        Ok(sets) => sets,
        Err(error) => {
            return vec![Check::DaemonSets.unknown(
                format!("DaemonSets cannot be listed: {}", message(&error)),
                "let yourself list daemonsets",
            )];
        }
    };
    let findings: Vec<Finding> = sets.iter().filter_map(|set| judge(context, nodes, set)).collect();
    if findings.is_empty() {
        vec![
            Check::DaemonSets
                .good("no DaemonSet in a tenant's namespace chooses nodes outside the pool"),
        ]
    } else {
        findings
    }
}

async fn list(client: &Client) -> Result<Vec<DaemonSet>, Error> {
    let api: Api<DaemonSet> = Api::all(client.clone());
    let (mut sets, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = api.list(&page).await?;
        sets.extend(list.items);
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(sets),
        }
    }
}

fn judge(context: &CheckContext, nodes: &Nodes, set: &DaemonSet) -> Option<Finding> {
    let namespace = set.metadata.namespace.as_deref()?;
    let assessment = context.assessments.iter().find(|one| one.name == namespace)?;
    let pool = pool(assessment)?;
    let spec = set.spec.template.spec.as_ref()?;
    let outside =
        nodes.0.iter().filter(|node| chooses(spec, node) && !node.matches(pool.as_map())).count();
    let name = set.metadata.name.as_deref().unwrap_or_default();
    (outside > 0).then(|| {
        Check::DaemonSets.wrong(
            format!("DaemonSet {namespace}/{name} chooses {outside} nodes outside {pool}: its Pods for them stay pending"),
            format!("give its template the nodeSelector {pool}, or run it in a namespace of no tenant"),
        )
    })
}

/// The selector of a claimed namespace, when landlord is done with it.
fn pool(assessment: &Assessment) -> Option<NodeSelector> {
    assessment.tenant.as_ref()?;
    let selector: NodeSelector = assessment.after().annotations.get(NODE_SELECTOR)?.parse().ok()?;
    (!selector.is_empty()).then_some(selector)
}

/// Whether the DaemonSet makes a Pod for the node, as far as labels and taints decide it.
fn chooses(spec: &PodSpec, node: &Known) -> bool {
    let own = spec.node_selector.as_ref().is_none_or(|selector| node.matches(selector));
    own && node.admits(spec.tolerations.as_deref().unwrap_or_default()) && affine(spec, node)
}

/// Terms are alternatives.
fn affine(spec: &PodSpec, node: &Known) -> bool {
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    required
        .is_none_or(|required| required.node_selector_terms.iter().any(|term| matches(term, node)))
}

/// An empty term matches nothing. One that compares a label's number is taken to match.
fn matches(term: &NodeSelectorTerm, node: &Known) -> bool {
    let expression = |one: &NodeSelectorRequirement| {
        let expression = json!({"key": one.key, "operator": one.operator, "values": one.values.clone().unwrap_or_default()});
        let selector = LabelSelector::from_value(&json!({"matchExpressions": [expression]}));
        selector.is_ok_and(|selector| selector.matches(&node.labels))
            || matches!(one.operator.as_str(), "Gt" | "Lt")
    };
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(expression)
        && fields.iter().all(|field| matches_field(field, node))
}

/// The one field that Kubernetes knows there is the node's name.
fn matches_field(
    NodeSelectorRequirement { operator, values, .. }: &NodeSelectorRequirement,
    node: &Known,
) -> bool {
    let is_listed = values.iter().flatten().any(|name| *name == node.name);
    match operator.as_str() {
        "In" => is_listed,
        "NotIn" => !is_listed,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::Value;

    fn terms(terms: Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    fn term(operator: &str, values: Value) -> Value {
        terms(
            json!([{"matchExpressions": [{"key": "pool", "operator": operator, "values": values}]}]),
        )
    }

    fn field(operator: &str, name: &str) -> Value {
        terms(
            json!([{"matchFields": [{"key": "metadata.name", "operator": operator, "values": [name]}]}]),
        )
    }

    #[rstest]
    #[case::any(json!({"tolerations": [{"operator": "Exists"}]}), true)]
    #[case::the_taint(json!({"tolerations": [{"key": "pool", "value": "lunar"}]}), true)]
    #[case::another_value(json!({"tolerations": [{"key": "pool", "value": "solar"}]}), false)]
    #[case::another_effect(json!({"tolerations": [{"key": "pool", "operator": "Exists", "effect": "NoExecute"}]}), false)]
    #[case::no_toleration(json!({}), false)]
    fn taints(#[case] spec: Value, #[case] chosen: bool) {
        let node = json!({"key": "pool", "value": "lunar", "effect": "NoSchedule"});
        let node = Known {
            taints: vec![serde_json::from_value(node).expect("a taint")],
            ..Known::default()
        };
        assert_eq!(chooses(&spec_of(spec), &node), chosen);
    }

    #[rstest]
    #[case::nothing_asked(json!({}), true)]
    #[case::own_selector(json!({"nodeSelector": {"pool": "solar"}}), false)]
    #[case::inside(term("In", json!(["solar"])), false)]
    #[case::outside(term("NotIn", json!(["solar"])), true)]
    #[case::exists(term("Exists", json!([])), true)]
    #[case::by_number(term("Gt", json!(["1"])), true)]
    #[case::an_empty_term(terms(json!([{}])), false)]
    #[case::an_empty_term_beside_another(terms(json!([{}, {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}])), true)]
    #[case::this_node(field("In", "lunar-1"), true)]
    #[case::another_node(field("In", "solar-1"), false)]
    #[case::all_but_this_node(field("NotIn", "lunar-1"), false)]
    fn labels(#[case] spec: Value, #[case] chosen: bool) {
        let labels = [("pool".to_owned(), "lunar".to_owned())].into();
        let node = Known { name: "lunar-1".to_owned(), labels, ..Known::default() };
        assert_eq!(chooses(&spec_of(spec), &node), chosen);
    }

    fn spec_of(mut spec: Value) -> PodSpec {
        spec["containers"] = json!([]);
        serde_json::from_value(spec).expect("a spec")
    }
}
