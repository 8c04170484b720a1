//! A task of the controller that ends takes the program along, which names it. No API server is
//! needed for that.

use std::fs;

use rstest::rstest;

use crate::landlord::run_in;

const CONFIG: &str = "{apiVersion: v1, kind: Config, current-context: dev, contexts: [{name: dev, context: {cluster: dev, user: dev}}],
    clusters: [{name: dev, cluster: {server: 'http://127.0.0.1:9'}}], users: [{name: dev, user: {}}]}";

#[rstest]
fn a_task_that_panics_ends_the_program_with_its_name(
    #[values(
        "reconciler",
        "settings",
        "tenants",
        "account",
        "namespaces",
        "nodes",
        "restore",
        "leadership",
        "pods",
        "releaser",
        "waiting-pods",
        "statuses",
        "strategies",
        "guard",
        "election",
        "admin",
        "dashboard",
        "dashboard-history",
        "dashboard-events"
    )]
    task: &str,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("config");
    let settings = folder.path().join("settings.yaml");
    fs::write(&kubeconfig, CONFIG).expect("a file");
    fs::write(&settings, "{}").expect("a file");
    let words = format!(
        "controller --guard --web=127.0.0.1:0 --no-leader-election --listen 127.0.0.1:0 --kubeconfig {} --settings {} --fail-task {task}",
        kubeconfig.display(),
        settings.display()
    );
    let run = run_in([("HOME", "/nonexistent"), ("RUST_BACKTRACE", "0")], &words);
    assert_eq!(run.code, Some(1), "{}", run.err);
    let expected = format!("error: task \"{task}\" has panicked: it was asked to fail");
    assert!(run.err.contains(&expected), "no {expected:?} in {}", run.err);
}
