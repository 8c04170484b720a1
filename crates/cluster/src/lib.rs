//! What landlord asks of an API server. Nothing here decides; each call has a deadline.
//!
//! ```text
//! kubeconfig ─▶ connection ─▶ lists (tenants, namespaces) · settings · writer, pod_writer · lease · admission_policies
//! ```

pub mod admission_policies;
pub mod cached_namespace;
pub mod clock;
pub mod connection;
pub mod error;
pub mod lease;
pub mod lists;
pub mod pod_writer;
pub mod settings;
pub mod write;
pub mod writer;
