//! The workflows of GitHub: they call what there is, and run only actions that are pinned to a commit.

use std::fs;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use crate::compiled::root;

fn workflows() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join(".github/workflows")).expect("workflows").map(|file| file.expect("one").path());
    let workflows: Vec<_> = files.map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text"))).collect();
    assert!(workflows.len() >= 2, "{workflows:?}");
    workflows
}

/// Every step of a workflow.
fn steps(text: &str) -> Vec<Value> {
    let workflow: Value = serde_saphyr::from_str(text).expect("YAML");
    let jobs = workflow["jobs"].as_object().cloned().expect("jobs").into_iter();
    jobs.flat_map(|(_, job)| job["steps"].as_array().cloned().expect("steps")).collect()
}

#[test]
fn every_action_is_pinned() {
    for (file, text) in workflows() {
        for step in steps(&text).iter().filter_map(|step| step["uses"].as_str()) {
            let commit = step.split_once('@').map_or("", |(_, commit)| commit);
            assert!(commit.len() == 40 && commit.bytes().all(|c| c.is_ascii_hexdigit()), "{file}: {step} is not pinned to a commit");
            let named = text.lines().any(|line| line.contains(step) && line.contains("# v"));
            assert!(named, "{file}: say in a comment which version {step} is");
        }
    }
}

#[test]
fn what_is_called_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    for (file, text) in workflows() {
        for command in steps(&text).iter().filter_map(|step| step["run"].as_str()).flat_map(str::lines) {
            let words: Vec<&str> = command.split_whitespace().collect();
            match words.as_slice() {
                ["make", targets @ ..] => {
                    let known = |target: &&&str| makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
                    assert!(targets.iter().all(|target| known(&target)), "{file}: `{command}` names no target");
                }
                [script, ..] if script.contains('/') => assert!(root().join(script).is_file(), "{file}: there is no {script}"),
                _ => {}
            }
        }
    }
}

#[rstest]
#[case(concat!("v", env!("CARGO_PKG_VERSION")), Some(0), "")]
#[case("v99.0.0", Some(1), "charts/landlord/Chart.yaml says")]
#[case("latest", Some(2), "is no tag like v1.2.3")]
fn a_release_has_one_version(#[case] tag: &str, #[case] code: Option<i32>, #[case] message: &str) {
    let output = Command::new(root().join("scripts/check-version")).arg(tag).output().expect("the script");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == code && words.contains(message), "{tag}: {words}");
}
