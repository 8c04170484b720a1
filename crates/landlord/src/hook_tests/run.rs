//! One case at one stage: what comes out, and how it differs from what is expected.

use anyhow::Result;
use assessment::admission::answer;
use serde_json::{Value, json};
use tenancy::keys::NODE_SELECTOR;
use tenancy::metadata::Metadata;

use super::Outcome;
use super::document::{Case, Namespace, StageName};
use assessment::Assessment;
use assessment::inventory::Inventory;

/// Settings and tenants that cases are judged under.
pub(super) struct Judge<'a> {
    pub(super) settings: &'a Value,
    pub(super) inventory: &'a Inventory,
    pub(super) tenants: &'a [Value],
}

/// What came out.
struct Verdict {
    /// Why it is denied, or reported as Conflicted.
    denied: Option<String>,
    warnings: Vec<String>,
    after: Metadata,
}

impl Judge<'_> {
    pub(super) fn case(&self, case: &Case) -> Result<Vec<Outcome>> {
        case.check()?;
        let at = |stage: StageName| {
            let verdict = match stage {
                StageName::Create => self.admit(case, "CREATE", None)?,
                StageName::Update => {
                    let old =
                        case.old_namespace.as_ref().map(|old| self.settled(old)).transpose()?;
                    self.admit(case, "UPDATE", old)?
                }
                StageName::Reconcile => self.reconcile(&case.namespace)?,
            };
            Ok(Outcome {
                case: case.name.clone(),
                stage,
                differences: differences(case, stage, &verdict),
            })
        };
        case.stages().into_iter().map(at).collect()
    }

    /// The policy's answer to a request.
    fn admit(&self, case: &Case, operation: &str, old: Option<Value>) -> Result<Verdict> {
        let admin = json!({"username": "kubernetes-admin", "groups": ["system:masters"]});
        let user_info = case.request.as_ref().map_or(admin, |request| request.user_info.clone());
        let mut object = object(&case.namespace);
        if let Some(ledger) = old.as_ref().and_then(|old| old.pointer("/metadata/annotations")) {
            keep_own(&mut object, ledger);
        }
        let request = json!({
            "uid": "test", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": operation, "userInfo": user_info,
            "name": case.namespace.name, "namespace": case.namespace.name, "object": object, "oldObject": old,
        });
        let answer = answer(self.settings, &request, self.tenants);
        let accepted = answer.get("accepted").and_then(Value::as_bool).unwrap_or(false);
        let stored =
            answer.get("mutated_object").filter(|object| !object.is_null()).unwrap_or(&object);
        Ok(Verdict {
            denied: (!accepted).then(|| {
                answer.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
            }),
            warnings: answer
                .get("warnings")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(scalar_text)
                .collect(),
            after: tenancy::namespace::Namespace::from_value(stored)?.metadata,
        })
    }

    /// What the controller would report and write.
    fn reconcile(&self, namespace: &Namespace) -> Result<Verdict> {
        let assessment = self.assess(namespace)?;
        let failures = assessment.plan.rejections().map(ToString::to_string);
        let clashes =
            assessment.plan.refused.iter().map(|clash| format!("{} is refused", clash.key));
        let denied: Vec<String> = assessment
            .error()
            .map(str::to_owned)
            .into_iter()
            .chain(clashes)
            .chain(failures)
            .collect();
        let warnings = assessment.plan.failures.iter().filter(|failure| failure.warning);
        Ok(Verdict {
            denied: (!denied.is_empty()).then(|| denied.join("; ")),
            warnings: warnings.map(ToString::to_string).collect(),
            after: assessment.after(),
        })
    }

    fn assess(&self, namespace: &Namespace) -> Result<Assessment> {
        let object = object(namespace);
        let parsed = tenancy::namespace::Namespace::from_value(&object)?;
        Ok(Assessment::judge(
            &self.inventory.settings,
            &parsed,
            || object,
            |name| self.inventory.tenant(name),
        ))
    }

    /// The namespace once landlord has been there.
    fn settled(&self, namespace: &Namespace) -> Result<Value> {
        let after = self.assess(namespace)?.after();
        Ok(object(&Namespace {
            name: namespace.name.clone(),
            labels: after.labels,
            annotations: after.annotations,
        }))
    }
}

/// What an editor sends back: landlord's own annotations as they are.
fn keep_own(object: &mut Value, old: &Value) {
    let own = old
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with(tenancy::keys::OWN_PREFIX))
        .map(|(name, value)| (name.clone(), value.clone()));
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.extend(own);
    }
}

fn object(Namespace { name, labels, annotations }: &Namespace) -> Value {
    let mut labels = labels.clone();
    labels.insert(tenancy::namespace::NAME_LABEL.to_owned(), name.clone());
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels, "annotations": annotations}})
}

fn differences(case: &Case, stage: StageName, verdict: &Verdict) -> Vec<String> {
    let expect = &case.expect;
    let mut differences = Vec::new();
    match &verdict.denied {
        Some(message) if !expect.denied.is_expected() => {
            differences.push(format!("denied: {message}"))
        }
        Some(message) => {
            let missing = expect.denied.parts().iter().filter(|part| !message.contains(*part));
            differences
                .extend(missing.map(|part| format!("the denial does not say {part:?}: {message}")));
        }
        None if expect.denied.is_expected() => match expect.denied.parts() {
            [] => differences.push("accepted, but expected a denial".to_owned()),
            parts => {
                differences.push(format!("accepted, but expected a denial that says {parts:?}"))
            }
        },
        None => {}
    }
    let said = |part: &&String| !verdict.warnings.iter().any(|warning| warning.contains(*part));
    differences.extend(
        expect
            .warnings
            .iter()
            .filter(said)
            .map(|part| format!("no warning says {part:?}: {:?}", verdict.warnings)),
    );
    // The controller writes what else is wanted all the same; of a denied request nothing is
    // stored.
    if verdict.denied.is_none() || stage == StageName::Reconcile {
        differences.extend(metadata_differences(case, &verdict.after));
    }
    differences
}

fn metadata_differences(case: &Case, after: &Metadata) -> Vec<String> {
    let expect = &case.expect;
    let selector = expect.node_selector.iter().map(|value| (NODE_SELECTOR, value));
    let labels = expect
        .labels
        .iter()
        .map(|(key, value)| ("label", key.as_str(), value, after.labels.get(key)));
    let annotations =
        expect.annotations.iter().map(|(key, value)| (key.as_str(), value)).chain(selector);
    let annotations =
        annotations.map(|(key, value)| ("annotation", key, value, after.annotations.get(key)));
    let unlike =
        labels.chain(annotations).filter(|(_, _, expected, found)| *found != Some(*expected));
    let unlike = unlike.map(|(field, key, expected, found)| match found {
        Some(found) => format!("{field} {key:?} is {found:?}, expected {expected:?}"),
        None => format!("{field} {key:?} is absent, expected {expected:?}"),
    });
    let there =
        |field: &'static str, keys: &[String], map: &tenancy::metadata::Map| -> Vec<String> {
            keys.iter()
                .filter_map(|key| {
                    Some(format!("{field} {key:?} is {:?}, expected to be absent", map.get(key)?))
                })
                .collect()
        };
    let labels = there("label", &expect.absent.labels, &after.labels);
    unlike
        .chain(labels)
        .chain(there("annotation", &expect.absent.annotations, &after.annotations))
        .collect()
}

fn scalar_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
