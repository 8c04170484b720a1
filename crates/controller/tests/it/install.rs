//! `scripts/install`: the command line, kubectl's plugin, man pages, completions.

use std::process::Command;

use crate::landlord::{binary, root, run_command};

#[test]
fn the_plugin_is_the_same_program_by_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let prefix = folder.path();
    let installed = run_command(Command::new(root().join("scripts/install")).arg(binary()).arg(prefix), "");
    assert_eq!(installed.code, Some(0), "{}", installed.err);
    let help = run_command(Command::new(prefix.join("bin/kubectl-landlord")).args(["plan", "-h"]).env_clear(), "");
    for part in ["Usage: kubectl landlord plan", "  kubectl landlord plan -o diff", "| kubectl landlord plan -f -"] {
        assert!(help.out.contains(part), "no {part:?} in {}", help.out);
    }
    for file in ["share/man/man1/landlord-plan.1", "share/zsh/site-functions/_landlord", "share/fish/vendor_completions.d/landlord.fish"] {
        assert!(prefix.join(file).metadata().is_ok_and(|file| file.len() > 0), "{file}");
    }
}

/// kubectl asks for words of its plugins by a program of its own.
#[test]
fn kubectl_completes_the_plugin() {
    let folder = tempfile::tempdir().expect("a folder");
    let installed = run_command(Command::new(root().join("scripts/install")).arg(binary()).arg(folder.path()), "");
    assert_eq!(installed.code, Some(0), "{}", installed.err);
    let bin = folder.path().join("bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let words = run_command(Command::new(bin.join("kubectl_complete-landlord")).args(["stat"]).env_clear().env("PATH", path), "");
    assert_eq!(words.out, "status\n:4\n", "{}", words.err);
}
