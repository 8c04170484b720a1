//! Serve: policies behind a webhook, as Kubewarden's policy server runs them.
//!
//! ```text
//! POST /validate/NAME ─▶ worker limit ─▶ fresh instance ─▶ AdmissionReview
//! GET  /readiness  /metrics
//! ```

mod metrics;
mod policies;
mod review;
mod server;

pub use policies::{PoliciesError, PolicyEntry, ServedPolicy, read_policies};
pub use server::{ServeError, ServeOptions, Server};
