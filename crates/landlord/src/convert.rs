//! Convert: Tenants and settings for namespaces that another product places today, or that users
//! have labelled by hand. What it makes leaves every namespace as it is, or says what it does not.
//!
//! ```text
//! objects ──source──▶ Conversion (tenants, identify, labels to set) ──engine──▶ Trial (what would differ)
//! ```

mod capsule;
mod conversion;
mod groups;
mod hnc;
mod names;
mod namespaces;
mod overrides;
mod rancher;
mod seen;
mod spec;
mod trial;

pub(crate) use self::capsule::convert as from_capsule;
pub(crate) use self::conversion::Conversion;
pub(crate) use self::hnc::convert as from_hnc;
pub(crate) use self::namespaces::{Grouping, convert as from_namespaces};
pub(crate) use self::rancher::{PROJECT, convert as from_rancher};
pub(crate) use self::trial::Trial;
