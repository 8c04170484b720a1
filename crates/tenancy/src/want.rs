//! Want: a value that a tenant wants of a key, and where it comes from.

use std::collections::BTreeMap;

use crate::metadata::Key;
use crate::why::Why;

/// A wanted value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The value, rendered.
    pub value: String,
    /// Where it comes from.
    pub why: Why,
}

/// Wants by their keys.
pub(crate) type Wants = BTreeMap<Key, Want>;
