//! Where the binaries come from.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

fn build(set: impl FnOnce(&mut Command) -> &mut Command) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-cluster"));
    command.arg("build").env_remove("KUBEBUILDER_ASSETS");
    set(&mut command).output().expect("it runs")
}

#[test]
fn a_complete_folder_is_used_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    for name in ["etcd", "kube-apiserver", "kube-scheduler"] {
        fs::write(folder.path().join(name), "").expect("a file");
    }
    let output = build(|command| command.env("KUBEBUILDER_ASSETS", folder.path()));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim().trim_end_matches('/'),
        folder.path().display().to_string()
    );
}

#[test]
fn without_go_it_says_what_to_do() {
    let (cache, path) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let output =
        build(|command| command.env("LANDLORD_CACHE", cache.path()).env("PATH", path.path()));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for needed in ["Go is missing", "https://go.dev/dl", "KUBEBUILDER_ASSETS", "kube-scheduler"] {
        assert!(words.contains(needed), "{words}");
    }
}

/// A build that breaks off leaves nothing that would be taken for a binary.
#[test]
fn a_failed_build_leaves_nothing_half_written() {
    let (cache, path) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let go = path.path().join("go");
    fs::write(&go, "#!/bin/sh\necho broken >&2\nexit 1\n").expect("a file");
    fs::set_permissions(&go, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let output =
        build(|command| command.env("LANDLORD_CACHE", cache.path()).env("PATH", path.path()));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("Kubernetes cannot be built"), "{words}");
    let built =
        fs::read_dir(cache.path()).expect("the cache").flatten().next().expect("a folder").path();
    let names: Vec<_> =
        fs::read_dir(built).expect("its folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["lock"]);
}
