//! A real etcd, kube-apiserver and kube-scheduler on loopback, for tests, the demo and benches. No
//! kubelet: a Pod is placed on a node by the real scheduler, and stays there, Pending.
//!
//! ```text
//! Binaries (KUBEBUILDER_ASSETS, or built once) ─▶ Cluster ─▶ kube::Client, kubeconfig per User
//!                                                   │
//!   ClusterAdmissionPolicy ─watch─▶ Kubewarden ─────┴─▶ policy-host serve + MutatingWebhookConfiguration
//! ```
//!
//! Everything that is started ends with its handle, and with this process however that ends
//! ([`process`]).

pub mod authority;
pub mod binaries;
pub mod cluster;
pub mod kubewarden;
pub mod manifest;
pub mod node;
pub mod ports;
pub mod process;
pub mod registry;
pub mod user;
pub mod waiting;

mod kubeconfig;
mod scratch;

pub use authority::Authority;
pub use binaries::{Binaries, BinariesError, Release};
pub use cluster::{API_SERVER_ARGUMENTS, Builder, Cluster, Snapshot, StartError};
pub use kubewarden::Kubewarden;
pub use node::Node;
pub use ports::Port;
pub use process::Process;
pub use registry::Registry;
pub use user::User;
pub use waiting::eventually;

/// The definition of Capsule's kind Tenant, for tests: as much of its schema as landlord reads.
pub const CAPSULE_DEFINITION: &str = include_str!("capsule.yaml");
