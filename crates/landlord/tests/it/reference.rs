//! The reference in docs/ and the man pages are what the command line says of itself.

use std::fs;

use crate::landlord::{root, run};

#[test]
fn the_documentation_is_in_step() {
    let written = fs::read_to_string(root().join("docs/command-line.md")).expect("the reference");
    assert!(
        run("reference markdown").out == written,
        "docs/command-line.md is not in step: make reference"
    );
}

/// What is set, is set by flag and environment alike. Words that are acts and no settings have no
/// twin.
#[test]
fn every_setting_has_a_twin_in_the_environment() {
    const ACTS: [&str; 3] = ["--pin", "--unpin", "--without-guard"];
    let reference = run("reference markdown").out;
    let rows = reference.lines().filter(|line| line.starts_with("| `") && line.contains("--"));
    let bare: Vec<&str> = rows
        .filter(|row| row.split('|').nth(2).is_some_and(|twin| twin.trim().is_empty()))
        .collect();
    let setting = |row: &&&str| {
        !ACTS.iter().any(|act| row.contains(&format!("{act} ")) || row.contains(&format!("{act}`")))
    };
    assert_eq!(bare.iter().filter(setting).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&format!("reference man --out {}/man1", folder.path().display()));
    assert_eq!(run.code, Some(0), "{}", run.err);
    for name in ["landlord", "landlord-plan", "landlord-render-guard", "landlord-release"] {
        let page = fs::read_to_string(folder.path().join("man1").join(format!("{name}.1")))
            .expect("a page");
        assert!(page.contains(".TH") && page.contains("SYNOPSIS"), "{page}");
    }
    let plan = fs::read_to_string(folder.path().join("man1/landlord-plan.1")).expect("a page");
    for part in [".SH EXAMPLES", ".SH EXIT STATUS", "LANDLORD_SETTINGS"] {
        assert!(plan.contains(part), "no {part:?} in {plan}");
    }
    assert!(!folder.path().join("man1/landlord-reference.1").exists(), "it is hidden");
}
