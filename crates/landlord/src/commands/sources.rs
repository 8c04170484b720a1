//! Sources: the flags that say where settings, tenants and namespaces are: in files, else in the
//! cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use assessment::inventory::Inventory;
use clap::Args;
use cluster::named;
use cluster::settings::NotInstalled;
use kube::Client;
use serde_json::Value;
use tenancy::settings::Settings;

use super::single::missing;
use crate::estimate::{Estimate, estimate};
use crate::flags::Connection;
use crate::inventory;
use assessment::{Assessment, State};
use controller::store::Store;

/// Where a command reads from.
#[derive(Args, Debug)]
pub(crate) struct Sources {
    /// Files, folders or `-`: tenants, namespaces and perhaps a ClusterAdmissionPolicy, in YAML or
    /// JSON; several by commas, or by the flag again [default: the cluster]
    #[arg(
        help_heading = "Files",
        short,
        long = "filename",
        env = "LANDLORD_FILENAME",
        value_name = "FILE",
        value_delimiter = ','
    )]
    files: Vec<PathBuf>,
    #[command(flatten)]
    settings: crate::flags::SettingsFlags,
    #[command(flatten)]
    connection: Connection,
}

impl Sources {
    /// Reads everything; what is passed over is named on standard error.
    pub(crate) fn read(&self) -> Result<Inventory> {
        let inventory = if self.files.is_empty() {
            tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.read_cluster())?
        } else {
            inventory::read(&self.files, self.settings.file())?
        };
        inventory::tell_notes(&inventory);
        Ok(inventory)
    }

    /// The same for one namespace. In a cluster, that and the tenants that its claim names are read,
    /// and nothing is listed.
    pub(crate) fn read_one(&self, name: &str) -> Result<Inventory> {
        if !self.files.is_empty() {
            return self.read();
        }
        let inventory = tokio::runtime::Runtime::new()
            .context("no runtime")?
            .block_on(self.read_named(name))?;
        inventory::tell_notes(&inventory);
        Ok(inventory)
    }

    /// An error where files hold no namespaces: they are others than were meant.
    pub(crate) fn expect_namespaces(&self, inventory: &Inventory) -> Result<()> {
        if self.files.is_empty() || inventory.has_seen_namespaces() {
            return Ok(());
        }
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        bail!("no namespaces found in {}", files.join(", "))
    }

    /// What writing the plan would cost; `None` for files, and where nothing is to be written.
    pub(crate) fn estimate(
        &self,
        inventory: Inventory,
        assessments: &[Assessment],
    ) -> Result<Option<Estimate>> {
        let names: Vec<&str> = assessments
            .iter()
            .filter(|one| one.state() == State::Drift)
            .map(|one| one.name.as_str())
            .collect();
        if !self.files.is_empty() || names.is_empty() {
            return Ok(None);
        }
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(async {
            let client = self.connection.client().await?;
            Ok(Some(estimate(client, &Store::from_inventory(inventory), &names).await))
        })
    }

    /// Files, folders and `-`; none means the cluster.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The file of the settings, if one was given.
    pub(crate) fn settings_file(&self) -> Option<&Path> {
        self.settings.file()
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        self.connection.client().await
    }

    /// The settings in force in the cluster.
    pub(crate) async fn settings(&self, client: &Client) -> Result<Settings> {
        self.settings.read(client).await
    }

    async fn read_named(&self, name: &str) -> Result<Inventory> {
        let client = self.connection.client().await?;
        let settings = self.settings.read(&client).await?;
        let names = [name.to_owned()];
        let inventory = named::inventory(&client, settings, &names, None).await?;
        if inventory.namespaces.is_empty() && inventory.why_passed_over(name).is_none() {
            return Err(missing(&client, name).await);
        }
        Ok(inventory)
    }

    async fn read_cluster(&self) -> Result<Inventory> {
        let client = self.connection.client().await?;
        let settings = match self.settings.read(&client).await {
            Err(error) if error.is::<NotInstalled>() => {
                eprintln!("note: {error}");
                eprintln!("note: this is by the default settings");
                Settings::from_value(&Value::Null)?
            }
            settings => settings?,
        };
        cluster::lists::inventory(&client, settings).await
    }
}
