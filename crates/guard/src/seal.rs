//! Seal: what says whose a namespace is and where its Pods run stays as it was, anyone who updates
//! the namespace in whichever way – before webhooks run, so that what the policy repairs in the
//! same request stands. The controller and admins write through it. Owner references have a part
//! of their own, [`references`](super::references): what the garbage collector reads is not put
//! back.
//!
//! What a request merely drops is put back, as tools that replace objects drop it without meaning
//! it. What a request changes or adds is meant, so it is refused. A mutating policy cannot refuse,
//! and a validating one, which runs after the webhooks, cannot tell a user's change from the
//! policy's. So *seal* puts everything back and marks the request, and *refusal* refuses what is
//! marked. The mark begins with the resource version of the namespace as it was: one that was
//! stored while *refusal* was missing refuses nothing later.

use std::collections::BTreeSet;

use tenancy::keys::{DEFAULT_TOLERATIONS, NODE_SELECTOR, OWN_ANNOTATIONS, REFUSED};
use tenancy::metadata;

use super::expression::{field_or, list, quote};
use super::policy::{Effect, Named, Policy, Validation};
use super::{Guard, PROBE_NAMESPACE, Part};

/// Read by the plugin `PodTolerationRestriction`: which tolerations a Pod may have.
const TOLERATIONS_WHITELIST: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

/// All that updates a namespace.
const UPDATES: (&[&str], &[&str]) =
    (&["namespaces", "namespaces/status", "namespaces/finalize"], &["UPDATE"]);
/// What a mark begins with.
const PREFIX: &str = r#"oldObject.metadata.resourceVersion + ": ""#;
/// What a refusal says after the keys.
const REMEDY: &str = "are sealed: leave them as they are, or ask an admin to move the namespace";

/// The names of the variables about labels, or about annotations.
struct Field {
    name: &'static str,
    old: &'static str,
    /// Dropped or changed.
    lost: &'static str,
    added: &'static str,
    /// Changed or added.
    meant: &'static str,
}

const LABELS: Field = Field {
    name: "labels",
    old: "oldLabels",
    lost: "lostLabels",
    added: "addedLabels",
    meant: "meantLabels",
};
const ANNOTATIONS: Field = Field {
    name: "annotations",
    old: "oldAnnotations",
    lost: "lostAnnotations",
    added: "addedAnnotations",
    meant: "meantAnnotations",
};

pub(super) fn policy(guard: &Guard<'_>) -> Policy {
    let [labels, annotations] = [sealed_labels(guard), sealed_annotations(guard)];
    let mut variables = LABELS.variables(&labels);
    variables.extend(ANNOTATIONS.variables(&annotations));
    variables.push(LABELS.meant(&labels));
    variables.push(ANNOTATIONS.meant(&annotations));
    // The mark is set while the labels are as the request has them.
    let annotations = format!("{}\n+ {}", ANNOTATIONS.patch(&any_meant()), mark());
    let effect = Effect::Mutate(vec![annotations, LABELS.patch("false")]);
    sealing(guard, variables, effect)
}

/// The same where nothing can be corrected: such an update is refused.
pub(super) fn refusing(guard: &Guard<'_>) -> Policy {
    let mut variables = LABELS.variables(&sealed_labels(guard));
    variables.extend(ANNOTATIONS.variables(&sealed_annotations(guard)));
    let validations = vec![LABELS.validation(), ANNOTATIONS.validation()];
    sealing(guard, variables, Effect::Validate(validations))
}

fn sealing(guard: &Guard<'_>, variables: Vec<Named>, effect: Effect) -> Policy {
    Policy {
        part: Part::Seal,
        rule: UPDATES,
        label: None,
        object_label: None,
        tenants: None,
        conditions: conditions(guard),
        variables,
        effect,
    }
}

/// Refuses the requests that *seal* marks.
pub(super) fn refusal(guard: &Guard<'_>) -> Policy {
    let key = quote(REFUSED);
    let marked = format!(
        "has(object.metadata.annotations) && {key} in object.metadata.annotations &&\nobject.metadata.annotations[{key}].startsWith({PREFIX})"
    );
    let keys = format!("object.metadata.annotations[{key}].substring(size({PREFIX}))");
    let message = format!(r#"{keys} + " {REMEDY}""#);
    Policy {
        part: Part::Refusal,
        rule: UPDATES,
        label: None,
        object_label: None,
        tenants: None,
        // The controller's trial is marked as well, and reads what the seal made of it.
        conditions: vec![
            ("marked", marked),
            ("not-the-controller", format!("!({})", guard.is_controller())),
        ],
        variables: Vec::new(),
        effect: Effect::Validate(vec![Validation { expression: "false".to_owned(), message }]),
    }
}

/// Whether the request changes or adds what is sealed.
fn any_meant() -> String {
    format!("size(variables.{}) + size(variables.{}) > 0", LABELS.meant, ANNOTATIONS.meant)
}

/// A JSON patch that marks the request: `labels a, b; annotations c`.
fn mark() -> String {
    let [labels, annotations] = [LABELS, ANNOTATIONS].map(|Field { name, meant, .. }| {
        format!(
            r#"(size(variables.{meant}) > 0 ? ["{name} " + variables.{meant}.join(", ")] : [])"#
        )
    });
    format!(
        r#"({any} ? [JSONPatch{{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey({key}), value: {PREFIX} + ({labels} + {annotations}).join("; ")}}] : [])"#,
        any = any_meant(),
        key = quote(REFUSED)
    )
}

fn conditions(guard: &Guard<'_>) -> Vec<Named> {
    let differs = |field: &str, absent: &str| {
        let [new, old] = ["object", "oldObject"]
            .map(|object| field_or(&format!("{object}.metadata.{field}"), absent));
        format!("({new}) != ({old})")
    };
    let changes = [differs("labels", "{}"), differs("annotations", "{}")].join(" ||\n");
    let conditions = [
        looked_at(guard),
        Some(("not-the-controller", format!("!({}) || {}", guard.is_controller(), is_trial()))),
        Some(("not-an-admin", format!("!({})", guard.is_admin()))),
        Some(("metadata-changes", changes)),
    ];
    conditions.into_iter().flatten().collect()
}

/// The controller's own question whether the seal is enforced.
fn is_trial() -> String {
    format!(
        "has(request.dryRun) && request.dryRun && object.metadata.name == {}",
        quote(PROBE_NAMESPACE)
    )
}

/// What landlord wrote on a namespace outlives a time in which the settings exclude it: otherwise its
/// users would write there meanwhile who it belongs to afterwards.
fn looked_at(guard: &Guard<'_>) -> Option<Named> {
    let [new, old] = ["object", "oldObject"]
        .map(|object| format!("({})", field_or(&format!("{object}.metadata.annotations"), "{}")));
    let own = format!(
        "{}.exists(k, (k in {new}) != (k in {old}) || k in {new} && {new}[k] != {old}[k])",
        list(OWN_ANNOTATIONS)
    );
    let excluded = guard.excludes("object.metadata.name")?;
    Some(("looked-at", format!("!({excluded}) ||\n{own}")))
}

fn sealed_labels(guard: &Guard<'_>) -> BTreeSet<String> {
    let mut keys = guard.settings.evidence_keys(metadata::Field::Label);
    keys.insert(guard.settings.tenant_label().to_owned());
    keys
}

fn sealed_annotations(guard: &Guard<'_>) -> BTreeSet<String> {
    let mut keys = guard.settings.evidence_keys(metadata::Field::Annotation);
    let placement = [NODE_SELECTOR, DEFAULT_TOLERATIONS, TOLERATIONS_WHITELIST];
    keys.extend(OWN_ANNOTATIONS.into_iter().chain(placement).map(str::to_owned));
    keys
}

impl Field {
    /// The sealed keys are gone through, and not those of the namespace: of these there may be 40
    /// 000, and CEL takes its time for each.
    fn variables(&self, keys: &BTreeSet<String>) -> Vec<Named> {
        let Self { name, old, .. } = self;
        let keys = list(keys);
        let changed =
            format!("(!(k in variables.{name}) || variables.{name}[k] != variables.{old}[k])");
        vec![
            (name, field_or(&format!("object.metadata.{name}"), "{}")),
            (old, field_or(&format!("oldObject.metadata.{name}"), "{}")),
            (self.lost, format!("{keys}.filter(k, k in variables.{old} && {changed})")),
            (
                self.added,
                format!("{keys}.filter(k, k in variables.{name} && !(k in variables.{old}))"),
            ),
        ]
    }

    fn meant(&self, keys: &BTreeSet<String>) -> Named {
        let Self { name, old, meant, .. } = self;
        let changed =
            format!("(!(k in variables.{old}) || variables.{name}[k] != variables.{old}[k])");
        (meant, format!("{}.filter(k, k in variables.{name} && {changed})", list(keys)))
    }

    fn validation(&self) -> Validation {
        let Self { name, lost, added, .. } = self;
        let changed = format!("variables.{lost} + variables.{added}");
        Validation {
            expression: format!("size({changed}) == 0"),
            message: format!(r#""{name} " + ({changed}).join(", ") + " {REMEDY}""#),
        }
    }

    /// A JSON patch that puts the field back. `more`: what else needs the field to be there.
    fn patch(&self, more: &str) -> String {
        let Self { name, old, lost, added, .. } = self;
        format!(
            r#"((size(variables.{lost}) > 0 || {more}) && !has(object.metadata.{name}) ? [JSONPatch{{op: "add", path: "/metadata/{name}", value: {{}}}}] : [])
+ variables.{lost}.map(k, JSONPatch{{op: "add", path: "/metadata/{name}/" + jsonpatch.escapeKey(k), value: variables.{old}[k]}})
+ variables.{added}.map(k, JSONPatch{{op: "remove", path: "/metadata/{name}/" + jsonpatch.escapeKey(k)}})"#
        )
    }
}
