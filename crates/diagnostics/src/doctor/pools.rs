//! Pools: whether each selector that a tenant may write matches a node.

use super::{Check, CheckContext, Finding, some};

/// Those without a node, one by one; the others in one line.
pub(super) fn check(context: &CheckContext) -> Vec<Finding> {
    let nodes = match &context.nodes {
        Ok(nodes) => nodes,
        Err(error) => return vec![Check::Pools.unknown(error, "let yourself list nodes")],
    };
    let (mut good, mut findings) = (Vec::new(), Vec::new());
    for (tenant, known) in context.tenants() {
        findings.extend(known.unread_selector().map(|key| {
            Check::Pools.wrong(
                format!("tenant {tenant} writes {key} and has no nodeSelector, which is what landlord's guard and audit read"),
                "write nodeSelector in the tenant as well",
            )
        }));
        for selector in known.node_selectors().into_iter().filter(|selector| !selector.is_empty()) {
            match nodes.matching(selector.as_map()) {
                0 => findings.push(Check::Pools.wrong(
                    format!("no node matches {selector} of tenant {tenant}"),
                    format!(
                        "label its nodes (`kubectl label node NODE {}`), or fix the tenant's nodeSelector",
                        selector.to_string().replace(',', " ")
                    ),
                )),
                count => good.push(format!("{tenant}: {selector} matches {count}")),
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
