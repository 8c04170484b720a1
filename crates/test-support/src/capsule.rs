//! Capsule's cases: what Capsule makes of a tenant and a namespace, read as
//! `tests/conformance/README.md` says.

use serde_json::{Value, json};
use tenancy::ledger::{ANNOTATION, Ledger};

use crate::root;

/// So many are there; a reader that loses some would prove nothing.
const CASES: usize = 159;

/// A tenant, a namespace, and where Capsule rests.
pub struct Case(Value);

/// Every case.
pub fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("tests/conformance/capsule-metadata.json"))
        .expect("cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), CASES);
    cases.into_iter().map(Case).collect()
}

/// The settings that all of them are for.
pub fn settings() -> Value {
    json!({"tenantSource": "capsule", "identify": [{"ownerReference": {"group": "capsule.clastix.io", "kind": "Tenant"}}]})
}

/// What `outcome` makes of each case has to be what Capsule makes of it: [`rested`], or the text
/// `error`.
pub fn check_every_case(outcome: impl Fn(&Case) -> Value) {
    let cases = cases();
    let compared = cases.iter().map(|case| (case, case.expected(), outcome(case)));
    let failures: Vec<String> = compared
        .filter(|(_, expected, actual)| expected != actual)
        .map(|(case, expected, actual)| {
            format!("{}\n  expected {expected}\n  actual   {actual}", case.name())
        })
        .collect();
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}

/// Labels, annotations and managed keys, of a namespace's labels and annotations.
pub fn rested(labels: Value, mut annotations: Value) -> Value {
    let ledger =
        annotations.as_object_mut().and_then(|all| all.remove(ANNOTATION)).expect("a ledger");
    let ledger = Ledger::parse(ledger.as_str().expect("text")).expect("a ledger that parses");
    json!({"labels": labels, "annotations": annotations, "managed": {"labels": ledger.labels, "annotations": ledger.annotations}})
}

impl Case {
    /// As it is written.
    pub fn document(&self) -> &Value {
        &self.0
    }

    pub fn name(&self) -> &str {
        self.0["name"].as_str().unwrap_or_default()
    }

    pub fn tenant(&self) -> &Value {
        &self.0["tenant"]
    }

    /// The namespace with an owner reference to the tenant, and what was managed before as its
    /// ledger.
    pub fn namespace(&self) -> Value {
        let mut namespace = self.0["namespace"].clone();
        let tenant = &self.0["tenant"]["metadata"]["name"];
        let metadata = &mut namespace["metadata"];
        metadata["ownerReferences"] = json!([{"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": tenant, "uid": "1"}]);
        let managed =
            |field: &str| self.0["managedBefore"][field].as_array().cloned().unwrap_or_default();
        let (labels, annotations) = (managed("labels"), managed("annotations"));
        if !(labels.is_empty() && annotations.is_empty()) {
            if metadata["annotations"].is_null() {
                metadata["annotations"] = json!({});
            }
            metadata["annotations"][ANNOTATION] = json!(
                json!({"tenant": tenant, "labels": labels, "annotations": annotations}).to_string()
            );
        }
        namespace
    }

    /// Where Capsule rests. It records the forced labels where the tenant lists them; landlord's
    /// ledger never does.
    fn expected(&self) -> Value {
        let mut expected = self.0["expect"].clone();
        if expected["error"].is_string() {
            return json!("error");
        }
        let labels = expected["managed"]["labels"].as_array_mut().expect("labels");
        labels.retain(|label| {
            label != "capsule.clastix.io/tenant" && label != "kubernetes.io/metadata.name"
        });
        expected
    }
}
