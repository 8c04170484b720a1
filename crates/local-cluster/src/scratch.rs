//! Scratch: a cluster's folders. Data, certificates and tokens are in memory where the system has
//! such a place, and go with the cluster; logs stay where something went wrong.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::Builder;

/// Linux keeps this folder in memory, which spares etcd the disk.
const MEMORY: &str = "/dev/shm";
const PREFIX: &str = "landlord-cluster-";
/// Logs of earlier clusters are removed after this time.
const LOGS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    logs: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> io::Result<Self> {
        let memory = Path::new(MEMORY);
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&parent)
            .or_else(|_| Builder::new().prefix(PREFIX).tempdir())?;
        let all_logs = std::env::temp_dir().join("landlord-cluster-logs");
        fs::create_dir_all(&all_logs)?;
        remove_old(&all_logs);
        let logs = Builder::new().prefix("").tempdir_in(&all_logs)?;
        Ok(Self { folder: folder.keep(), logs: logs.keep() })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn log(&self, program: &str) -> PathBuf {
        self.logs.join(format!("{program}.log"))
    }

    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }
}

fn remove_old(logs: &Path) {
    let old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
        Some(SystemTime::now().duration_since(modified).ok()? > LOGS_KEPT)
    };
    let folders = fs::read_dir(logs).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders.filter(|path| old(path) == Some(true)) {
        // Another client's to remove, or already gone.
        let _ = fs::remove_dir_all(folder);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What a process still holds open is removed by etcd's keeper.
        let _ = fs::remove_dir_all(&self.folder);
        if std::thread::panicking() {
            eprintln!("logs of the local cluster: {}", self.logs.display());
        } else {
            let _ = fs::remove_dir_all(&self.logs);
        }
    }
}
