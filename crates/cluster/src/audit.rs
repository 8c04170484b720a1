//! Audit: whether one Pod runs in its namespace's pool, and why not. Pure; `landlord audit` and
//! `landlord controller --audit` judge by it, so that both count the same Pods.
//!
//! ```text
//! Assessment, managedFields ─▶ Pool ─┐
//! Pod ─▶ Placed ─────────────────────┼─ stray_cause ─▶ inside, or outside and why
//! labels of its node, guard ─────────┘
//! ```

pub mod bound;
pub mod cause;
pub mod placed;
pub mod pool;
pub mod requests;
