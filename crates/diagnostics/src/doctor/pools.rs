//! Pools: whether each selector that a tenant may write matches a node, or an autoscaler makes one.

use cluster::autoscaling::{self, Templates};
use tenancy::selector::NodeSelector;

use super::{Check, CheckContext, Finding, some};

/// Those without a node, one by one; the others in one line.
pub(super) async fn check(context: &CheckContext) -> Vec<Finding> {
    let nodes = match &context.nodes {
        Ok(nodes) => nodes,
        Err(error) => return vec![Check::Pools.unknown(error, "let yourself list nodes")],
    };
    let (mut good, mut findings) = (Vec::new(), Vec::new());
    let mut templates = None;
    for (tenant, known) in context.tenants() {
        findings.extend(known.unread_selector().map(|key| {
            Check::Pools.wrong(
                format!("tenant {tenant} writes {key} and has no nodeSelector, which is what landlord's guard and audit read"),
                "write nodeSelector in the tenant as well",
            )
        }));
        for selector in known.node_selectors().into_iter().filter(|selector| !selector.is_empty()) {
            let count = nodes.matching(selector.as_map());
            if count > 0 {
                good.push(format!("{tenant}: {selector} matches {count}"));
                continue;
            }
            if templates.is_none() {
                templates = Some(autoscaling::read(&context.client).await);
            }
            let found = templates.get_or_insert_default();
            match maker(context, found, &selector) {
                Some(maker) => good.push(format!("{tenant}: {maker} makes nodes with {selector}")),
                None => findings.push(without_nodes(&tenant, &selector, found)),
            }
        }
    }
    match (good.is_empty(), findings.is_empty()) {
        (true, true) => findings.push(Check::Pools.good("no tenant has a node selector")),
        (false, _) => findings.push(Check::Pools.good(some(good))),
        (true, false) => {}
    }
    findings
}

/// What makes nodes with these labels.
fn maker(context: &CheckContext, found: &Templates, selector: &NodeSelector) -> Option<String> {
    let listed = context.inventory.settings.autoscaled.iter().find(|labels| {
        selector
            .iter()
            .all(|(key, value)| labels.as_map().get(key).is_some_and(|label| label == value))
    });
    let made = found.maker(selector.as_map()).map(str::to_owned);
    made.or_else(|| listed.map(|_| "an autoscaler that the settings list".to_owned()))
}

fn without_nodes(tenant: &str, selector: &NodeSelector, found: &Templates) -> Finding {
    let what = format!("no node matches {selector} of tenant {tenant}");
    if let Some(fault) = found.faults.first() {
        let fix = "let yourself list them, or list the pool in the settings (`autoscaled`)";
        return Check::Pools.unknown(format!("{what}, and {fault}"), fix);
    }
    let labels = selector.to_string().replace(',', " ");
    Check::Pools.wrong(
        what,
        format!(
            "label its nodes (`kubectl label node NODE {labels}`), or fix the tenant's nodeSelector; if an autoscaler makes such nodes when Pods \
             wait, list them in the settings (`autoscaled`)"
        ),
    )
}
