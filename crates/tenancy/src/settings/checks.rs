//! Checks: values that are well formed, and mean nothing, or something else than was meant.

use super::{OnUnready, Pods};
use crate::decode::DecodeError;

pub(super) fn check_pods(pods: Pods) -> Result<(), DecodeError> {
    if pods.on_unready == OnUnready::Hold && !pods.place {
        let message = "the policy on Pods holds only where it places them: write `place: true` beside it, or leave it out";
        return Err(DecodeError::new("pods.onUnready", message));
    }
    Ok(())
}

/// A scheduler is known to Pods by a name, and to the API server by a user name.
pub(super) fn check_schedulers(schedulers: &[String]) -> Result<(), DecodeError> {
    let fault = |(index, user): (usize, &String)| {
        let message = match user.as_str() {
            "" => "empty: write the user name of a scheduler",
            "default-scheduler" | "kube-scheduler" => {
                "this is the name of a scheduler, not its user name, and no Pod would be bound: write `system:kube-scheduler`"
            }
            _ => return None,
        };
        Some(DecodeError::new(format!("schedulers[{index}]"), format!("{user:?}: {message}")))
    };
    if schedulers.is_empty() {
        let message = "no Pod would be bound: list `system:kube-scheduler` at least";
        return Err(DecodeError::new("schedulers", message));
    }
    schedulers.iter().enumerate().find_map(fault).map_or(Ok(()), Err)
}
