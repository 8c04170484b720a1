//! Call error: why a call of a policy has no answer.

use std::time::Duration;

/// A call that did not come back with an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the policy did not start: {0}")]
    Start(String),
    #[error("the policy took longer than {} s in {operation:?}, so it was interrupted: send less, or give it more time", deadline.as_secs_f64())]
    Deadline { operation: String, deadline: Duration },
    #[error("the policy needs more than {fuel} instructions in {operation:?}")]
    Fuel { operation: String, fuel: u64 },
    /// waPC's words: the guest's error, or the trap.
    #[error("{0}")]
    Guest(String),
    #[error("the policy's answer to {operation:?} cannot be read: {source}")]
    Answer { operation: String, source: serde_json::Error },
}
