//! Reports about namespaces on a real API server, which judges them by definitions of the form that
//! both kinds are published in: they are taken as they are, and `release` takes away landlord's and
//! no one else's.

use std::fs;

use cluster::reports::{AUDIT_NAME, Content, Finding, NAME, OutsidePod, Placement, ReportKind};
use cluster::reports::{Standing, document};
use kube::api::{Api, ListParams, Patch, PatchParams, ValidationDirective};
use kube::{Client, ResourceExt};
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, Node};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::commands::landlord;
use super::world::{World, eventually};
use crate::landlord::root;

fn text() -> Value {
    json!({"type": "string"})
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

/// Of the Kubernetes object that is meant.
fn reference() -> Value {
    let fields = ["apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid"];
    object(fields.iter().map(|field| ((*field).to_owned(), text())).collect())
}

fn selector() -> Value {
    let mut requirement = object(
        json!({"key": text(), "operator": text(), "values": {"type": "array", "items": text()}}),
    );
    requirement["required"] = json!(["key", "operator"]);
    object(json!({
        "matchExpressions": {"type": "array", "items": requirement},
        "matchLabels": {"type": "object", "additionalProperties": text()},
    }))
}

fn result(severities: &[&str]) -> Value {
    let integer = |format: &str| json!({"type": "integer", "format": format});
    let mut timestamp = object(json!({"nanos": integer("int32"), "seconds": integer("int64")}));
    timestamp["required"] = json!(["nanos", "seconds"]);
    let mut result = object(json!({
        "category": text(), "message": text(), "policy": text(), "rule": text(), "source": text(),
        "properties": {"type": "object", "additionalProperties": text()},
        "resourceSelector": selector(),
        "resources": {"type": "array", "items": reference()},
        "result": one_of(&["pass", "fail", "warn", "error", "skip"]),
        "scored": {"type": "boolean"},
        "severity": one_of(severities),
        "timestamp": timestamp,
    }));
    result["required"] = json!(["policy"]);
    result
}

/// A definition with the group, names, fields and values of the published one. A PolicyReport has
/// the fewest severities that a version of it had.
fn definition(kind: ReportKind) -> Value {
    let (plural, severities): (_, &[&str]) = match kind {
        ReportKind::OpenReports => ("reports", &["critical", "high", "low", "medium", "info"]),
        ReportKind::PolicyReport => ("policyreports", &["high", "low", "medium"]),
    };
    let integer = json!({"type": "integer"});
    let mut schema = object(json!({
        "apiVersion": text(), "kind": text(), "metadata": {"type": "object"},
        "results": {"type": "array", "items": result(severities)},
        "scope": reference(),
        "scopeSelector": selector(),
        "summary": object(json!({"error": integer, "fail": integer, "pass": integer, "skip": integer, "warn": integer})),
    }));
    if kind == ReportKind::OpenReports {
        schema["properties"]["source"] = text();
        let words = one_of(&["pass", "fail", "warn", "error", "skip"]);
        let limits = object(
            json!({"maxResults": integer, "statusFilter": {"type": "array", "items": words}}),
        );
        schema["properties"]["configuration"] = object(json!({"limits": limits}));
    }
    let (group, version) = kind.api_version().split_once('/').expect("a version");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind.kind(), "listKind": format!("{}List", kind.kind()), "plural": plural, "singular": kind.kind().to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

/// Stores a report; fields that the definition does not have are an error.
async fn apply_strictly(client: &Client, kind: ReportKind, report: &Value) -> Result<(), String> {
    let text = |field: &str| report["metadata"][field].as_str().expect("text");
    let params = PatchParams {
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply("tests").force()
    };
    let (api, patch) = (kind.api(client, text("namespace")), Patch::Apply(report));
    let answer = api.patch(text("name"), &params, &patch).await;
    answer.map(drop).map_err(|error| error.to_string())
}

/// Everything that landlord can say at all.
fn full(kind: ReportKind, namespace: &str) -> Value {
    let fault = assessment::Fault {
        reason: assessment::Reason::Unverified,
        message: "its creator may not claim it".to_owned(),
    };
    let (standing, warned) = (
        Standing { tenant: Some("solar"), fault: Some(&fault), is_pending: false },
        assessment::Fault { reason: assessment::Reason::HookWarning, message: "late".to_owned() },
    );
    let warned = Standing { fault: Some(&warned), ..standing };
    let pod = OutsidePod {
        name: "a".to_owned(),
        uid: "u".to_owned(),
        node: "n".to_owned(),
        cause: "NodeName",
    };
    let outside =
        Placement { pool: Some("pool=a".to_owned()), outside: vec![pod], ..Default::default() };
    let findings = [
        Finding::compliant(&standing),
        Finding::compliant(&warned),
        Finding::verified(&standing),
        Finding::placement(&outside),
        Finding::placement(&Placement::default()),
    ];
    let content = Content {
        name: AUDIT_NAME,
        namespace,
        uid: Some("u"),
        tenant: Some("solar"),
        findings: &findings,
    };
    document(kind, &content, "2026-01-02T03:04:05.6Z".parse().expect("a time"))
}

/// Reports of this kind in these namespaces: where they are, their names, and their results.
async fn reports(client: &Client, kind: ReportKind) -> Vec<String> {
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let mut found = Vec::new();
    for namespace in namespaces.list(&ListParams::default()).await.expect("namespaces") {
        let api = kind.api(client, &namespace.name_any());
        for report in api.list(&ListParams::default()).await.expect("reports") {
            let results = report.data["results"].as_array().cloned().unwrap_or_default();
            let results: Vec<&str> =
                results.iter().map(|one| one["result"].as_str().unwrap_or_default()).collect();
            let owner = report.owner_references().first().map(|owner| owner.uid.clone());
            let is_owned = owner == namespace.uid();
            found.push(format!(
                "{}/{} {} {is_owned}",
                namespace.name_any(),
                report.name_any(),
                results.join(" ")
            ));
        }
    }
    found
}

/// The API server takes what landlord writes, and would not take something else.
async fn are_taken_as_they_are(client: &Client, kind: ReportKind) {
    let report = full(kind, "web");
    apply_strictly(client, kind, &report).await.expect("it is taken");
    for (place, value, fault) in [
        ("/results/0/result", json!("passed"), "Unsupported value"),
        ("/results/0/severity", json!("severe"), "Unsupported value"),
        ("/results/0", json!({"rule": "compliant"}), "Required value"),
        ("/results/0/timestamp", json!({"seconds": 1}), "Required value"),
        ("/more", json!("x"), "unknown field"),
    ] {
        let mut other = report.clone();
        let (parent, field) = place.rsplit_once('/').expect("a place");
        match other.pointer_mut(parent).expect("it is there") {
            Value::Array(items) => items[0] = value,
            parent => parent[field] = value,
        }
        let refused = apply_strictly(client, kind, &other).await.expect_err("it is not valid");
        // Server-side apply finds unknown fields before their definition is asked.
        let is_refused =
            refused.contains(fault) || refused.contains("field not declared in schema");
        assert!(is_refused, "{place}: {refused}");
    }
}

#[tokio::test]
async fn both_kinds_take_reports_and_release_takes_landlords_away() {
    let (open, policy) = (ReportKind::OpenReports, ReportKind::PolicyReport);
    let mut world = World::on(Cluster::builder(), "landlord").await;
    let client = world.cluster.client(ADMIN).expect("a client");
    let rights = fs::read_to_string(root().join("deploy/rbac-reports.yaml")).expect("a file");
    world.cluster.apply(&rights).await.expect("rights");
    world.cluster.apply(&definition(policy).to_string()).await.expect("the older kind");
    world.cluster.add_nodes([Node::new("solar-1").label("pool", "solar")]).await.expect("a node");
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.create("lost", "nobody", json!({})).await;
    world.create_bare("free", json!({})).await;

    world.flags = vec!["--reports"];
    world.add_controller("one").await;
    let written = ["lost/landlord error error true", "web/landlord pass pass true"];
    eventually("the older kind", async || reports(&client, policy).await == written).await;
    are_taken_as_they_are(&client, policy).await;
    world.end_controller(0, Signal::SIGTERM).await;

    world.cluster.apply(&definition(open).to_string()).await.expect("the newer kind");
    world.add_controller("two").await;
    eventually("the newer kind", async || reports(&client, open).await == written).await;
    eventually("a condition", async || {
        world.condition("solar", "Reported").await["reason"] == "OpenReports"
    })
    .await;
    let left = reports(&client, policy).await;
    assert_eq!(
        left,
        ["web/landlord-audit fail warn fail fail skip false"],
        "the controller's are gone"
    );
    are_taken_as_they_are(&client, open).await;
    let audit = landlord(&world, "audit -o openreports").await;
    let list: Value = serde_saphyr::from_str(&audit.out).expect("YAML");
    for report in list["items"].as_array().expect("reports") {
        apply_strictly(&client, open, report).await.expect("it is taken");
    }
    world.set_tenant("nobody", json!({"labels": {"a": "b"}})).await;
    let all = [
        "lost/landlord pass pass true",
        "lost/landlord-audit error error error true",
        "web/landlord pass pass true",
        "web/landlord-audit pass pass pass true",
    ];
    eventually("an edit", async || reports(&client, open).await == all).await;
    world.end_controller(1, Signal::SIGTERM).await;

    // One has landlord's name, and one its label.
    let foreign = |name: &str, label: &str| {
        json!({"apiVersion": open.api_version(), "kind": open.kind(), "source": "other", "results": [{"policy": "theirs", "result": "pass"}],
               "metadata": {"name": name, "namespace": "free", "labels": {"app.kubernetes.io/managed-by": label}}})
    };
    for report in [foreign(NAME, "other"), foreign("other", "landlord")] {
        apply_strictly(&client, open, &report).await.expect("it is taken");
    }
    let dry = landlord(&world, "release --all --dry-run").await;
    assert!(dry.out.contains("5 reports about namespaces are deleted"), "{}{}", dry.out, dry.err);
    assert_eq!(reports(&client, open).await.len(), 6, "nothing was changed");
    let released = landlord(&world, "release --all --yes").await;
    assert_eq!(released.code, Some(0), "{}{}", released.out, released.err);
    assert!(released.out.contains("5 reports about namespaces are deleted"), "{}", released.out);
    let theirs = ["free/landlord pass false", "free/other pass false"];
    assert_eq!(reports(&client, open).await, theirs);
    assert_eq!(reports(&client, policy).await, Vec::<String>::new());
}
