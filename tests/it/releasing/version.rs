//! The version: every place that names it, held to one another, and what is published under it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use tempfile::TempDir;

use crate::compiled::root;

/// The files that name the version, in a folder where they can be changed.
fn copy() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let files = [
        "Cargo.toml",
        "artifacthub-pkg.yml",
        "artifacthub-repo.yml",
        "policy-metadata.yml",
        "README.md",
        "charts/landlord/Chart.yaml",
    ];
    let scripts = ["scripts/check-version", "scripts/release-notes", "scripts/push-artifacthub"];
    let manifests = [
        "deploy/cluster-admission-policy.yaml",
        "deploy/controller.yaml",
        "examples/getting-started/policy.yaml",
    ];
    let others = [
        "README.zh-CN.md",
        "docs/install.md",
        "docs/policy.md",
        "docs/publishing.md",
        "examples/github-actions/plan-comment.yml",
    ];
    for file in files.iter().chain(&scripts).chain(&manifests).chain(&others) {
        let to = folder.path().join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::copy(root().join(file), to).expect("copied");
    }
    // Not ours: that one names the version from the release's commit on.
    fs::write(
        folder.path().join("CHANGELOG.md"),
        "# Changelog\n\n## Unreleased\n\n* New.\n\n## 0.0.1\n\n* Old.\n",
    )
    .expect("written");
    folder
}

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(file)).expect("text");
    assert!(text.contains(from), "{file} has no {from:?}");
    fs::write(folder.join(file), text.replacen(from, to, 1)).expect("written");
}

fn run(folder: &Path, script: &str, arguments: &[&str]) -> Output {
    Command::new(folder.join(script)).args(arguments).current_dir(folder).output().expect("it runs")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn a_version_that_is_everywhere_the_same_is_printed() {
    let folder = copy();
    replace(folder.path(), "CHANGELOG.md", "## Unreleased", &format!("## {VERSION} (2026-12-01)"));
    let tag = format!("v{VERSION}");
    for arguments in [&[][..], &[tag.as_str()]] {
        let output = run(folder.path(), "scripts/check-version", arguments);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            VERSION,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let notes = run(folder.path(), "scripts/release-notes", &[VERSION]).stdout;
    assert_eq!(String::from_utf8_lossy(&notes).trim(), "* New.", "its chapter and no other");
}

#[rstest]
#[case("artifacthub-pkg.yml", "version: ", "version: 9", "artifacthub-pkg.yml, version, says 9")]
#[case("artifacthub-pkg.yml", "landlord-policy:v", "landlord-policy:v9", "landlord-policy:v9")]
#[case(
    "policy-metadata.yml",
    "io.kubewarden.policy.version: ",
    "io.kubewarden.policy.version: 9",
    "policy-metadata.yml"
)]
#[case(
    "charts/landlord/Chart.yaml",
    "\nversion: ",
    "\nversion: 9",
    "charts/landlord/Chart.yaml, version, says 9"
)]
#[case(
    "charts/landlord/Chart.yaml",
    "appVersion: ",
    "appVersion: 9",
    "charts/landlord/Chart.yaml, appVersion, says 9"
)]
#[case(
    "deploy/cluster-admission-policy.yaml",
    "landlord-policy:v",
    "landlord-policy:v9",
    "landlord-policy:v9"
)]
#[case(
    "deploy/controller.yaml",
    "landlord:v",
    "landlord:v9",
    "deploy/controller.yaml, landlord:v9"
)]
#[case(
    "docs/policy.md",
    "landlord-policy:v",
    "landlord-policy:v9",
    "docs/policy.md, landlord-policy:v9"
)]
#[case(
    "docs/publishing.md",
    "landlord-policy:v",
    "landlord-policy:v9",
    "docs/publishing.md, landlord-policy:v9"
)]
#[case("docs/install.md", "download/v", "download/v9", "docs/install.md, releases/download/v9")]
#[case("docs/publishing.md", "refs/tags/v", "refs/tags/v9", "docs/publishing.md, refs/tags/v9")]
#[case(
    "examples/getting-started/policy.yaml",
    "landlord-policy:v",
    "landlord-policy:v9",
    "policy.yaml, landlord-policy:v9"
)]
#[case(
    "examples/github-actions/plan-comment.yml",
    "landlord:v",
    "landlord:v9",
    "plan-comment.yml, landlord:v9"
)]
#[case(
    "artifacthub-pkg.yml",
    "download/v",
    "download/v9",
    "artifacthub-pkg.yml, releases/download/v9"
)]
#[case("Cargo.toml", "\nversion = \"", "\nversion = \"9", "Cargo.toml says 9")]
fn a_version_that_differs_somewhere_is_told(
    #[case] file: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] part: &str,
) {
    let folder = copy();
    replace(folder.path(), file, from, to);
    let output = run(folder.path(), "scripts/check-version", &[]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains(part), "{words}");
}

#[rstest]
#[case("v9.9.9", "the tag v9.9.9 says 9.9.9")]
#[case(VERSION, "does not begin with v")]
#[case(&format!("v{VERSION}"), "CHANGELOG.md has no chapter")]
fn a_tag_that_is_not_the_version_or_has_no_notes_is_told(#[case] tag: &str, #[case] part: &str) {
    let output = run(copy().path(), "scripts/check-version", &[tag]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains(part), "{words}");
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = [
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "init.defaultBranch=main",
    ];
    let output = Command::new("git")
        .args(identity)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// On a real remote: the branch is made, then moved, then left alone.
#[test]
fn the_branch_for_artifact_hub_holds_what_it_reads_and_nothing_else() {
    let (folder, remote) = (copy(), TempDir::new().expect("a folder"));
    git(remote.path(), &["init", "--quiet", "--bare"]);
    git(folder.path(), &["init", "--quiet"]);
    for (name, value) in [("user.name", "test"), ("user.email", "test@example.com")] {
        git(folder.path(), &["config", name, value]);
    }
    git(folder.path(), &["add", "--all"]);
    git(folder.path(), &["commit", "--quiet", "-m", "All"]);
    let remote = remote.path().to_str().expect("a path");
    let push = || {
        let output = run(folder.path(), "scripts/push-artifacthub", &[remote]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(push(), format!("artifacthub has {VERSION}\n"));
    let files = || git(Path::new(remote), &["ls-tree", "-r", "--name-only", "artifacthub"]);
    assert_eq!(files(), "README.md\nartifacthub-pkg.yml\nartifacthub-repo.yml\n");
    assert_eq!(push(), format!("artifacthub has {VERSION} already\n"));
    replace(folder.path(), "README.md", "# ", "# New: ");
    assert_eq!(push(), format!("artifacthub has {VERSION}\n"));
    assert_eq!(git(Path::new(remote), &["rev-list", "--count", "artifacthub"]), "2\n");
    assert_eq!(
        git(folder.path(), &["worktree", "list"]).lines().count(),
        1,
        "nothing is left behind"
    );
}
