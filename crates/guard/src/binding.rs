//! Binding: a Pod is put on a node by schedulers and admins only, through either of the two ways
//! that the API server has for it.

use super::expression::list;
use super::policy::{Effect, Policy, Validation};
use super::{Guard, Part};

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    let schedulers = list(guard.settings.schedulers.iter());
    let message = format!(
        r#""only schedulers (" + {schedulers}.join(", ") + ") and admins bind Pods in namespace " + request.namespace
+ ": leave it to the scheduler, or list yours in the settings under `schedulers`""#
    );
    Policy {
        part: Part::Binding,
        rule: (&["pods/binding", "bindings"], &["CREATE"]),
        label: guard.selecting_label(),
        object_label: None,
        tenants: None,
        conditions: guard.not_excluded("request.namespace").into_iter().collect(),
        variables: Vec::new(),
        effect: Effect::Validate(vec![Validation { expression: guard.may_bind(), message }]),
    }
}
