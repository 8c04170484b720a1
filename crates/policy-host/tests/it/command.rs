//! The binary, as users run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use policy_host::annotation;
use policy_host::metadata::USAGE;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::guests::ACCEPT;

const RULES: &str = "rules: [{apiGroups: [''], apiVersions: [v1], resources: [namespaces], operations: [CREATE]}]\nmutating: false\n";

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_policy-host"))
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn accept() -> &'static str {
    ACCEPT.to_str().expect("a path")
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn run_prints_kwctls_answer() {
    let folder = TempDir::new().expect("a folder");
    for request in
        [json!({"uid": "1"}), json!({"kind": "AdmissionReview", "request": {"uid": "1"}})]
    {
        let request = file(&folder, "request.json", &request.to_string());
        let output = run(&["run", accept(), "-r", path_text(&request), "--settings-json", "{}"]);
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            answer,
            json!({"uid": "1", "allowed": true, "auditAnnotations": null, "warnings": null})
        );
    }
}

#[rstest]
#[case(&["annotate", "registry://ghcr.io/x", "-m", "x", "-o", "x"], "pull it first")]
#[case(&["run", "/nowhere.wasm", "-r", "x"], "/nowhere.wasm")]
#[case(&["run", "/nowhere.wasm"], "--request-path")]
fn bad_arguments(#[case] arguments: &[&str], #[case] part: &str) {
    let output = run(arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains(part), "{words}");
}

#[test]
fn a_request_that_is_none_is_refused() {
    let folder = TempDir::new().expect("a folder");
    for (content, part) in [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ("{\"kind\":\"AdmissionReview\"}", "has no request"),
    ] {
        let request = file(&folder, "request.json", content);
        let output = run(&["run", accept(), "-r", path_text(&request)]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains(part), "{words}");
    }
}

#[test]
fn annotate_writes_the_section_and_replaces_it() {
    let folder = TempDir::new().expect("a folder");
    let metadata = file(&folder, "metadata.yml", RULES);
    let usage = file(&folder, "README.md", "# How to use it");
    let output = folder.path().join("annotated.wasm");
    for input in [accept(), path_text(&output)] {
        let run = run(&[
            "annotate",
            input,
            "-m",
            path_text(&metadata),
            "-u",
            path_text(&usage),
            "-o",
            path_text(&output),
        ]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let annotated = std::fs::read(&output).expect("the annotated policy");
    let section: Value =
        serde_json::from_slice(annotation::read(&annotated).expect("a module").expect("a section"))
            .expect("JSON");
    assert_eq!(section["protocolVersion"], "v1");
    assert_eq!(section["annotations"][USAGE], "# How to use it");
    let count = annotated
        .windows(annotation::SECTION.len())
        .filter(|window| *window == annotation::SECTION.as_bytes())
        .count();
    assert_eq!(count, 1, "the first section was replaced");
}

#[test]
fn annotate_writes_nothing_where_the_metadata_is_wrong() {
    let folder = TempDir::new().expect("a folder");
    let metadata = file(&folder, "metadata.yml", "rules: []\nmutating: false\n");
    let output = folder.path().join("annotated.wasm");
    let run = run(&["annotate", accept(), "-m", path_text(&metadata), "-o", path_text(&output)]);
    let words = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success() && words.contains("rules: empty"), "{words}");
    assert!(!output.exists(), "nothing half-written");
}

#[test]
fn bench_prints_a_ratio_for_each_crowd() {
    let folder = TempDir::new().expect("a folder");
    let request = file(
        &folder,
        "request.json",
        r#"{"object": {"metadata": {"labels": {"landlord.dev/tenant": "solar"}}}}"#,
    );
    let tenant = file(
        &folder,
        "tenant.yaml",
        "{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: solar}, spec: {nodeSelector: {pool: a}}}",
    );
    let output = run(&[
        "bench",
        accept(),
        "--baseline",
        accept(),
        "-r",
        path_text(&request),
        "-n",
        "20",
        "--objects",
        path_text(&tenant),
        "--crowds",
        "1,3",
        "--hooks",
        "2",
        "-o",
        "json",
    ]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names: Vec<_> = report["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["name"].as_str().expect("a name"))
        .collect();
    let hooks = ["accept, 2 hooks in settings", "policy, 2 hooks"];
    let plain = [
        "accept everything",
        "accept, one GET and one label",
        "policy, 1 other tenants",
        "policy, 3 other tenants",
    ];
    assert_eq!(names, [&plain[..], &hooks].concat());
    assert!(report["rows"][1]["ratio"].as_f64().expect("a ratio") > 0.0);
}
