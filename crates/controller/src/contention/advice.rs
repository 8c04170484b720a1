//! Advice: what ends a contention, in the words of the tool that writes the other value.

use std::fmt::Write;

use json_patch::jsonptr::PointerBuf;
use tenancy::metadata::{Field, Key};

/// Landlord's own way out. A placement key is never kept.
const OWN_WAY_OUT: &str = "or set conflicts: keep in the Tenant, or take the keys out of it";

/// What to do about it. Without a proved writer, what finds it out.
pub fn advice(other: Option<&str>, namespace: &str, keys: &[Key]) -> String {
    format!("{}; {OWN_WAY_OUT}", tool_advice(other, namespace, keys))
}

/// The lines for the tool's own file that end it, where there are any: to be copied.
pub fn snippet(other: Option<&str>, namespace: &str, keys: &[Key]) -> Option<String> {
    let name = other?.to_ascii_lowercase();
    let list = |indent: &str| -> String {
        keys.iter().map(|key| format!("{indent}- {:?}\n", pointer(key).as_str())).collect()
    };
    if name.contains("argocd") || name.contains("argo-cd") {
        Some(format!(
            "spec:\n  ignoreDifferences:\n  - kind: Namespace\n    name: {namespace}\n    jsonPointers:\n{}  syncPolicy:\n    syncOptions:\n    - RespectIgnoreDifferences=true\n",
            list("    ")
        ))
    } else if name.contains("helm-controller") {
        Some(format!(
            "spec:\n  driftDetection:\n    mode: enabled\n    ignore:\n    - target:\n        kind: Namespace\n        name: {namespace}\n      paths:\n{}",
            list("      ")
        ))
    } else if name.contains("fleet") {
        Some(format!(
            "diff:\n  comparePatches:\n  - apiVersion: v1\n    kind: Namespace\n    name: {namespace}\n    jsonPointers:\n{}",
            list("    ")
        ))
    } else {
        None
    }
}

fn tool_advice(other: Option<&str>, namespace: &str, keys: &[Key]) -> String {
    let pointers = keys
        .iter()
        .map(|key| format!("{:?}", pointer(key).as_str()))
        .collect::<Vec<_>>()
        .join(", ");
    let name = other.unwrap_or_default().to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if is(&["argocd", "argo-cd"]) {
        format!(
            "in the Argo CD Application set ignoreDifferences: [{{kind: Namespace, name: {namespace}, jsonPointers: [{pointers}]}}] with \
             syncOptions [RespectIgnoreDifferences=true]"
        )
    } else if is(&["helm-controller"]) {
        format!(
            "in the Flux HelmRelease set driftDetection: {{ignore: [{{target: {{kind: Namespace, name: {namespace}}}, paths: [{pointers}]}}]}}"
        )
    } else if is(&["kustomize-controller"]) {
        "take the keys out of the manifest that Flux applies, or annotate it kustomize.toolkit.fluxcd.io/ssa: IfNotPresent".to_owned()
    } else if is(&["terraform", "hashicorp", "tofu"]) {
        format!(
            "in Terraform add {} to lifecycle.ignore_changes of the namespace",
            attributes(keys, "metadata[0].", "[\"", "\"]")
        )
    } else if is(&["pulumi"]) {
        format!(
            "in Pulumi add {} to ignoreChanges of the namespace",
            attributes(keys, "metadata.", "['", "']")
        )
    } else if is(&["crossplane"]) {
        "in the Crossplane Object set managementPolicies without Update, or take the keys out of its manifest".to_owned()
    } else if is(&["fleet"]) {
        format!(
            "in fleet.yaml set diff.comparePatches: [{{kind: Namespace, name: {namespace}, jsonPointers: [{pointers}]}}]"
        )
    } else if is(&["kapp"]) {
        format!(
            "in the kapp Config add a rebaseRule of type copy, sources [existing, new], for {pointers}"
        )
    } else if is(&["helm"]) {
        "take the keys out of the chart's Namespace, or let Helm not manage it (`helm install --create-namespace` leaves it alone)"
            .to_owned()
    } else if is(&["kubectl"]) {
        "a person or a script runs kubectl on it: take the keys out of the file, and prefer `kubectl apply` to `kubectl replace`".to_owned()
    } else {
        format!(
            "the API server's audit log says who updates namespace {namespace:?}; let that client leave {pointers} alone"
        )
    }
}

/// `metadata[0].labels["a"]`, separated by commas.
fn attributes(keys: &[Key], before: &str, open: &str, close: &str) -> String {
    let mut text = String::new();
    for key in keys {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{before}{}{open}{}{close}", field(key), key.name);
    }
    text
}

fn field(key: &Key) -> &'static str {
    match key.field {
        Field::Label => "labels",
        Field::Annotation => "annotations",
    }
}

fn pointer(key: &Key) -> PointerBuf {
    PointerBuf::from_tokens(["metadata", field(key), &key.name])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("argocd-controller", "ignoreDifferences")]
    #[case("helm-controller", "driftDetection")]
    #[case("kustomize-controller", "ssa: IfNotPresent")]
    #[case("Terraform", "metadata[0].annotations[\"example.com/a\"] to lifecycle.ignore_changes")]
    #[case("HashiCorp", "lifecycle.ignore_changes")]
    #[case("pulumi-kubernetes-1a2b", "metadata.annotations['example.com/a'] to ignoreChanges")]
    #[case("crossplane-provider-kubernetes", "managementPolicies")]
    #[case("fleetagent", "comparePatches")]
    #[case("kapp-server", "rebaseRule")]
    #[case("helm", "--create-namespace")]
    #[case("kubectl-replace", "kubectl apply")]
    fn it_speaks_the_tools_language(#[case] manager: &str, #[case] expected: &str) {
        let keys = [Key { field: Field::Annotation, name: "example.com/a".to_owned() }];
        let text = advice(Some(manager), "web", &keys);
        assert!(text.contains(expected), "{text}");
        assert!(
            text.ends_with("or set conflicts: keep in the Tenant, or take the keys out of it"),
            "{text}"
        );
    }

    #[rstest]
    #[case("argocd-controller", "/spec/ignoreDifferences/0/jsonPointers/0")]
    #[case("helm-controller", "/spec/driftDetection/ignore/0/paths/0")]
    #[case("fleetagent", "/diff/comparePatches/0/jsonPointers/0")]
    fn lines_to_copy_are_yaml(#[case] manager: &str, #[case] place: &str) {
        let keys = [Key { field: Field::Label, name: "example.com/a".to_owned() }];
        let text = snippet(Some(manager), "web", &keys).expect("lines");
        let value: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        let found = value.pointer(place).and_then(serde_json::Value::as_str);
        assert_eq!(found, Some("/metadata/labels/example.com~1a"), "{text}");
    }

    #[test]
    fn without_a_name_it_says_what_finds_it_out() {
        let keys = [Key { field: Field::Annotation, name: "example.com/a".to_owned() }];
        let text = advice(None, "web", &keys);
        assert_eq!(snippet(None, "web", &keys), None);
        assert!(
            text.contains("audit log") && text.contains("/metadata/annotations/example.com~1a"),
            "{text}"
        );
    }
}
