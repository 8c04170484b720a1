//! Package managers' manifests, of a made-up release.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compiled::root;

const ADDRESS: &str = "https://github.com/landlord-dev/landlord/releases/download/v1.2.3";
const KREW: [(&str, &str, &str, &str); 5] = [
    ("linux", "amd64", "kubectl-landlord-linux-x86_64.tar.gz", "landlord"),
    ("linux", "arm64", "kubectl-landlord-linux-aarch64.tar.gz", "landlord"),
    ("darwin", "amd64", "kubectl-landlord-darwin-x86_64.tar.gz", "landlord"),
    ("darwin", "arm64", "kubectl-landlord-darwin-arm64.tar.gz", "landlord"),
    ("windows", "amd64", "landlord-windows-x86_64.zip", "landlord.exe"),
];
const HOMEBREW: [(&str, &str); 4] = [
    ("on_macos/on_arm", "landlord-darwin-arm64.tar.gz"),
    ("on_macos/on_intel", "landlord-darwin-x86_64.tar.gz"),
    ("on_linux/on_arm", "landlord-linux-aarch64.tar.gz"),
    ("on_linux/on_intel", "landlord-linux-x86_64.tar.gz"),
];

/// Archives of a few bytes, with their sums.
fn release() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let files = KREW.iter().map(|(.., file, _)| file).chain(HOMEBREW.iter().map(|(_, file)| file));
    for file in files {
        fs::write(folder.path().join(file), format!("made up: {file}")).expect("written");
    }
    let sums = Command::new(root().join("scripts/checksums")).arg(folder.path()).output();
    assert!(sums.expect("it runs").status.success());
    folder
}

fn render(folder: &Path) -> Output {
    Command::new(root().join("scripts/packages"))
        .arg("1.2.3")
        .arg(folder)
        .output()
        .expect("it runs")
}

fn rendered(folder: &Path, file: &str) -> String {
    let output = render(folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(folder.join(file)).expect("the manifest")
}

fn sum(folder: &Path, file: &str) -> String {
    let output = Command::new("sha256sum").arg(folder.join(file)).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().next().expect("a sum").to_owned()
}

#[test]
fn krew_has_a_program_for_every_platform() {
    let folder = release();
    let manifest = rendered(folder.path(), "krew.yaml");
    let manifest: Value = serde_saphyr::from_str(&manifest).expect("YAML");
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"], json!({"name": "landlord"}));
    let spec = &manifest["spec"];
    assert_eq!(spec["version"], "v1.2.3");
    assert_eq!(spec["homepage"], "https://github.com/landlord-dev/landlord");
    let short = spec["shortDescription"].as_str().expect("text");
    assert!(short.len() <= 50 && !short.contains('\n'), "krew's list has one line for each");
    assert!(spec["description"].as_str().is_some_and(|text| text.contains("tenant")));
    let platform = |(os, arch, file, bin): &(&str, &str, &str, &str)| {
        json!({
            "selector": {"matchLabels": {"os": os, "arch": arch}},
            "uri": format!("{ADDRESS}/{file}"),
            "sha256": sum(folder.path(), file),
            "bin": bin,
            "files": [{"from": bin, "to": "."}, {"from": "LICENSE", "to": "."}],
        })
    };
    assert_eq!(spec["platforms"], KREW.iter().map(platform).collect::<Value>());
}

/// The values of a formula by the blocks that they are in, as `on_macos/on_arm` → `url`, and whether
/// every block ends.
fn values(formula: &str) -> Vec<(String, String, String)> {
    let (mut blocks, mut values) = (Vec::new(), Vec::new());
    for line in formula.lines().map(str::trim) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if line == "end" {
            assert!(blocks.pop().is_some(), "an end of nothing: {formula}");
        } else if line.ends_with(" do") || ["class", "def"].contains(&word) {
            blocks.push(word);
        } else if rest.starts_with('"') && rest.ends_with('"') && rest.matches('"').count() == 2 {
            let within = blocks.iter().skip(1).copied().collect::<Vec<_>>().join("/");
            values.push((within, word.to_owned(), rest.trim_matches('"').to_owned()));
        }
    }
    assert!(blocks.is_empty(), "{blocks:?} without an end: {formula}");
    values
}

#[test]
fn homebrew_has_a_program_for_every_platform() {
    let folder = release();
    let formula = rendered(folder.path(), "landlord.rb");
    assert!(formula.contains("\nclass Landlord < Formula\n"), "{formula}");
    let values = values(&formula);
    let value = |block: &str, name: &str| {
        let found: Vec<_> = values.iter().filter(|one| one.0 == block && one.1 == name).collect();
        let [(_, _, value)] = found.as_slice() else { panic!("{block}, {name}: {found:?}") };
        value.clone()
    };
    assert_eq!((value("", "version"), value("", "license")), ("1.2.3".into(), "Apache-2.0".into()));
    assert!(value("", "desc").len() <= 80, "brew audit's limit");
    for (block, file) in HOMEBREW {
        assert_eq!(value(block, "url"), format!("{ADDRESS}/{file}"));
        assert_eq!(value(block, "sha256"), sum(folder.path(), file), "{file}");
    }
    assert_eq!(values.iter().filter(|(_, name, _)| name == "url").count(), HOMEBREW.len());
}

/// The files that `cargo binstall` downloads are those of the other two.
#[test]
fn binstall_has_a_program_for_every_platform() {
    let manifest = fs::read_to_string(root().join("crates/landlord/Cargo.toml")).expect("text");
    let (_, overrides) =
        manifest.split_once("[package.metadata.binstall.overrides]\n").expect("what it reads");
    let found: Vec<&str> = overrides
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (_, rest) = line.split_once("/releases/download/v{ version }/").expect("a file");
            rest.split('"').next().expect("a name")
        })
        .collect();
    let mut expected: Vec<&str> = HOMEBREW.iter().map(|(_, file)| *file).collect();
    expected.push(KREW[4].2);
    assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    assert_eq!(found.len(), expected.len());
}

/// What is wrong with one file of a release.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Its bytes are not those that were summed.
    Changed,
    /// SHA256SUMS does not name it.
    Unlisted,
    /// It is not there.
    Missing,
}

#[rstest]
fn a_sum_that_is_wrong_or_missing_is_an_error_that_names_the_file(
    #[values(Fault::Changed, Fault::Unlisted, Fault::Missing)] fault: Fault,
    #[values(KREW[0].2, KREW[4].2, HOMEBREW[0].1, HOMEBREW[3].1)] file: &str,
) {
    let folder = release();
    let (path, sums) = (folder.path().join(file), folder.path().join("SHA256SUMS"));
    match fault {
        Fault::Changed => fs::write(path, "other bytes").expect("written"),
        Fault::Missing => fs::remove_file(path).expect("removed"),
        Fault::Unlisted => {
            let all = fs::read_to_string(&sums).expect("sums");
            let left = all.lines().filter(|line| !line.ends_with(&format!("  {file}")));
            fs::write(&sums, left.map(|line| format!("{line}\n")).collect::<String>())
                .expect("written");
        }
    }
    let output = render(folder.path());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains(file), "{words}");
    for manifest in ["krew.yaml", "landlord.rb"] {
        assert!(!folder.path().join(manifest).exists(), "{manifest} is there");
    }
}
