//! Landlord's engine. It does no I/O, knows no clock and no Kubernetes client; both the policy (in
//! WebAssembly) and the controller feed it the same values and carry out the same plan.
//!
//! ```text
//! Namespace ──claim──▶ tenant name ──(edge reads the object)──▶ Tenant ──desire──▶ Desired ──plan(ledger)──▶ Plan
//! ```
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod claim;
pub mod collection;
mod conflicts;
#[cfg(feature = "counters")]
pub mod counters;
pub mod decode;
pub mod desired;
mod dialect;
pub mod glob;
pub mod hook;
pub mod json_path;
pub mod keys;
pub mod label_selector;
pub mod ledger;
pub mod members;
pub mod metadata;
pub mod namespace;
pub mod plan;
pub mod ready;
pub mod requester;
pub mod selector;
pub mod settings;
pub mod template;
pub mod tenant;
pub mod text;
pub mod toleration;
pub mod trust;
mod want;
pub mod why;

pub use serde_json::Value;
