//! Inventory: what files say of a cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use assessment::document::Document;
use assessment::inventory::{Inventory, parse, settings_among};
use tenancy::settings::Settings;

use crate::files;

/// Reads files, folders and `-`. Settings come from `settings`, else from a ClusterAdmissionPolicy
/// among the files, else they are the defaults.
pub(crate) fn read(files: &[PathBuf], settings: Option<&Path>) -> Result<Inventory> {
    let (settings, documents) = documents(files, settings)?;
    Ok(Inventory::from_documents(settings, documents)?)
}

/// What there is to read, not yet looked at.
pub(crate) fn documents(
    files: &[PathBuf],
    settings: Option<&Path>,
) -> Result<(Settings, Vec<Document>)> {
    let documents = files::read(files)?;
    let settings = match settings {
        Some(path) => settings_file(path)?,
        None => settings_among(&documents)?,
    };
    Ok((settings, documents))
}

/// Says on standard error what was passed over.
pub(crate) fn tell_notes(inventory: &Inventory) {
    inventory.notes().iter().for_each(|note| eprintln!("note: {note}"));
}

/// Settings from a file: the bare document, or a ClusterAdmissionPolicy.
pub(crate) fn settings_file(path: &Path) -> Result<Settings> {
    let document =
        files::read_one(path)?.with_context(|| format!("{} is empty", path.display()))?;
    Ok(parse(&document)?)
}
