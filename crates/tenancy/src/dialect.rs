//! Dialect: whose semantics a tenant has.

/// Whose semantics the layers follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Selectors read the base (docs/design.md, "The base"), so one pass is enough.
    #[default]
    Landlord,
    /// Selectors read the labels the namespace carries at that moment; passes repeat until they
    /// come to rest.
    Capsule,
}
