//! Seen: a namespace with what it says of where its Pods run, and which of its keys a tenant could
//! manage.

use serde_json::Value;
use tenancy::keys::{DEFAULT_TOLERATIONS, NODE_SELECTOR};
use tenancy::metadata::{Field, Key, Map};
use tenancy::namespace::{NAME_LABEL, Namespace};
use tenancy::selector::NodeSelector;
use tenancy::toleration::{self, Toleration};

/// Domains of keys that tools write for themselves, and keys of theirs.
const TOOLS: [&str; 19] = [
    "app.kubernetes.io/managed-by",
    "argocd.argoproj.io/",
    "capsule.clastix.io/",
    "cattle.io/",
    "field.cattle.io/",
    "helm.sh/",
    "helm.toolkit.fluxcd.io/",
    "hnc.x-k8s.io/",
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/",
    "landlord.dev/",
    "lifecycle.cattle.io/",
    "management.cattle.io/",
    "meta.helm.sh/",
    "openshift.io/",
    "projectcapsule.dev/",
    "scheduler.alpha.kubernetes.io/",
    "velero.io/",
];
/// Ends the key of HNC's labels, which begins with the name of an ancestor.
pub(super) const TREE_SUFFIX: &str = ".tree.hnc.x-k8s.io/depth";
/// Most bytes of an annotation in a Tenant.
const MAX_ANNOTATION_BYTES: usize = 32_768;

/// Node selector and tolerations; `None` where the namespace says nothing, or nothing that can be
/// read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placement {
    pub(super) selector: Option<Map>,
    /// As the annotation has them, in landlord's spelling.
    pub(super) tolerations: Option<String>,
}

/// A namespace of a group.
pub(super) struct Seen<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) placement: Placement,
    /// Annotations of placement that cannot be read, and why.
    pub(super) faults: Vec<String>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(namespace: &'a Namespace) -> Self {
        let mut faults = Vec::new();
        let annotations = &namespace.metadata.annotations;
        let selector = annotations.get(NODE_SELECTOR).and_then(|text| {
            let selector = text.parse::<NodeSelector>();
            selector.map_err(|fault| faults.push(format!("{NODE_SELECTOR}: {fault}"))).ok()
        });
        let tolerations = annotations.get(DEFAULT_TOLERATIONS).and_then(|text| {
            let tolerations = read_tolerations(text);
            tolerations.map_err(|fault| faults.push(format!("{DEFAULT_TOLERATIONS}: {fault}"))).ok()
        });
        let selector = selector.map(|selector| selector.as_map().clone());
        Self { namespace, placement: Placement { selector, tolerations }, faults }
    }

    pub(super) fn name(&self) -> &'a str {
        self.namespace.name_or_stem()
    }

    /// The value of a label or annotation.
    pub(super) fn value(&self, key: &Key) -> Option<&'a str> {
        self.namespace.metadata.field(key.field).get(&key.name).map(String::as_str)
    }

    /// Keys that a tenant could manage.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        let metadata = &self.namespace.metadata;
        let of = |field| {
            let map: &'a Map = metadata.field(field);
            map.iter()
                .filter(move |(key, value)| is_users(field, key, value))
                .map(move |(key, _)| Key { field, name: key.clone() })
        };
        of(Field::Label).chain(of(Field::Annotation))
    }
}

fn read_tolerations(text: &str) -> Result<String, String> {
    let items: Vec<Value> = serde_json::from_str(text).map_err(|fault| fault.to_string())?;
    let read = items.iter().map(Toleration::from_value).collect::<Result<Vec<_>, _>>();
    read.map(|tolerations| toleration::json(&tolerations)).map_err(|fault| fault.to_string())
}

/// Whether users wrote it, and a Tenant can: `{{` would begin a tag.
fn is_users(field: Field, key: &str, value: &str) -> bool {
    let is_tools = key == NAME_LABEL
        || key.ends_with(TREE_SUFFIX)
        || TOOLS.iter().any(|tool| key.starts_with(tool));
    let fits = field == Field::Label || value.len() <= MAX_ANNOTATION_BYTES;
    !is_tools && fits && !value.contains("{{")
}
