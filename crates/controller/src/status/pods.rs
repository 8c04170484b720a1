//! What a Tenant's status says of its held Pods.

use super::Condition;
use crate::snapshot::TenantPods;
use assessment::Reason;

/// Whether no Pod is held; what needs an admin comes before what only needs time.
pub(super) fn released(pods: Option<&TenantPods>) -> Condition {
    let nothing = TenantPods::default();
    let TenantPods { pods: held, clashing, failing } = pods.unwrap_or(&nothing);
    let (reason, message) = match (&clashing.oldest, &failing.oldest) {
        (Some((pod, state)), _) => (
            Reason::SelectorClash.word(),
            format!("{} of {held} held Pods clash: {pod}: {state}", clashing.pods),
        ),
        (None, Some((pod, state))) => (
            "ReleaseFailed",
            format!("{} of {held} held Pods could not be released: {pod}: {state}", failing.pods),
        ),
        (None, None) if *held > 0 => {
            ("Held", format!("{held} Pods wait until their namespace is ready"))
        }
        (None, None) => ("NoneHeld", "no Pod is held".to_owned()),
    };
    Condition { kind: "PodsReleased", holds: Some(*held == 0), reason, message }
}
