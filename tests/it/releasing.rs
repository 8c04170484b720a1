//! Releases: the workflows, and the scripts that they call.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::compiled::root;

mod version;

const WORKFLOWS: &str = ".github/workflows";

fn workflows() -> Vec<(String, Value)> {
    let files = fs::read_dir(root().join(WORKFLOWS))
        .expect("workflows")
        .map(|file| file.expect("a file").path());
    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        (
            path.display().to_string(),
            serde_saphyr::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    };
    files.map(read).collect()
}

/// All jobs, and all steps of all jobs.
fn jobs(workflow: &Value) -> impl Iterator<Item = &Value> {
    workflow["jobs"].as_object().expect("jobs").values()
}

fn steps(workflow: &Value) -> impl Iterator<Item = &Value> {
    jobs(workflow).filter_map(|job| job["steps"].as_array()).flatten()
}

fn commands(workflow: &Value) -> impl Iterator<Item = &str> {
    steps(workflow).filter_map(|step| step["run"].as_str()).flat_map(str::lines)
}

/// An action of another client is named by its commit, or it may become another one overnight.
fn is_pinned(uses: &str) -> bool {
    let hash = uses.split_once('@').map(|(_, hash)| hash).unwrap_or_default();
    uses.starts_with("./")
        || (hash.len() == 40
            && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)))
}

#[test]
fn every_action_is_named_by_its_commit_and_says_which_version_that_is() {
    for (file, workflow) in workflows() {
        let used = steps(&workflow).chain(jobs(&workflow)).filter_map(|one| one["uses"].as_str());
        let text = fs::read_to_string(&file).expect("text");
        for uses in used {
            assert!(is_pinned(uses), "{file}: {uses}");
            let line = text.lines().find(|line| line.contains(uses)).expect("the line");
            assert!(
                uses.starts_with("./") || line.contains("# v"),
                "{file}: {line} does not say which version it is"
            );
        }
    }
    assert!(
        !is_pinned("actions/checkout@v7")
            && !is_pinned("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90bX")
    );
}

#[test]
fn nobody_is_given_rights_for_a_whole_workflow() {
    for (file, workflow) in workflows() {
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}), "{file}");
        jobs(&workflow).for_each(|job| {
            assert!(
                job["uses"].is_string() || job["timeout-minutes"].is_u64(),
                "{file}: a job without an end"
            )
        });
    }
}

/// What follows a word in the commands, for example the target of `make`.
fn called<'a>(workflow: &'a Value, word: &'a str) -> impl Iterator<Item = &'a str> {
    let words = commands(workflow).flat_map(move |line| line.split(word).skip(1));
    words.filter_map(|rest| {
        rest.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-._".contains(letter)))
            .next()
    })
}

#[test]
fn every_target_and_script_that_is_called_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.strip_prefix(".PHONY: ")).collect();
    let mut seen = BTreeSet::new();
    for (file, workflow) in workflows() {
        for target in called(&workflow, "make ") {
            assert!(targets.contains(target), "{file}: make {target}");
            seen.insert(target.to_owned());
        }
        for script in called(&workflow, "scripts/") {
            let mode = fs::metadata(root().join("scripts").join(script))
                .unwrap_or_else(|error| panic!("{file}: {script}: {error}"))
                .permissions();
            assert!(mode.mode() & 0o111 != 0, "scripts/{script} cannot be run");
            seen.insert(script.to_owned());
        }
    }
    let targets = ["dist", "dist-binary", "image", "image-check", "reproducible", "advisories"];
    for expected in targets.iter().chain(&[
        "check-version",
        "publish",
        "release-notes",
        "push-artifacthub",
        "checksums",
    ]) {
        assert!(seen.contains(*expected), "no workflow calls {expected}");
    }
}

/// Who may sign compiles nothing that came with a dependency, and who compiles has no rights.
#[test]
fn what_is_signed_was_built_where_nobody_can_sign() {
    let (_, release) = workflows()
        .into_iter()
        .find(|(file, _)| file.ends_with("release.yml"))
        .expect("the release");
    let lines = |job: &Value| {
        let steps =
            job["steps"].as_array().into_iter().flatten().filter_map(|step| step["run"].as_str());
        steps.flat_map(str::lines).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let builds = |line: &String| {
        ["make ", "cargo ", "scripts/install-tools "].iter().any(|word| line.contains(word))
    };
    let (signing, others): (Vec<_>, Vec<_>) =
        jobs(&release).partition(|job| job["permissions"]["id-token"] == "write");
    let [signing] = signing.as_slice() else { panic!("{} jobs sign", signing.len()) };
    assert_eq!(lines(signing).into_iter().filter(builds).collect::<Vec<_>>(), Vec::<String>::new());
    let building: Vec<_> = others.into_iter().filter(|job| lines(job).iter().any(builds)).collect();
    assert_eq!(building.len(), 2, "one for each architecture");
    building.iter().for_each(|job| assert!(job["permissions"].is_null(), "{job}"));
}

/// A tool without a version is another one tomorrow.
#[test]
fn every_tool_that_is_built_has_a_version() {
    let script = fs::read_to_string(root().join("scripts/install-tools")).expect("the script");
    let (functions, tools) = script.split_once("case $tool in").expect("the list");
    let (words, builders) = (
        |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        ["cargo_tool", "go_tool", "npm_file"],
    );
    let mut found = 0;
    for line in tools.lines() {
        let words = words(line);
        let Some(at) = words.iter().position(|word| builders.contains(&word.as_str())) else {
            continue;
        };
        let version = words.iter().skip(at).any(|word| {
            word.trim_start_matches('v')
                .split('.')
                .filter(|part| part.parse::<u16>().is_ok())
                .count()
                == 3
        });
        assert!(version, "{line}");
        found += 1;
    }
    assert!(found >= 7, "{found}");
    functions
        .lines()
        .filter(|line| line.contains("cargo install -"))
        .filter(|line| !line.contains("--list"))
        .for_each(|line| {
            assert!(line.contains("--locked") && line.contains("--version"), "{line}");
        });
}

/// The image has no loader: a program that asks for one, and what is no program, never get there.
#[test]
fn a_binary_that_is_not_static_is_refused_wherever_it_is_built() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    let (_, recipe) = makefile.split_once("\nimage-binary: ").expect("the target");
    let recipe = recipe.split("\n\n").next().expect("a recipe");
    for check in [
        "scripts/check-static $(IMAGE_BINARY)",
        "scripts/check-size $(IMAGE_BINARY) $(MAX_IMAGE_BYTES)",
    ] {
        assert!(recipe.contains(check), "{recipe}");
    }
    let check = |path: &Path| {
        Command::new(root().join("scripts/check-static")).arg(path).output().expect("it runs")
    };
    // A copy: another build may replace this program's file meanwhile.
    let folder = TempDir::new().expect("a folder");
    let linked = folder.path().join("linked");
    fs::copy("/proc/self/exe", &linked).expect("this program");
    let refused = check(&linked);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && words.contains("asks for a loader or for libraries"),
        "{words}"
    );
    assert!(!check(&root().join("Makefile")).status.success());
}
