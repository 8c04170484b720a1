//! Source: what the programs are built from, and the folder of the cache that they are built into.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::{Binaries, BinariesError, CACHE, Release, go, module};

/// All that a built program can be.
const PROGRAMS: [&str; 5] =
    ["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubectl"];

/// A Go module that the programs are built from.
pub(super) struct Source {
    module: PathBuf,
    version: String,
    /// Where what is built of exactly this source belongs.
    folder: PathBuf,
    /// A release whose module is written before it is built; `None` for the module in this
    /// repository.
    written_for: Option<Release>,
}

impl Source {
    /// The module of a release older than the newest, in its own folder.
    pub(super) fn of(release: Release) -> Result<Self, BinariesError> {
        let version = release.module_version();
        let mut hash = Sha256::new();
        hash.update(module::RECIPE);
        hash.update(module::main_go());
        let folder = folder(&version, hash)?;
        Ok(Self { module: folder.join("module"), version, folder, written_for: Some(release) })
    }

    /// The module in this repository.
    pub(super) fn newest() -> Result<Self, BinariesError> {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes");
        let mut hash = Sha256::new();
        for name in ["go.mod", "go.sum", "main.go"] {
            hash.update(read(&module.join(name))?);
        }
        let version = version(&String::from_utf8_lossy(&read(&module.join("go.mod"))?));
        let folder = folder(&version, hash)?;
        Ok(Self { module, version, folder, written_for: None })
    }

    pub(super) fn binaries(&self) -> Result<Binaries, BinariesError> {
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
        if let Some(release) = self.written_for {
            self.write_module(release)?;
        }
        self.compile(&unfinished)?;
        let etcd_is_borrowed = self.written_for.is_some();
        for name in PROGRAMS.into_iter().filter(|name| !(etcd_is_borrowed && *name == "etcd")) {
            let link = self.folder.join(name);
            drop(fs::remove_file(&link));
            symlink("kubernetes", &link).map_err(fault("cannot link to"))?;
        }
        fs::rename(&unfinished, program).map_err(fault("cannot rename to"))
    }

    /// Writes the module of a release from its own go.mod and go.sum, as the Go proxy has them. The
    /// checksums of what go.sum lacks, the modules of its tree, come from Go's checksum database.
    fn write_module(&self, release: Release) -> Result<(), BinariesError> {
        let upstream = go::download(&self.version, &self.folder)?;
        let go_mod = read(&upstream.join("go.mod"))?;
        let go_mod = module::go_mod(release, &String::from_utf8_lossy(&go_mod));
        let fault = |source| BinariesError::File {
            what: "cannot write",
            path: self.module.clone(),
            source,
        };
        fs::create_dir_all(&self.module).map_err(fault)?;
        fs::write(self.module.join("go.mod"), go_mod).map_err(fault)?;
        fs::write(self.module.join("go.sum"), read(&upstream.join("go.sum"))?).map_err(fault)?;
        fs::write(self.module.join("main.go"), module::main_go()).map_err(fault)
    }

    fn compile(&self, output: &Path) -> Result<(), BinariesError> {
        eprintln!(
            "building etcd and Kubernetes {} from source, once: about 10 minutes on 2 cores",
            self.version
        );
        let (status, words) = go::build(self.compiler(output), output)?;
        if status.success() {
            Ok(())
        } else {
            Err(BinariesError::Build { status, module: self.module.clone(), words })
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
        go.current_dir(&self.module).env("CGO_ENABLED", "0");
        go.args(["build", "-trimpath", "-buildvcs=false"]);
        // A go.sum that is written here is completed by the build.
        go.args(self.written_for.map(|_| "-mod=mod"))
            .arg("-ldflags")
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

/// Where what is built of a source with this hash belongs.
fn folder(version: &str, source: Sha256) -> Result<PathBuf, BinariesError> {
    let mark: String = source.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Ok(cache()?.join(format!("kubernetes-{version}-{mark}")))
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
        let version = super::version(include_str!("../../kubernetes/go.mod"));
        assert_eq!(version, super::Release::NEWEST.module_version());
    }
}
