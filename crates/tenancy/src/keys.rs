//! The keys that landlord itself gives a meaning, and those that decide where Pods run.

use crate::dialect::Dialect;
use crate::ledger;
use crate::metadata::{Field, Key};
use crate::namespace::NAME_LABEL;

/// The label under which landlord records tenants of its own, custom and inline sources.
pub const TENANT_LABEL: &str = "landlord.dev/tenant";
/// Capsule's, which it forces on every namespace of a tenant.
pub(crate) const CAPSULE_TENANT_LABEL: &str = "capsule.clastix.io/tenant";
/// Read by the admission plugin `PodNodeSelector`.
pub const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
/// Read by the admission plugin `PodTolerationRestriction`: a JSON list of tolerations.
pub const DEFAULT_TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
/// The same in a form that CEL can split: `k=v:E,k:E`.
pub const TOLERATIONS: &str = "landlord.dev/tolerations";
/// The guard's record of who created the namespace.
pub const CREATOR: &str = "landlord.dev/creator";
/// Says that no rule claims the namespace (guard scope `all`).
pub const UNCLAIMED: &str = "landlord.dev/unclaimed";
/// The guard's mark on a request that changes what is sealed: the guard refuses the request for it,
/// so no namespace carries it.
pub const REFUSED: &str = "landlord.dev/refused";
/// The scheduling gate of Pods that wait for their namespace.
pub const GATE: &str = "landlord.dev/provisioning";
/// The field manager of every write of landlord's, as `metadata.managedFields` names it.
pub const FIELD_MANAGER: &str = "landlord";
/// Every key of landlord's own begins with it.
pub const OWN_PREFIX: &str = "landlord.dev/";
/// Annotations that landlord alone writes on a namespace: the guard seals each of them.
pub const OWN_ANNOTATIONS: [&str; 4] = [ledger::ANNOTATION, CREATOR, TOLERATIONS, UNCLAIMED];

/// Whether a tenant may not list the key among its labels or annotations. Capsule's may list all
/// but landlord's own.
pub(crate) fn is_reserved(dialect: Dialect, key: &str) -> bool {
    let plugins = dialect == Dialect::Landlord
        && [NODE_SELECTOR, DEFAULT_TOLERATIONS, NAME_LABEL].contains(&key);
    plugins || key.starts_with(OWN_PREFIX)
}

/// Whether landlord itself writes the annotation, whatever a tenant lists: its own ones, and those
/// that decide where Pods run.
pub(crate) fn is_own_annotation(key: &str) -> bool {
    key.starts_with(OWN_PREFIX) || [NODE_SELECTOR, DEFAULT_TOLERATIONS].contains(&key)
}

/// Whether the key decides where Pods run: such a key is overridden or refused, never kept.
pub fn is_placement(key: &Key) -> bool {
    match key.field {
        Field::Annotation => [NODE_SELECTOR, DEFAULT_TOLERATIONS, TOLERATIONS, ledger::ANNOTATION]
            .contains(&key.name.as_str()),
        Field::Label => [TENANT_LABEL, CAPSULE_TENANT_LABEL].contains(&key.name.as_str()),
    }
}
