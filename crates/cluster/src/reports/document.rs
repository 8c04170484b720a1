//! Document: a report as it is stored, in either kind, and whether two say the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Finding, MANAGED_BY, ReportKind, Rule, SOURCE, Verdict};

/// Of every result.
const CATEGORY: &str = "Multi-tenancy";

/// What a report says of one namespace.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The report's own name.
    pub name: &'a str,
    pub namespace: &'a str,
    /// Of the namespace, which owns the report; `None` where it is not known.
    pub uid: Option<&'a str>,
    /// The tenant that is claimed.
    pub tenant: Option<&'a str>,
    pub findings: &'a [Finding],
}

/// The object, with `now` as the time of each result.
pub fn document(kind: ReportKind, content: &Content<'_>, now: Timestamp) -> Value {
    let Content { name, namespace, findings, .. } = content;
    let count =
        |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let summary: Map<String, Value> = Verdict::ALL
        .map(|verdict| (verdict.word().to_owned(), json!(count(verdict))))
        .into_iter()
        .collect();
    let results: Vec<Value> =
        findings.iter().map(|finding| result(content, finding, now)).collect();
    let mut metadata =
        json!({"name": name, "namespace": namespace, "labels": {MANAGED_BY: SOURCE}});
    if let Some(uid) = content.uid {
        let owner = json!({"apiVersion": "v1", "kind": "Namespace", "name": namespace, "uid": uid});
        set(&mut metadata, "ownerReferences", json!([owner]));
    }
    let mut object = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind(),
        "metadata": metadata,
        "scope": scope(content),
        "summary": summary,
        "results": results,
    });
    if kind == ReportKind::OpenReports {
        // A PolicyReport has it in its results only.
        set(&mut object, "source", json!(SOURCE));
    }
    object
}

/// Gives an object this field.
pub(super) fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn scope(content: &Content<'_>) -> Value {
    let mut scope = json!({"apiVersion": "v1", "kind": "Namespace", "name": content.namespace});
    if let Some(uid) = content.uid {
        set(&mut scope, "uid", json!(uid));
    }
    scope
}

fn result(content: &Content<'_>, finding: &Finding, now: Timestamp) -> Value {
    let pod = |(name, uid): &(String, String)| {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "namespace": content.namespace, "name": name});
        if !uid.is_empty() {
            set(&mut pod, "uid", json!(uid));
        }
        pod
    };
    let mut resources: Vec<Value> = finding.pods.iter().map(pod).collect();
    if resources.is_empty() {
        resources.push(scope(content));
    }
    let properties =
        [("tenant", content.tenant.unwrap_or_default()), ("reason", finding.reason)].into_iter();
    let properties: Map<String, Value> = properties
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    let mut result = json!({
        "source": SOURCE,
        "policy": SOURCE,
        "rule": finding.rule.word(),
        "category": CATEGORY,
        "result": finding.verdict.word(),
        "scored": finding.verdict != Verdict::Warn,
        "message": finding.message,
        "timestamp": {"seconds": now.as_second(), "nanos": now.subsec_nanosecond()},
        "resources": resources,
        "properties": properties,
    });
    if let Some(severity) = severity(finding) {
        set(&mut result, "severity", json!(severity));
    }
    result
}

/// Only words that every version of the two kinds knows; none where there is nothing to do.
fn severity(Finding { rule, verdict, .. }: &Finding) -> Option<&'static str> {
    match (verdict, rule) {
        (Verdict::Pass | Verdict::Skip, _) => None,
        (Verdict::Warn, _) => Some("low"),
        (Verdict::Fail, Rule::Placement | Rule::Verified) => Some("high"),
        (Verdict::Fail | Verdict::Error, _) => Some("medium"),
    }
}

/// The same number for two reports that say the same, whatever the order of their fields. When a
/// result was found is no part of what it says, nor is what the API server adds.
pub fn fingerprint(object: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    let metadata = &object["metadata"];
    feed(&mut hasher, metadata["labels"].get(MANAGED_BY).unwrap_or(&Value::Null));
    feed(&mut hasher, &metadata["ownerReferences"]);
    for field in ["source", "scope", "summary", "results"] {
        feed(&mut hasher, &object[field]);
    }
    hasher.finish()
}

fn feed(hasher: &mut DefaultHasher, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> =
                fields.iter().filter(|(key, _)| *key != "timestamp").collect();
            fields.sort_by_key(|(key, _)| *key);
            (1_u8, fields.len()).hash(hasher);
            for (key, value) in fields {
                key.hash(hasher);
                feed(hasher, value);
            }
        }
        Value::Array(items) => {
            (2_u8, items.len()).hash(hasher);
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::String(text) => (3_u8, text).hash(hasher),
        Value::Null | Value::Bool(_) | Value::Number(_) => (4_u8, value.to_string()).hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::reports::{NAME, Standing};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn findings() -> Vec<Finding> {
        let standing = Standing { tenant: Some("solar"), fault: None, is_pending: true };
        vec![Finding::compliant(&standing), Finding::verified(&standing)]
    }

    fn report(kind: ReportKind, now: &str) -> Value {
        let findings = findings();
        let content = Content {
            name: NAME,
            namespace: "web",
            uid: Some("u"),
            tenant: Some("solar"),
            findings: &findings,
        };
        document(kind, &content, at(now))
    }

    #[test]
    fn what_is_stored() {
        let report = report(ReportKind::OpenReports, "2026-01-02T03:04:05.5Z");
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "name": "web", "uid": "u"});
        let expected = json!({
            "apiVersion": "openreports.io/v1alpha1", "kind": "Report",
            "metadata": {"name": "landlord", "namespace": "web", "labels": {"app.kubernetes.io/managed-by": "landlord"}, "ownerReferences": [namespace]},
            "source": "landlord", "scope": namespace,
            "summary": {"pass": 1, "fail": 1, "warn": 0, "error": 0, "skip": 0},
            "results": [
                {"source": "landlord", "policy": "landlord", "rule": "compliant", "category": "Multi-tenancy", "result": "fail", "scored": true,
                 "severity": "medium", "message": "what its tenant wants is not written yet", "timestamp": {"seconds": 1_767_323_045, "nanos": 500_000_000},
                 "resources": [namespace], "properties": {"tenant": "solar", "reason": "Pending"}},
                {"source": "landlord", "policy": "landlord", "rule": "verified", "category": "Multi-tenancy", "result": "pass", "scored": true,
                 "message": "nothing on record speaks against tenant \"solar\"", "timestamp": {"seconds": 1_767_323_045, "nanos": 500_000_000},
                 "resources": [namespace], "properties": {"tenant": "solar"}},
            ],
        });
        assert_eq!(report, expected);
    }

    #[test]
    fn a_policy_report_has_no_source_of_its_own() {
        let report = report(ReportKind::PolicyReport, "2026-01-02T03:04:05Z");
        assert_eq!(
            (&report["apiVersion"], &report["kind"], report.get("source")),
            (&json!("wgpolicyk8s.io/v1alpha2"), &json!("PolicyReport"), None)
        );
        assert_eq!(report["results"][0]["source"], "landlord");
    }

    #[rstest]
    #[case::time("/results/0/timestamp/seconds", json!(7), true)]
    #[case::what_the_server_adds("/metadata/uid", json!("new"), true)]
    #[case::another_label("/metadata/labels/team", json!("a"), true)]
    #[case::no_label("/metadata/labels", json!({}), false)]
    #[case::result("/results/0/result", json!("pass"), false)]
    #[case::message("/results/0/message", json!("another"), false)]
    #[case::a_result_less("/results", json!([]), false)]
    #[case::owner("/metadata/ownerReferences/0/uid", json!("another"), false)]
    #[case::summary("/summary/pass", json!(2), false)]
    fn what_counts_as_change(#[case] place: &str, #[case] value: Value, #[case] is_same: bool) {
        let before = report(ReportKind::OpenReports, "2026-01-02T03:04:05Z");
        let mut after = before.clone();
        let (parent, field) = place.rsplit_once('/').expect("a place");
        after.pointer_mut(parent).expect("it is there")[field] = value;
        assert_eq!(fingerprint(&before) == fingerprint(&after), is_same);
    }

    #[test]
    fn the_order_of_fields_is_no_change() {
        let one: Value = serde_json::from_str(r#"{"summary": {"pass": 1, "fail": 2}}"#).expect("a");
        let two: Value = serde_json::from_str(r#"{"summary": {"fail": 2, "pass": 1}}"#).expect("b");
        assert_eq!(fingerprint(&one), fingerprint(&two));
    }
}
