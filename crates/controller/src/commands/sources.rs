//! Sources: the flags that say where settings, tenants and namespaces are.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::inventory::Inventory;

/// Where a command reads from.
#[derive(Args, Debug)]
pub(crate) struct Sources {
    /// Files, folders or `-`: tenants, namespaces and perhaps a ClusterAdmissionPolicy, in YAML or JSON
    #[arg(short, long = "filename", env = "LANDLORD_FILENAME", value_name = "FILE", required = true, num_args = 1.., value_delimiter = ',')]
    files: Vec<PathBuf>,
    /// File of the settings; wins over a ClusterAdmissionPolicy among the files [default: the policy's, else the defaults]
    #[arg(long, env = "LANDLORD_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Sources {
    /// Reads everything; what is passed over is told on standard error.
    pub(crate) fn read(&self) -> Result<Inventory> {
        let inventory = Inventory::read(&self.files, self.settings.as_deref())?;
        inventory.notes.iter().for_each(|note| eprintln!("note: {note}"));
        Ok(inventory)
    }
}
