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
