//! Reason: why a namespace, or a write of one, is not as its tenant wants it: one of a few words
//! for metrics, Events, conditions and machine-readable reports.

use std::fmt;

use tenancy::desired::DesireError;
use tenancy::plan::PlanError;

/// The kind of a fault. What is to be done about it is decided by this, never by a text. In the
/// order of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// One rule of `identify` finds several tenants.
    AmbiguousClaim,
    /// The annotations would be larger than the API server stores.
    AnnotationsTooLarge,
    /// The API server answered a write that it is busy.
    Busy,
    /// Keys have other values, and `conflicts: reject` refuses them.
    Conflicted,
    /// Another writer sets keys back again and again.
    Contested,
    /// List items of a Capsule tenant switch each other.
    DoesNotComeToRest,
    /// A write was refused with 403.
    Forbidden,
    /// A hook rejects the namespace.
    HookRejected,
    /// The namespace is compliant, but a hook warns of it.
    HookWarning,
    /// A key is not valid once its template is rendered.
    InvalidKey,
    /// The node selector would make every creation of a Pod fail.
    InvalidNodeSelector,
    /// The claimed tenant cannot be used.
    InvalidTenant,
    /// The value of a label is not valid once its template is rendered.
    InvalidValue,
    /// The object would be larger than etcd stores.
    ObjectTooLarge,
    /// There is more to remember for `release: restore` than fits into the ledger.
    PreviousTooLarge,
    /// A write was refused otherwise, for example by a webhook.
    Refused,
    /// The answer to a write does not carry what was written: admission set it back.
    Reverted,
    /// A gated Pod asks for other nodes than its namespace.
    SelectorClash,
    /// A write was answered by a failure of the API server.
    ServerError,
    /// A write was not answered in time.
    Timeout,
    /// No rule claims the namespace, and the settings require a claim.
    Unclaimed,
    /// The claim names no tenant.
    UnknownTenant,
    /// A write could not be sent.
    Unreachable,
    /// The creator of the namespace may not claim its tenant.
    Unverified,
    /// A gated Pod waits until its namespace is ready.
    WaitingForNamespace,
}

impl Reason {
    /// The word, stable: users match it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AmbiguousClaim => "AmbiguousClaim",
            Self::AnnotationsTooLarge => "AnnotationsTooLarge",
            Self::Busy => "Busy",
            Self::Conflicted => "Conflicted",
            Self::Contested => "Contested",
            Self::DoesNotComeToRest => "DoesNotComeToRest",
            Self::Forbidden => "Forbidden",
            Self::HookRejected => "HookRejected",
            Self::HookWarning => "HookWarning",
            Self::InvalidKey => "InvalidKey",
            Self::InvalidNodeSelector => "InvalidNodeSelector",
            Self::InvalidTenant => "InvalidTenant",
            Self::InvalidValue => "InvalidValue",
            Self::ObjectTooLarge => "ObjectTooLarge",
            Self::PreviousTooLarge => "PreviousTooLarge",
            Self::Refused => "Refused",
            Self::Reverted => "Reverted",
            Self::SelectorClash => "SelectorClash",
            Self::ServerError => "ServerError",
            Self::Timeout => "Timeout",
            Self::Unclaimed => "Unclaimed",
            Self::UnknownTenant => "UnknownTenant",
            Self::Unreachable => "Unreachable",
            Self::Unverified => "Unverified",
            Self::WaitingForNamespace => "WaitingForNamespace",
        }
    }

    /// Whether nothing may be written to the namespace before the fault is removed: there is no
    /// plan, or no right to carry it out.
    pub fn blocks_writes(self) -> bool {
        match self {
            Self::Conflicted
            | Self::Contested
            | Self::HookRejected
            | Self::HookWarning
            | Self::Unclaimed => false,
            Self::AmbiguousClaim
            | Self::AnnotationsTooLarge
            | Self::Busy
            | Self::DoesNotComeToRest
            | Self::Forbidden
            | Self::InvalidKey
            | Self::InvalidNodeSelector
            | Self::InvalidTenant
            | Self::InvalidValue
            | Self::ObjectTooLarge
            | Self::PreviousTooLarge
            | Self::Refused
            | Self::Reverted
            | Self::SelectorClash
            | Self::ServerError
            | Self::Timeout
            | Self::UnknownTenant
            | Self::Unreachable
            | Self::Unverified
            | Self::WaitingForNamespace => true,
        }
    }
}

impl Reason {
    /// Whether a failure of this kind passes by itself. The others are verdicts on the write: its
    /// next attempt will not fare better unless something else changes.
    pub fn passes(self) -> bool {
        matches!(self, Self::Busy | Self::ServerError | Self::Timeout | Self::Unreachable)
    }

    /// Whether the write was too large. That is this object's fault, and it is certain at once.
    pub fn is_size(self) -> bool {
        matches!(self, Self::AnnotationsTooLarge | Self::ObjectTooLarge)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl From<&PlanError> for Reason {
    fn from(error: &PlanError) -> Self {
        match error {
            PlanError::Desire(DesireError::Key { .. }) => Self::InvalidKey,
            PlanError::Desire(DesireError::Value { .. }) => Self::InvalidValue,
            PlanError::Desire(DesireError::NodeSelector { .. }) => Self::InvalidNodeSelector,
            PlanError::NoRest { .. } => Self::DoesNotComeToRest,
            PlanError::Previous { .. } => Self::PreviousTooLarge,
            PlanError::Size { .. } => Self::AnnotationsTooLarge,
        }
    }
}

/// Why a namespace is not compliant: the kind, and a message that says where, which value and what
/// to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub reason: Reason,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Reason; 25] = [
        Reason::AmbiguousClaim,
        Reason::AnnotationsTooLarge,
        Reason::Busy,
        Reason::Conflicted,
        Reason::Contested,
        Reason::DoesNotComeToRest,
        Reason::Forbidden,
        Reason::HookRejected,
        Reason::HookWarning,
        Reason::InvalidKey,
        Reason::InvalidNodeSelector,
        Reason::InvalidTenant,
        Reason::InvalidValue,
        Reason::ObjectTooLarge,
        Reason::PreviousTooLarge,
        Reason::Refused,
        Reason::Reverted,
        Reason::SelectorClash,
        Reason::ServerError,
        Reason::Timeout,
        Reason::Unclaimed,
        Reason::UnknownTenant,
        Reason::Unreachable,
        Reason::Unverified,
        Reason::WaitingForNamespace,
    ];

    /// The word is the variant's name, and what is sorted by reason is sorted by word.
    #[test]
    fn words_are_names_in_order() {
        for reason in ALL {
            assert_eq!(reason.to_string(), format!("{reason:?}"));
        }
        assert!(ALL.is_sorted() && ALL.map(Reason::word).is_sorted());
    }
}
