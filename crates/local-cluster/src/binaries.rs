//! Binaries: etcd and Kubernetes. Those of `KUBEBUILDER_ASSETS` if all are there, else one program
//! built here once from their published sources, into a cache that `cargo clean` does not touch.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// A folder with the binaries, as Kubernetes' controller projects name it.
pub const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// Where built binaries are kept, instead of the user's cache folder.
pub const CACHE: &str = "LANDLORD_CACHE";
/// What a folder must have to be used.
const NEEDED: [&str; 3] = ["etcd", "kube-apiserver", "kube-scheduler"];
/// All that the built program can be.
const PROGRAMS: [&str; 5] =
    ["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubectl"];
/// How often a long build says that it is alive.
const REPORT: Duration = Duration::from_secs(30);

/// A folder of programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

/// Binaries that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    #[error(
        "Go is missing, and it builds etcd and Kubernetes once for all tests: install Go 1.26 or newer (https://go.dev/dl), \
         or set {ASSETS} to a folder with {}",
        NEEDED.join(", ")
    )]
    NoGo,
    #[error("Kubernetes cannot be built ({status}) from {}: see the compiler's words above", module.display())]
    Build { status: ExitStatus, module: PathBuf },
    #[error("{what} {}: {source}", path.display())]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "neither {CACHE}, XDG_CACHE_HOME nor HOME is set: set {CACHE} to a folder for the built binaries (150 MB)"
    )]
    NoCache,
}

impl Binaries {
    /// Finds the binaries, or builds them (10 minutes on two cores); progress goes to standard
    /// error.
    pub fn find_or_build() -> Result<Self, BinariesError> {
        match std::env::var_os(ASSETS).map(PathBuf::from) {
            Some(folder) if NEEDED.iter().all(|name| folder.join(name).exists()) => {
                Ok(Self { folder })
            }
            _ => Source::new()?.binaries(),
        }
    }

    /// The file of one program.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// The Go module in this repository.
struct Source {
    module: PathBuf,
    version: String,
    /// Where what is built of exactly this source belongs.
    folder: PathBuf,
}

impl Source {
    fn new() -> Result<Self, BinariesError> {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes");
        let mut hash = Sha256::new();
        for name in ["go.mod", "go.sum", "main.go"] {
            hash.update(read(&module.join(name))?);
        }
        let version = version(&String::from_utf8_lossy(&read(&module.join("go.mod"))?));
        let digest = hash.finalize();
        let mark: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let folder = cache()?.join(format!("kubernetes-{version}-{mark}"));
        Ok(Self { module, version, folder })
    }

    fn binaries(&self) -> Result<Binaries, BinariesError> {
        let binaries = Binaries { folder: self.folder.clone() };
        let program = self.folder.join("kubernetes");
        if !program.exists() {
            self.build(&program)?;
        }
        Ok(binaries)
    }

    fn build(&self, program: &Path) -> Result<(), BinariesError> {
        let fault =
            |what| move |source| BinariesError::File { what, path: program.to_owned(), source };
        fs::create_dir_all(&self.folder).map_err(fault("cannot make the folder of"))?;
        let lock = File::create(self.folder.join("lock")).map_err(fault("cannot lock"))?;
        // Anyone who comes second finds the work done.
        lock.lock().map_err(fault("cannot lock"))?;
        if program.exists() {
            return Ok(());
        }
        let unfinished = program.with_extension("unfinished");
        self.compile(&unfinished)?;
        for name in PROGRAMS {
            let link = self.folder.join(name);
            drop(fs::remove_file(&link));
            symlink("kubernetes", &link).map_err(fault("cannot link to"))?;
        }
        fs::rename(&unfinished, program).map_err(fault("cannot rename to"))
    }

    fn compile(&self, output: &Path) -> Result<(), BinariesError> {
        eprintln!(
            "building etcd and Kubernetes {} from source, once: about 10 minutes on 2 cores",
            self.version
        );
        let mut child = self.compiler(output).spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BinariesError::NoGo,
            _ => {
                BinariesError::File { what: "cannot start go for", path: output.to_owned(), source }
            }
        })?;
        let fault = |source| BinariesError::File {
            what: "cannot wait for go, which writes",
            path: output.to_owned(),
            source,
        };
        let began = Instant::now();
        let mut reported = began;
        let status = loop {
            match child.try_wait().map_err(fault)? {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(200)),
            }
            if reported.elapsed() > REPORT {
                reported = Instant::now();
                eprintln!("… still compiling Kubernetes after {} s", began.elapsed().as_secs());
            }
        };
        if status.success() {
            Ok(())
        } else {
            Err(BinariesError::Build { status, module: self.module.clone() })
        }
    }

    /// As Kubernetes builds its own release: static, without debug information, and knowing its
    /// version.
    fn compiler(&self, output: &Path) -> Command {
        let (major, minor) =
            self.version.trim_start_matches('v').split_once('.').unwrap_or_default();
        let minor = minor.split('.').next().unwrap_or_default();
        let names =
            [("gitVersion", self.version.as_str()), ("gitMajor", major), ("gitMinor", minor)];
        let versions: String = names
            .iter()
            .map(|(name, value)| format!(" -X k8s.io/component-base/version.{name}={value}"))
            .collect();
        let mut go = Command::new("go");
        go.current_dir(&self.module).env("CGO_ENABLED", "0").stdin(Stdio::null());
        go.args(["build", "-trimpath", "-buildvcs=false", "-ldflags"])
            .arg(format!("-s -w{versions}"))
            .arg("-o")
            .arg(output)
            .arg(".");
        go
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BinariesError> {
    fs::read(path).map_err(|source| BinariesError::File {
        what: "cannot read",
        path: path.to_owned(),
        source,
    })
}

/// The version of `k8s.io/kubernetes` that a go.mod requires, with its `v`.
fn version(go_mod: &str) -> String {
    let required = |line: &str| {
        line.trim().strip_prefix("k8s.io/kubernetes ").map(|version| version.trim().to_owned())
    };
    go_mod.lines().find_map(required).unwrap_or_else(|| "v0.0".to_owned())
}

fn cache() -> Result<PathBuf, BinariesError> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set(CACHE).or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("landlord")));
    cache
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/landlord")))
        .ok_or(BinariesError::NoCache)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_that_the_module_requires() {
        assert_eq!(super::version(include_str!("../kubernetes/go.mod")), "v1.37.2");
    }
}
