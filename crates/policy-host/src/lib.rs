//! Runs a compiled Kubewarden policy the way Kubewarden does: a fresh instance for every request, a
//! deadline, host calls that are answered in Kubewarden's words, and the mutated object turned into
//! a JSONPatch.
//!
//! ```text
//! wasm ──PolicyModule──▶ instance ──validate──▶ ValidationResponse ──Verdict──▶ AdmissionResponse
//!  │                       └──HostCalls (denied | session | objects | cluster)
//!  ├──Gauge: the same calls, counted
//!  └──Registry (push, pull)
//! ```

pub mod annotation;
pub mod call_error;
pub mod gauge;
pub mod host_calls;
pub mod metadata;
pub mod module;
pub mod registry;
pub mod serve;
pub mod verdict;

pub use call_error::CallError;
pub use gauge::{Cost, Gauge};
pub use host_calls::{ClusterAccess, ClusterObjects, Denied, HostCalls, Objects, Session};
pub use module::{Limits, ModuleError, PolicyModule, SettingsVerdict};
pub use verdict::Verdict;
