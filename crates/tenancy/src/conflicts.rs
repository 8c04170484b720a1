//! Conflicts: what becomes of a wanted key that a namespace has with another value.

use serde::{Deserialize, Serialize};

/// What happens when a namespace has a wanted key with another value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Conflicts {
    /// The tenant's value is written.
    #[default]
    Override,
    /// The namespace's value stays and is reported as kept. Placement keys are overridden all the
    /// same.
    Keep,
    /// Denied at admission, reported at reconcile.
    Reject,
}
