//! Names: excluded names are a way out of tenancy, so only admins and the platform's
//! operators create such namespaces, asked for by name or by `generateName`.

use super::policy::{Effect, Policy, Validation};
use super::{Guard, Part};

/// The policy, if the settings exclude any name.
pub(super) fn policy(guard: &Guard<'_>) -> Option<Policy> {
    let excluded = guard.excludes("object.metadata.name")?;
    let message = "\"namespace \" + object.metadata.name + \" is excluded from tenancy, so only admins and platformOperators may create it: choose another name\"";
    Some(Policy {
        part: Part::Names,
        rule: (&["namespaces"], &["CREATE"]),
        label: None,
        object_label: None,
        tenants: None,
        // Validations see the name that the API server has made of a `generateName`; conditions see
        // it as well.
        conditions: vec![("excluded", excluded)],
        variables: Vec::new(),
        effect: Effect::Validate(vec![Validation {
            expression: guard.may_create_excluded(),
            message: message.to_owned(),
        }]),
    })
}
