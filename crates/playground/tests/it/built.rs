//! What is under test, built here, so that it is never an old one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use test_support::root;

/// One browser at a time: each wants the cores for itself.
pub(crate) static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The folder that `make playground` makes.
pub(crate) fn page() -> &'static Path {
    static PAGE: LazyLock<PathBuf> = LazyLock::new(|| {
        run(Command::new("make")
            .args(["--no-print-directory", "playground"])
            .env_remove("MAKEFLAGS"));
        root().join("target/playground")
    });
    &PAGE
}

/// The binary `landlord`.
pub(crate) fn landlord() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        run(Command::new("make")
            .args(["--no-print-directory", "local-cluster"])
            .env_remove("MAKEFLAGS"));
        target().join("debug/landlord")
    });
    &BINARY
}

/// `landlord plan -o json` of these texts, in files that are called like the editors: the plan, or
/// what it says instead.
pub(crate) fn plan(settings: &str, tenant: &str, namespace: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(landlord());
    command.current_dir(folder.path()).env_clear().args([
        "plan",
        "-o",
        "json",
        "-f",
        "tenant",
        "-f",
        "namespace",
    ]);
    for (name, text) in [("settings", settings), ("tenant", tenant), ("namespace", namespace)] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    if !settings.trim().is_empty() {
        command.args(["--settings", "settings"]);
    }
    let output = command.output().expect("landlord runs");
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn run(command: &mut Command) {
    let output =
        command.current_dir(root()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} fails:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn target() -> PathBuf {
    root().join(
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from),
    )
}
