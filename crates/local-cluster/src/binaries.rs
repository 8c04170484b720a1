//! Binaries: etcd and Kubernetes. Those of `KUBEBUILDER_ASSETS` if all are there, else one program
//! built here once from their published sources, into a cache that `cargo clean` does not touch. A
//! [`Release`] other than the newest has a folder of its own beside it, with the newest one's etcd.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

mod go;
mod module;
mod release;
mod source;

pub use self::release::{Release, UnknownRelease};
use self::source::Source;

/// A folder with the binaries, as Kubernetes' controller projects name it.
pub const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// Where built binaries are kept, instead of the user's cache folder.
pub const CACHE: &str = "LANDLORD_CACHE";
/// What a folder must have to be used.
const NEEDED: [&str; 3] = ["etcd", "kube-apiserver", "kube-scheduler"];

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
    #[error("Kubernetes cannot be built ({status}) from {}; Go's last words:\n{words}", module.display())]
    Build { status: ExitStatus, module: PathBuf, words: String },
    #[error("the module k8s.io/kubernetes {version} cannot be downloaded: {words}")]
    Download { version: String, words: String },
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
            _ => Source::newest()?.binaries(),
        }
    }

    /// Finds the binaries of one release in the cache, or builds them there (10 minutes on two
    /// cores). The folder holds etcd as well, so that it can serve as `KUBEBUILDER_ASSETS`.
    pub fn of(release: Release) -> Result<Self, BinariesError> {
        if release == Release::NEWEST {
            return Source::newest()?.binaries();
        }
        let etcd = Self::find_or_build()?.path("etcd");
        let binaries = Source::of(release)?.binaries()?;
        binaries.borrow_etcd(&etcd)?;
        Ok(binaries)
    }

    /// The file of one program.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// Links to another folder's etcd, by a rename: others may start it at the same time.
    fn borrow_etcd(&self, etcd: &Path) -> Result<(), BinariesError> {
        let link = self.path("etcd");
        let fault = |source| BinariesError::File {
            what: "cannot link etcd to",
            path: etcd.to_owned(),
            source,
        };
        // Not to a link, which may be this one.
        let etcd = fs::canonicalize(etcd).map_err(fault)?;
        if fs::canonicalize(&link).is_ok_and(|there| there == etcd) {
            return Ok(());
        }
        let new = self.path(&format!("etcd.{}", std::process::id()));
        let _ = fs::remove_file(&new);
        symlink(&etcd, &new).map_err(fault)?;
        fs::rename(&new, &link).map_err(fault)
    }
}
