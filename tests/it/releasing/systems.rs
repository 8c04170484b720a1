//! What the released program is made of, for systems on which no test runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::compiled::root;

/// What there is on Unix alone.
const UNIX: [&str; 6] = ["os::unix", "os::fd", "os::linux", "signal::unix", "nix::", "libc::"];

/// The crates of the workspace that `landlord` is linked from.
fn crates() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("crates/landlord/Cargo.toml")).expect("text");
    let (_, rest) = manifest.split_once("\n[dependencies]\n").expect("dependencies");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split(['.', ' ']).next()).map(str::to_owned);
    let own = |name: &String| root().join("crates").join(name).is_dir();
    names.filter(own).chain(["landlord".to_owned()]).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Lines of code that Windows has no equivalent for: those without `#[cfg(unix)]` above them.
fn unguarded(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let above = [""].into_iter().chain(lines.iter().copied());
    let found = lines.iter().copied().zip(above).filter(|(line, above)| {
        !line.starts_with("//")
            && UNIX.iter().any(|word| line.contains(word))
            && !["#[cfg(unix)]", "#[cfg(test)]"].contains(above)
    });
    found.map(|(line, _)| line).collect()
}

#[test]
fn the_program_uses_nothing_that_windows_lacks() {
    let crates = crates();
    assert!(crates.len() >= 9 && crates.contains("controller"), "{crates:?}");
    for name in crates {
        let mut files = Vec::new();
        sources(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("text");
            assert_eq!(unguarded(&text), Vec::<&str>::new(), "{}", file.display());
        }
    }
}

#[test]
fn what_is_for_unix_alone_is_found() {
    let text = "#[cfg(unix)]\nuse tokio::signal::unix::signal;\n// std::os::unix\n\
                use std::os::unix::fs::symlink;\n";
    assert_eq!(unguarded(text), ["use std::os::unix::fs::symlink;"]);
}
