//! Snapshot: what etcd holds at one moment, and a cluster that is put back to it, as after a
//! disaster. Revisions go back then.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::{Cluster, READY_WITHIN, StartError, programs};

/// A copy of etcd's data, in the cluster's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(PathBuf);

impl Cluster {
    /// Copies what etcd holds. It stands still meanwhile and goes on from there: the copy is what a
    /// crash would have left.
    pub fn snapshot_etcd(&self, name: &str) -> Result<Snapshot, StartError> {
        let folder = self.scratch.file(&format!("snapshot-{name}"));
        let etcd = &self.servers.etcd;
        etcd.signal(Signal::SIGSTOP)?;
        let copied = copy(&programs::data(&self.scratch), &folder);
        etcd.signal(Signal::SIGCONT)?;
        copied?;
        Ok(Snapshot(folder))
    }

    /// Puts etcd back to a snapshot. The API server is stopped first and started afterwards, as
    /// Kubernetes' documentation asks for; clients that run see their connections end.
    pub async fn restore_etcd(&mut self, Snapshot(folder): &Snapshot) -> Result<(), StartError> {
        for process in [&mut self.servers.api_server, &mut self.servers.etcd] {
            process.signal(Signal::SIGKILL)?;
            process.wait(READY_WITHIN)?;
        }
        let data = programs::data(&self.scratch);
        fs::remove_dir_all(&data)?;
        copy(folder, &data)?;
        self.servers.etcd = self.servers.etcd_program.start()?;
        self.servers.api_server = self.servers.api_server_program.start()?;
        self.wait_until_ready().await
    }
}

/// Copies a folder and what is in it. etcd insists on its rights: they are copied as well.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
