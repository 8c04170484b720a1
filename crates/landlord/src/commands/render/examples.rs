//! Examples of what is rendered, for help and reference.

use crate::help::{Example, Exit};

pub(super) const RENDER: [Example; 3] = [
    ("The kind of tenants, before everything else", "landlord render crds | kubectl apply -f -"),
    ("The guard, for a repository", "landlord render guard --settings settings.yaml > guard.yaml"),
    ("What an update of landlord would change", "landlord render manifests | kubectl diff -f -"),
];
pub(super) const CRDS: [Example; 2] = [
    ("Install the kind", "landlord render crds | kubectl apply -f -"),
    ("What an update would change", "landlord render crds | kubectl diff -f -"),
];
pub(super) const GUARD: [Example; 4] = [
    ("As the default settings call for", "landlord render guard | kubectl apply -f -"),
    (
        "For your settings, refusing Pods instead of holding them",
        "landlord render guard --settings settings.yaml --on-unready=deny",
    ),
    (
        "What would change in the cluster",
        "landlord render guard --settings settings.yaml | kubectl diff -f -",
    ),
    (
        "For an older Kubernetes, beside the webhook",
        "landlord render guard --kubernetes=1.34 --beside-webhook",
    ),
];
pub(super) const GRAFANA: [Example; 2] = [
    ("For Grafana's import", "landlord render grafana > landlord.json"),
    (
        "For a ConfigMap",
        "landlord render grafana | kubectl create cm dashboard --from-file=a.json=/dev/stdin",
    ),
];
pub(super) const ALERTS: [Example; 2] = [
    ("For the Prometheus operator", "landlord render alerts | kubectl apply -n monitoring -f -"),
    (
        "For `rule_files` of a Prometheus of its own",
        "landlord render alerts --plain > landlord.rules.yml",
    ),
];
pub(super) const POLICY_EXAMPLES: [Example; 2] = [
    ("Install it", "landlord render policy | kubectl apply -f -"),
    ("Change the settings first", "landlord render policy > policy.yaml"),
];
pub(super) const RBAC_EXAMPLES: [Example; 2] = [
    ("Install them", "landlord render rbac | kubectl apply -f -"),
    ("What the controller may do", "landlord render rbac | less"),
];
pub(super) const MANIFESTS: [Example; 2] = [
    (
        "Install the controller with the guard",
        "landlord render manifests | kubectl apply --server-side -f -",
    ),
    ("Keep them in a repository", "landlord render manifests > landlord.yaml"),
];
pub(super) const EXITS: [Exit; 2] =
    [(0, "printed"), (1, "an error, for example settings that are not valid")];
