//! Landlord's engine. It does no I/O, knows no clock and no Kubernetes client; both the policy (in WebAssembly) and the
//! controller feed it the same values and carry out the same plan.
//!
//! ```text
//! Namespace ──claim──▶ tenant name ──(edge reads the object)──▶ Tenant ──desire──▶ Desired ──plan(ledger)──▶ Plan
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
