//! Releases: the workflows, and the scripts that they call.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compiled::root;

mod packages;
mod systems;
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
        assert_eq!(workflow["permissions"], json!({"contents": "read"}), "{file}");
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
        "native-binary",
        "assemble",
        "edge-charts",
    ]) {
        assert!(seen.contains(*expected), "no workflow calls {expected}");
    }
}

/// The commands of one job.
fn lines(job: &Value) -> impl Iterator<Item = &str> {
    let steps = job["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| step["run"].as_str()).flat_map(str::lines)
}

fn compiles(job: &Value) -> bool {
    let words = ["make ", "cargo ", "scripts/install-tools ", "scripts/native-binary ", ".ci/run"];
    lines(job).any(|line| words.iter().any(|word| line.contains(word)))
}

fn may_write(job: &Value) -> bool {
    job["permissions"]
        .as_object()
        .is_some_and(|rights| rights.values().any(|right| right != "read"))
}

/// Jobs as `file/name`, with what they are.
fn named_jobs() -> Vec<(String, Value)> {
    let mut jobs = Vec::new();
    for (file, workflow) in workflows() {
        let file = file.rsplit('/').next().expect("a name");
        for (name, job) in workflow["jobs"].as_object().expect("jobs") {
            jobs.push((format!("{file}/{name}"), job.clone()));
        }
    }
    jobs
}

/// Who may sign or publish compiles nothing that came with a dependency, and who compiles has no
/// rights.
#[test]
fn what_is_published_was_built_where_nobody_can_publish() {
    let (mut building, mut publishing) = (BTreeSet::new(), BTreeSet::new());
    for (name, job) in named_jobs() {
        if compiles(&job) {
            assert!(job["permissions"].is_null(), "{name}: {job}");
            building.insert(name.clone());
        }
        if may_write(&job) {
            publishing.insert(name);
        }
    }
    let publishers =
        ["edge.yml/publish", "pages.yml/deploy", "release.yml/artifacthub", "release.yml/publish"];
    assert_eq!(publishing.iter().map(String::as_str).collect::<Vec<_>>(), publishers);
    for builder in [
        "edge.yml/build",
        "edge.yml/build-arm64",
        "native.yml/program",
        "pages.yml/book",
        "release.yml/dist",
        "release.yml/dist-arm64",
    ] {
        assert!(building.contains(builder), "{builder} compiles nothing");
    }
}

/// A run of CI for a pull request is none for `main`, whatever the branch of a fork is called.
#[test]
fn edge_is_what_main_holds_and_ci_has_passed() {
    let read = |file: &str| {
        let found = workflows().into_iter().find(|(path, _)| path.ends_with(file));
        found.unwrap_or_else(|| panic!("no {file}")).1
    };
    let (edge, ci) = (read("/edge.yml"), read("/ci.yml"));
    let trigger = json!({"workflows": [ci["name"]], "types": ["completed"], "branches": ["main"]});
    assert_eq!(edge["on"], json!({"workflow_run": trigger}));
    for job in jobs(&edge) {
        let passed = "github.event.workflow_run.conclusion == 'success' && \
                      github.event.workflow_run.event == 'push'";
        assert!(job["if"] == passed || job["needs"] == json!(["build", "build-arm64"]), "{job}");
        let checkout = &job["steps"][0]["with"];
        assert_eq!(checkout["ref"], "${{ github.event.workflow_run.head_sha }}");
    }
}

/// What Cargo.toml pins is not offered anew each week, and nothing else is left out.
#[test]
fn dependabot_leaves_alone_what_is_pinned() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("text");
    let dependabot: Value =
        serde_saphyr::from_str(&read(".github/dependabot.yml")).expect("valid YAML");
    let updates = dependabot["updates"].as_array().expect("a list");
    let systems: Vec<_> = updates.iter().map(|one| &one["package-ecosystem"]).collect();
    assert_eq!(systems, ["github-actions", "cargo"]);
    let ignored: BTreeSet<&str> = updates
        .iter()
        .filter_map(|one| one["ignore"].as_array())
        .flatten()
        .filter_map(|one| one["dependency-name"].as_str())
        .collect();
    let manifest = read("Cargo.toml");
    let pinned: BTreeSet<&str> =
        manifest.lines().filter_map(|line| Some(line.split_once(" = \"=")?.0)).collect();
    assert_eq!(ignored, pinned);
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
