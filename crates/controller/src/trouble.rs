//! Trouble: why a namespace is not compliant, in a bounded word and in a sentence.

use assessment::UNCLAIMED;

/// The reason of a namespace whose creator may not claim its tenant.
pub const UNVERIFIED: &str = "Unverified";
/// The reason of a namespace with keys that `conflicts: reject` refuses.
pub const CONFLICTED: &str = "Conflicted";
/// The reason of a namespace that a hook rejects.
pub const HOOK_REJECTED: &str = "HookRejected";
/// The reason of a namespace that is compliant, but of which a hook has something to say.
pub const HOOK_WARNING: &str = "HookWarning";
/// The reason of a namespace with keys that another writer sets back again and again.
pub const CONTESTED: &str = "Contested";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trouble {
    /// Bounded, for metrics, events and conditions.
    pub reason: &'static str,
    pub message: String,
}

impl Trouble {
    /// Whether nothing may be written before its cause is gone.
    pub(crate) fn blocks(&self) -> bool {
        ![CONFLICTED, HOOK_REJECTED, HOOK_WARNING, CONTESTED, UNCLAIMED].contains(&self.reason)
    }
}
