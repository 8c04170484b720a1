//! `landlord explain`.

use insta::assert_snapshot;

use crate::landlord::{run, run_on};

#[test]
fn a_namespace_that_drifted() {
    let run = run("explain solar-batch -f examples/getting-started");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_snapshot!(run.out);
}

#[test]
fn an_override() {
    assert_snapshot!(run("explain solar-web -f examples/getting-started").out);
}

#[test]
fn clashes() {
    let input = "{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: solar}, spec: {conflicts: keep, labels: {a: x}, owners: []}}\n---\n\
                 {apiVersion: v1, kind: Namespace, metadata: {name: web, labels: {landlord.dev/tenant: solar, a: y, b: z}}}";
    assert_snapshot!(run_on("explain web -f -", input).out);
}

#[test]
fn a_namespace_that_is_not_there() {
    let run = run("explain nowhere -f examples/getting-started");
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("no namespace \"nowhere\""), "{}", run.err);
}

/// An owner reference says what the namespace is deleted with; what steers a terminal is escaped.
#[test]
fn what_a_namespace_is_deleted_with() {
    let reference = |name: &str| {
        format!(
            "{{apiVersion: capsule.clastix.io/v1beta2, kind: Tenant, name: \"{name}\", uid: u}}"
        )
    };
    let explain = |references: String| {
        let input = format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: web, ownerReferences: [{references}]}}}}"
        );
        run_on("explain web -f -", &input).out
    };
    let one = explain(reference("so\\u202Elar"));
    assert!(
        one.contains("deleted with tenant so\\u{202e}lar (Tenant.capsule.clastix.io), which its owner reference names\n"),
        "{one}"
    );
    let two = explain(format!("{}, {}", reference("solar"), reference("lunar")));
    assert!(two.contains("deleted with the last of tenant solar"), "{two}");
    assert!(!explain(String::new()).contains("deleted"));
}
