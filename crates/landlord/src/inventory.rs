//! Inventory: what files say of a cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use assessment::document::Document;
use assessment::inventory::{Inventory, parse, policy_among, settings_among};
use cluster::settings::{KEY as SETTINGS_KEY, MAP as SETTINGS_MAP, parse_document};
use serde_json::Value;
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
    let mut documents = files::read(files)?;
    let map = documents.iter().position(|document| is_settings_map(&document.object));
    // Beside a policy, it is not what counts.
    let map = match policy_among(&documents)? {
        Some(_) => None,
        None => map.map(|place| documents.remove(place)),
    };
    let settings = match (settings, map) {
        (Some(path), _) => settings_file(path)?,
        (None, Some(map)) => settings_of_map(&map)?,
        (None, None) => settings_among(&documents)?,
    };
    Ok((settings, documents))
}

/// Whether the object is the ConfigMap of a controller without a policy.
pub(crate) fn is_settings_map(object: &Value) -> bool {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    (text("/kind"), text("/metadata/name")) == (Some("ConfigMap"), Some(SETTINGS_MAP))
}

/// The settings as the ConfigMap has them.
pub(crate) fn document_of_map(object: &Value) -> Result<Value> {
    let text = object.get("data").and_then(|data| data.get(SETTINGS_KEY)).and_then(Value::as_str);
    let text = text.with_context(|| format!("ConfigMap {SETTINGS_MAP} has no {SETTINGS_KEY}"))?;
    let document = parse_document(text).map_err(|error| anyhow!(error));
    document.with_context(|| format!("{SETTINGS_KEY} of ConfigMap {SETTINGS_MAP}"))
}

fn settings_of_map(Document { place, object }: &Document) -> Result<Settings> {
    let object = document_of_map(object).with_context(|| place.to_string())?;
    Ok(parse(&Document { place: place.clone(), object })?)
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
