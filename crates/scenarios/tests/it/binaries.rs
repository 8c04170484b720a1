//! Where the binaries come from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn build(set: impl FnOnce(&mut Command) -> &mut Command) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-cluster"));
    command.arg("build").env_remove("KUBEBUILDER_ASSETS").env_remove("LOCAL_CLUSTER_KUBERNETES");
    set(&mut command).output().expect("it runs")
}

/// Downloads nothing, and compiles to a text.
const GO: &str = r#"#!/bin/sh
case $1 in
  mod) echo "{\"Dir\": \"$UPSTREAM\"}" ;;
  build)
    while [ $# -gt 0 ]; do [ "$1" != -o ] || out=$2; shift; done
    echo built >"$out" ;;
esac
"#;

/// Programs of the newest version, a Go module as it is downloaded, a cache, and a folder for a
/// compiler.
struct Folders {
    all: TempDir,
}

impl Folders {
    fn new() -> Self {
        let folders = Self { all: TempDir::new().expect("a folder") };
        for name in ["assets", "upstream", "cache", "path"] {
            fs::create_dir(folders.path(name)).expect("a folder");
        }
        for name in ["etcd", "kube-apiserver", "kube-scheduler"] {
            fs::write(folders.path("assets").join(name), "").expect("a file");
        }
        let go_mod = "module k8s.io/kubernetes\n\nreplace k8s.io/api => ./staging/src/k8s.io/api\n";
        fs::write(folders.path("upstream/go.mod"), go_mod).expect("a file");
        fs::write(folders.path("upstream/go.sum"), "sums\n").expect("a file");
        folders
    }

    fn path(&self, name: &str) -> PathBuf {
        self.all.path().join(name)
    }

    fn put_go(&self, script: &str) {
        write_program(&self.path("path/go"), script);
    }

    fn build(&self, version: &str) -> Output {
        build(|command| {
            command
                .args(["--kubernetes", version])
                .env("KUBEBUILDER_ASSETS", self.path("assets"))
                .env("LANDLORD_CACHE", self.path("cache"))
                .env("PATH", self.path("path"))
                .env("UPSTREAM", self.path("upstream"))
        })
    }
}

fn write_program(path: &Path, script: &str) {
    fs::write(path, script).expect("a file");
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("a mode");
}

#[test]
fn an_older_version_is_built_once_and_has_the_newest_etcd() {
    let folders = Folders::new();
    folders.put_go(GO);
    let output = folders.build("1.33");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with("kubernetes-v1.33.13-"), "{name}");
    for program in ["kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubectl"] {
        assert_eq!(fs::read_to_string(folder.join(program)).expect("a program"), "built\n");
    }
    let etcd = fs::canonicalize(folder.join("etcd")).expect("a link");
    assert_eq!(etcd, fs::canonicalize(folders.path("assets/etcd")).expect("a file"));
    let go_mod = fs::read_to_string(folder.join("module/go.mod")).expect("a module");
    for line in ["k8s.io/api => k8s.io/api v0.33.13", "require k8s.io/kubernetes v1.33.13"] {
        assert!(go_mod.contains(line), "{go_mod}");
    }

    folders.put_go("#!/bin/sh\nexit 1\n");
    assert_eq!(folders.build("v1.33.13").stdout, output.stdout, "it is there");
}

#[test]
fn a_version_that_go_cannot_build_is_named_with_its_error() {
    let folders = Folders::new();
    folders.put_go(&GO.replace("echo built", "echo main.go needs go1.99 >&2; exit 1; echo"));
    let words = String::from_utf8_lossy(&folders.build("1.33").stderr).into_owned();
    for needed in ["Error: Kubernetes cannot be built", "kubernetes-v1.33.13-", "needs go1.99"] {
        assert!(words.contains(needed), "{words}");
    }
    folders.put_go("#!/bin/sh\necho '{\"Error\": \"not found\"}'\nexit 1\n");
    let words = String::from_utf8_lossy(&folders.build("1.34").stderr).into_owned();
    assert!(words.contains("k8s.io/kubernetes v1.34.4 cannot be downloaded: not found"), "{words}");
}

#[test]
fn an_unknown_version_is_answered_with_those_that_there_are() {
    let output = build(|command| command.args(["--kubernetes", "1.29"]));
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(words.contains("no Kubernetes \"1.29\" here: there are 1.30.14, 1.31.14"), "{words}");
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
    write_program(&go, "#!/bin/sh\necho broken >&2\nexit 1\n");
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
