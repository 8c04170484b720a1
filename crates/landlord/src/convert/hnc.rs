//! Trees of the Hierarchical Namespace Controller: the namespace at the root is the tenant of all
//! below it. HNC labels each namespace with `ANCESTOR.tree.hnc.x-k8s.io/depth` for each of its
//! ancestors and for itself, which has depth 0.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use tenancy::namespace::Namespace;

use super::conversion::Conversion;
use super::groups::{self, Groups};
use super::seen::TREE_SUFFIX;

/// Makes a tenant of each tree. HNC's labels have the tenant in their key, where no rule reads it:
/// namespaces get the own label, which outlives HNC.
pub(crate) fn convert(namespaces: &[&Namespace]) -> Result<Conversion> {
    let (mut trees, mut others) = (Groups::new(), Vec::new());
    for namespace in namespaces {
        match root(namespace) {
            Some(root) => trees.entry(root).or_default().push(namespace),
            None => others.push(*namespace),
        }
    }
    if trees.is_empty() {
        bail!("no namespace has a label NAME{TREE_SUFFIX}: HNC has labelled none of these");
    }
    // HNC labels every namespace; one without others below it is no tree.
    let (trees, single): (BTreeMap<_, _>, BTreeMap<_, _>) =
        trees.into_iter().partition(|(_, members)| members.len() > 1);
    others.extend(single.into_values().flatten());
    let mut conversion = Conversion::default();
    for (root, members) in &trees {
        groups::add(&mut conversion, root, members, None);
        let selection = format!("{root}{TREE_SUFFIX}");
        conversion.label(Some(&selection), root, members.iter().copied());
    }
    conversion.leave("that are in no tree", &others);
    Ok(conversion)
}

/// The ancestor that is farthest away.
fn root(namespace: &Namespace) -> Option<&str> {
    let ancestors = namespace.metadata.labels.iter().filter_map(|(key, depth)| {
        Some((depth.parse::<u32>().ok()?, key.strip_suffix(TREE_SUFFIX)?))
    });
    ancestors.max().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn namespace(name: &str, ancestors: &[&str], selector: &str) -> Namespace {
        let labels: serde_json::Map<_, _> = std::iter::once(&name)
            .chain(ancestors)
            .enumerate()
            .map(|(depth, of)| (format!("{of}{TREE_SUFFIX}"), json!(depth.to_string())))
            .collect();
        let annotations = json!({"scheduler.alpha.kubernetes.io/node-selector": selector});
        let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
        Namespace::from_value(&json!({ "metadata": metadata })).expect("a namespace")
    }

    #[test]
    fn the_root_is_the_tenant_of_all_below_it() {
        let all = [
            namespace("acme", &[], "pool=acme"),
            namespace("web", &["acme"], "pool=acme"),
            namespace("web-test", &["web", "acme"], "pool=acme"),
            namespace("alone", &[], ""),
        ];
        let conversion = convert(&all.iter().collect::<Vec<_>>()).expect("trees");
        assert_eq!(conversion.tenants.keys().collect::<Vec<_>>(), ["acme"]);
        let labelled: Vec<&String> = conversion.labelled.keys().collect();
        assert_eq!(labelled, ["acme", "web", "web-test"]);
        assert_eq!(
            conversion.commands,
            ["kubectl label namespaces -l 'acme.tree.hnc.x-k8s.io/depth' landlord.dev/tenant=acme"]
        );
        assert_eq!(conversion.notes, ["no tenant for 1 namespaces that are in no tree: alone"]);
        let spec = serde_json::to_value(&conversion.tenants["acme"]).expect("JSON");
        assert_eq!(spec, json!({"owners": [], "nodeSelector": {"pool": "acme"}}));
    }

    #[test]
    fn without_labels_of_hnc_there_is_nothing_to_convert() {
        let plain = Namespace::from_value(&json!({"metadata": {"name": "web"}})).expect("one");
        let error = convert(&[&plain]).expect_err("no tree").to_string();
        assert!(error.contains("tree.hnc.x-k8s.io/depth"), "{error}");
    }
}
