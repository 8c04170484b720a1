//! What landlord asks of an API server, and what it makes of the answers. Nothing here follows a
//! cluster; writes and the lease have deadlines.
//!
//! ```text
//! kubeconfig ─▶ connection ─▶ lists (tenants, namespaces) · named (single ones) · settings · policy
//!                             leader_record · webhooks · writer, pod_writer · lease · account · admission_policies
//! gated_pod, Assessment ─▶ placement ─▶ pod_release (pure) · audit (pure)
//! how a namespace stands ─▶ reports
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod account;
pub mod admission_policies;
pub mod audit;
pub mod autoscaling;
pub mod cached_namespace;
pub mod clock;
pub mod connection;
pub mod error;
pub mod gated_pod;
pub mod leader_record;
pub mod lease;
pub mod lists;
pub mod managed_fields;
pub mod named;
pub mod operation;
pub mod placement;
pub mod pod_release;
pub mod pod_writer;
pub mod policy;
pub mod reports;
mod request;
pub mod settings;
pub mod webhooks;
pub mod write;
pub mod writer;
