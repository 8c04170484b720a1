//! Input: the files and texts that commands are given.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A policy's file. kwctl's `file://` is understood.
pub(crate) fn policy(place: &str) -> Result<Vec<u8>> {
    let path = match place.split_once("://") {
        None => place,
        Some(("file", path)) => path,
        Some((scheme, _)) => {
            bail!(
                "{place:?} cannot be read here ({scheme}://): pull it first (`policy-host pull`, `kwctl pull`), and give the file"
            )
        }
    };
    fs::read(path).with_context(|| {
        format!("policy {path:?} cannot be read: build it with `make policy.wasm`")
    })
}

/// The text of a file, or of standard input for `-`.
pub(crate) fn read_file(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// An AdmissionRequest, bare or inside of an AdmissionReview.
pub(crate) fn request(path: &Path) -> Result<Value> {
    let document: Value = serde_json::from_str(&read_file(path)?)
        .with_context(|| format!("request {} is not JSON", path.display()))?;
    match document {
        Value::Object(mut review)
            if review.get("kind") == Some(&Value::from("AdmissionReview")) =>
        {
            review
                .remove("request")
                .with_context(|| format!("AdmissionReview {} has no request", path.display()))
        }
        request @ Value::Object(_) => Ok(request),
        _ => bail!(
            "request {} is not an object: give an AdmissionRequest as the API server sends it",
            path.display()
        ),
    }
}

/// Settings in YAML or JSON; none are the empty document.
pub(crate) fn settings(path: Option<&Path>, json: Option<&str>) -> Result<Value> {
    let (name, text) = match (path, json) {
        (Some(path), _) => (path.display().to_string(), read_file(path)?),
        (None, Some(json)) => ("--settings-json".to_owned(), json.to_owned()),
        (None, None) => return Ok(Value::Object(serde_json::Map::new())),
    };
    let settings: Value = serde_saphyr::from_str(&text)
        .with_context(|| format!("settings {name} are not YAML or JSON"))?;
    Ok(if settings.is_null() { Value::Object(serde_json::Map::new()) } else { settings })
}

/// Kubernetes objects from YAML or JSON files, several documents each.
pub(crate) fn objects(paths: &[PathBuf]) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for path in paths {
        let read: Vec<Value> = serde_saphyr::from_multiple(&read_file(path)?)
            .with_context(|| format!("objects {} are not YAML", path.display()))?;
        objects.extend(read.into_iter().filter(|object| !object.is_null()));
    }
    Ok(objects)
}
