//! Why: where a change of a key comes from. `explain` prints it, and `plan -o json` carries it.

use std::fmt;

/// The origin of a key's value, or the cause of its removal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The tenant's own fields.
    #[default]
    Spec,
    /// `spec.overrides[i]` of a landlord tenant.
    Override(usize),
    /// Several layers, each with the part that is its own: a key of the node selector or of a
    /// toleration.
    Layers(Vec<(String, Why)>),
    /// `additionalMetadataList[i]` of a Capsule tenant.
    ListItem(usize),
    /// `rules[i]` of a Capsule tenant.
    Rule(usize),
    /// A `default` of a Capsule rule: set once, never repaired.
    DefaultRule,
    /// A hook, by name.
    Hook(String),
    /// Set by a hook that runs at another stage, and put back as it was.
    Held,
    /// Written over user and tenant alike.
    Forced,
    /// The tenant label that records what another rule found.
    Recorded,
    /// Landlord's own record.
    Ledger,
    /// A managed key that is no longer wanted.
    Released,
    /// The value that the key had before landlord managed it.
    Restored,
    /// Not among the tenant's keys while the tenant allows no others.
    Exclusive,
    /// The guard's stamp, without the admin's move that the plan carries out.
    Stamp,
    /// No rule claims the namespace, and the guard waits for that to be said.
    Unclaimed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec => f.write_str("tenant spec"),
            Self::Override(index) => write!(f, "override {index}"),
            Self::Layers(parts) => {
                let part = |(key, why): &(String, Self)| format!("{key}: {why}");
                f.write_str(&parts.iter().map(part).collect::<Vec<_>>().join(", "))
            }
            Self::ListItem(index) => write!(f, "additionalMetadataList {index}"),
            Self::Rule(index) => write!(f, "rule {index}"),
            Self::DefaultRule => f.write_str("default rule"),
            Self::Hook(name) => write!(f, "hook {name}"),
            Self::Held => f.write_str("hook of another stage"),
            Self::Forced => f.write_str("forced"),
            Self::Recorded => f.write_str("recorded claim"),
            Self::Ledger => f.write_str("ledger"),
            Self::Released => f.write_str("released"),
            Self::Restored => f.write_str("restored"),
            Self::Exclusive => f.write_str("managedMetadataOnly"),
            Self::Stamp => f.write_str("guard's stamp"),
            Self::Unclaimed => f.write_str("unclaimed"),
        }
    }
}
