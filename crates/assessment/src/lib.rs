//! What landlord says of objects at hand, without a cluster: the plan that the controller would
//! carry out, and the policy's answer to a request. The controller and its command line read it,
//! and so does the playground, in the browser. No I/O, no clock, no Kubernetes client.
//!
//! ```text
//! text ──document──▶ objects ──inventory──▶ settings, tenants, namespaces ──assess──▶ Assessment ──plan_json──▶ landlord.dev/plan/v1
//!                                                     └──admission──▶ the policy's answer to a request
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admission;
mod assessment;
pub mod document;
pub mod inventory;
pub mod plan_json;
mod reason;
mod record;

pub use self::assessment::{Assessment, State, assess, assess_with_origins, is_in_scope};
pub use self::reason::{Fault, Reason};
pub use self::record::Record;
