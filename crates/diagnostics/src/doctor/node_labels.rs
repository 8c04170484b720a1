//! Node labels in selectors that a kubelet could give to its own node.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, CheckContext, Finding, some};

/// What kubelets may set below `kubernetes.io` and `k8s.io`, as the plugin NodeRestriction has it:
/// `k8s.io/kubelet/pkg/apis`, well_known_labels.go.
const KUBELETS_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];
const KUBELETS_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const RESTRICTED: &str = "node-restriction.kubernetes.io";

pub(super) fn check(context: &CheckContext) -> Vec<Finding> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (tenant, known) in context.tenants() {
        for selector in known.node_selectors() {
            selector.iter().for_each(|(key, _)| {
                keys.entry(key.to_owned()).or_default().extend([tenant.clone()])
            });
        }
    }
    let wrong = |(key, tenants): (String, BTreeSet<String>)| {
        let name = key.rsplit('/').next().unwrap_or_default().to_owned();
        Check::NodeLabels.wrong(
            format!("a kubelet may give its node the label {key} of tenants {}", some(tenants)),
            format!(
                "label nodes with {RESTRICTED}/{name} instead, select that, and turn on the plugin NodeRestriction (kubeadm does). No kubelet starts with such a \
                 label: on kubeadm it is set by `kubectl label node` once the node has joined; Karpenter and Cluster API set it by \
                 spec.template.metadata.labels of NodePool and MachineDeployment; EKS managed node groups and AKS node pools refuse it, and GKE's may, so a \
                 controller of yours has to set it there (docs/podnodeselector.md, Labels of nodes); where nodes are trusted, say --skip node-labels"
            ),
        )
    };
    let findings: Vec<Finding> =
        keys.into_iter().filter(|(key, _)| kubelet_may_set(key)).map(wrong).collect();
    if findings.is_empty() {
        vec![
            Check::NodeLabels.good("selectors use labels that NodeRestriction keeps from kubelets"),
        ]
    } else {
        findings
    }
}

/// As NodeRestriction decides it.
fn kubelet_may_set(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let within = |parent: &str| {
        domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
    };
    if within(RESTRICTED) {
        return false;
    }
    let kubernetes = within("kubernetes.io") || within("k8s.io");
    !kubernetes || KUBELETS_LABELS.contains(&key) || KUBELETS_DOMAINS.into_iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("pool", true)]
    #[case("example.com/pool", true)]
    #[case("notkubernetes.io/pool", true)]
    #[case("node.kubernetes.io/pool", true)]
    #[case("x.node.kubernetes.io/pool", true)]
    #[case("kubernetes.io/hostname", true)]
    #[case("topology.kubernetes.io/zone", true)]
    #[case("node-restriction.kubernetes.io/pool", false)]
    #[case("example.com.node-restriction.kubernetes.io/pool", false)]
    #[case("node-role.kubernetes.io/infra", false)]
    #[case("kubernetes.io/pool", false)]
    #[case("k8s.io/pool", false)]
    #[case("cloud.k8s.io/pool", false)]
    fn labels(#[case] key: &str, #[case] may: bool) {
        assert_eq!(kubelet_may_set(key), may);
    }
}
