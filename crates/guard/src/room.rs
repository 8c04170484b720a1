//! Room: users leave landlord room for what it writes on a claimed namespace, and no namespace has an
//! absurd number of labels, which everything that reads namespaces would pay for. A namespace that has
//! more already may have less.

use super::expression::{field_or, value_of};
use super::policy::{Effect, Named, Policy, Validation};
use super::{Guard, Part};

/// Most labels of a namespace.
const MAX_LABELS: usize = 1000;
/// Most characters of annotations that users give a claimed namespace; the policy counts alike.
const MAX_ANNOTATIONS: usize = 200 * 1024;

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    let conditions = [
        guard.not_excluded("object.metadata.name"),
        Some(("not-the-controller", format!("!({})", guard.is_controller()))),
        Some(("not-an-admin", format!("!({})", guard.is_admin_or_api_server()))),
        Some(("metadata-grows", grows())),
    ];
    Policy {
        part: Part::Room,
        rule: (&["namespaces", "namespaces/status", "namespaces/finalize"], &["CREATE", "UPDATE"]),
        label: None,
        object_label: None,
        tenants: None,
        conditions: conditions.into_iter().flatten().collect(),
        variables: variables(guard),
        effect: Effect::Validate(vec![
            Validation {
                expression: format!(
                    "size(variables.labels) <= {MAX_LABELS} || size(variables.labels) <= variables.oldLabels"
                ),
                message: format!(
                    "\"namespace \" + object.metadata.name + \" has \" + string(size(variables.labels)) + \" labels: reduce them to {MAX_LABELS}\""
                ),
            },
            Validation {
                expression: format!(
                    "variables.tenant == \"\" || variables.bytes <= {MAX_ANNOTATIONS} || variables.bytes <= variables.oldBytes"
                ),
                message: format!(
                    "\"namespace \" + object.metadata.name + \": annotations have \" + string(variables.bytes) + \" bytes, which leaves no room for its tenant's: reduce them to {MAX_ANNOTATIONS}\""
                ),
            },
        ]),
    }
}

/// What is neither created nor given other labels or annotations takes no room.
fn grows() -> String {
    let differs = |field: &str| {
        let [new, old] = ["object", "oldObject"]
            .map(|object| field_or(&format!("{object}.metadata.{field}"), "{}"));
        format!("({new}) != ({old})")
    };
    format!("oldObject == null || {} || {}", differs("labels"), differs("annotations"))
}

fn variables(guard: &Guard<'_>) -> Vec<Named> {
    let bytes = |map: &str| format!("{map}.map(k, size(k) + size({map}[k])).sum()");
    let old = |field: &str| {
        format!(
            "oldObject == null ? {{}} : {}",
            field_or(&format!("oldObject.metadata.{field}"), "{}")
        )
    };
    vec![
        ("labels", field_or("object.metadata.labels", "{}")),
        ("annotations", field_or("object.metadata.annotations", "{}")),
        ("oldAnnotations", old("annotations")),
        ("oldLabels", format!("size({})", old("labels"))),
        ("tenant", value_of("variables.labels", guard.settings.tenant_label())),
        ("bytes", bytes("variables.annotations")),
        ("oldBytes", bytes("variables.oldAnnotations")),
    ]
}
