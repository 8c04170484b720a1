//! What tests of several crates have in common. A failure here is a test's: functions panic and say
//! what they found.
//!
//! ```text
//! capsule ── cases for engine, command line, policy and page
//! run ── a program, and what it printed
//! world ── a cluster with controllers ──▶ scenarios, health: the same with the policy beside them, and without
//! ```

use std::path::{Path, PathBuf};

#[cfg(feature = "cluster")]
pub mod browser;
pub mod capsule;
#[cfg(feature = "cluster")]
pub mod examples;
#[cfg(feature = "cluster")]
pub mod health;
#[cfg(feature = "cluster")]
pub mod http_client;
#[cfg(feature = "cluster")]
pub mod policy;
pub mod run;
#[cfg(feature = "cluster")]
pub mod scenarios;
#[cfg(feature = "cluster")]
pub mod shapes;
#[cfg(feature = "cluster")]
pub mod world;

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
