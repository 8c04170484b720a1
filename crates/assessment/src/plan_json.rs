//! The machine form of a plan, `landlord.dev/plan/v1`. Stable: fields are added, never changed.
//!
//! ```text
//! {"apiVersion": "landlord.dev/plan/v1", "namespaces": [{
//!   "name", "tenant": name or null, "rule": rule or null, "compliant": whether nothing is to be done,
//!   "result": {"labels": {key: value}, "annotations": {…}}      complete, after the plan; as it is where there is an error
//!   "set":    {"labels": {key: {"value", "why"}}, "annotations": {…}},
//!   "remove": {"labels": {key: {"why"}}, "annotations": {…}},
//!   "kept", "refused": [{"field": "label" or "annotation", "key", "found": value or null, "wanted", "why"}],
//!   "failures": [{"hook", "message", "warning": whether it is only to be said}]   what hooks require and do not find
//!   "origins": {"labels": {key: {"why"}}, "annotations": {…}}   where each key comes from that landlord wants there, changed or not
//!   "error": null or text, "reason": null or one word for it, as `Unverified`}]}
//! ```

use serde_json::{Map, Value, json};
use tenancy::hook::Failure;
use tenancy::metadata::{Field, Key};
use tenancy::plan::Clash;

use crate::assessment::{Assessment, State};
use crate::reason::Reason;

const API_VERSION: &str = "landlord.dev/plan/v1";

/// The whole document.
pub fn document(assessments: &[Assessment]) -> Value {
    let namespaces: Vec<Value> = assessments.iter().map(namespace).collect();
    json!({"apiVersion": API_VERSION, "namespaces": namespaces})
}

fn namespace(assessment: &Assessment) -> Value {
    let after = assessment.after();
    let plan = &assessment.plan;
    json!({
        "name": assessment.name,
        "tenant": assessment.tenant,
        "rule": assessment.rule,
        "compliant": matches!(assessment.state(), State::Compliant | State::Unclaimed),
        "result": {"labels": after.labels, "annotations": after.annotations},
        "set": by_field(plan.set.iter().map(|(key, want)| (key, json!({"value": want.value, "why": want.why.to_string()})))),
        "remove": by_field(plan.remove.iter().map(|(key, why)| (key, json!({"why": why.to_string()})))),
        "kept": plan.kept.iter().map(clash).collect::<Vec<_>>(),
        "refused": plan.refused.iter().map(clash).collect::<Vec<_>>(),
        "failures": plan.failures.iter().map(failure).collect::<Vec<_>>(),
        "origins": by_field(assessment.origins.iter().map(|(key, why)| (key, json!({"why": why.to_string()})))),
        "error": assessment.error(),
        "reason": assessment.reason().map(Reason::word),
    })
}

fn failure(Failure { hook, message, warning, .. }: &Failure) -> Value {
    json!({"hook": hook, "message": message, "warning": warning})
}

fn by_field<'a>(entries: impl Iterator<Item = (&'a Key, Value)>) -> Value {
    let (mut labels, mut annotations) = (Map::new(), Map::new());
    for (key, value) in entries {
        match key.field {
            Field::Label => labels.insert(key.name.clone(), value),
            Field::Annotation => annotations.insert(key.name.clone(), value),
        };
    }
    json!({"labels": labels, "annotations": annotations})
}

fn clash(Clash { key, found, wanted, why }: &Clash) -> Value {
    json!({"field": key.field.to_string(), "key": key.name, "found": found, "wanted": wanted, "why": why.to_string()})
}
