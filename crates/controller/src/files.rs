//! Files: Kubernetes objects from YAML and JSON files, folders and standard input, each with the place it came from.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What ends the name of a file that a folder is searched for.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The kind whose `spec.settings` are landlord's settings.
pub(crate) const POLICY_KIND: &str = "ClusterAdmissionPolicy";

/// An object and where it was read.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) place: Place,
    pub(crate) object: Value,
}

/// A document of a file, counted from 1; number 0 is no document of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    file: String,
    number: usize,
}

impl Place {
    /// Something that was not read from a file.
    pub(crate) fn named(what: &str) -> Self {
        Self { file: what.to_owned(), number: 0 }
    }

    /// A live object.
    pub(crate) fn cluster() -> Self {
        Self { file: "the cluster".to_owned(), number: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(&self.file),
            number => write!(f, "{}, document {number}", self.file),
        }
    }
}

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("{file}: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file} is neither YAML nor JSON: {message}")]
    Syntax { file: String, message: String },
    #[error("{place} is not an object: write Kubernetes objects, with `---` between them")]
    NotAnObject { place: Place },
    #[error("{0} holds no files that end in .yaml, .yml or .json")]
    EmptyFolder(String),
}

/// Every object in these files, folders (searched to the bottom, in order of the names) and `-`; lists are taken apart.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Document>, FilesError> {
    let mut documents = Vec::new();
    for path in paths {
        for file in expand(path)? {
            documents.extend(read_file(&file)?);
        }
    }
    Ok(documents)
}

/// One document from a file that holds only one, for example settings.
pub(crate) fn read_one(path: &Path) -> Result<Option<Document>, FilesError> {
    Ok(read_file(path)?.into_iter().next())
}

fn expand(path: &Path) -> Result<Vec<PathBuf>, FilesError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    search(path, &mut files)?;
    match files.is_empty() {
        true => Err(FilesError::EmptyFolder(path.display().to_string())),
        false => Ok(files),
    }
}

fn search(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FilesError> {
    let fault = |source| FilesError::Read { file: folder.display().to_string(), source };
    let entries = fs::read_dir(folder).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            search(&path, files)?;
        } else if path.extension().is_some_and(|found| EXTENSIONS.iter().any(|wanted| found == *wanted)) {
            files.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<Document>, FilesError> {
    let (file, text) = text(path)?;
    let values: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| FilesError::Syntax { file: file.clone(), message: error.to_string() })?;
    let mut documents = Vec::new();
    for (index, value) in values.into_iter().enumerate().filter(|(_, value)| !value.is_null()) {
        let place = Place { file: file.clone(), number: index + 1 };
        if !value.is_object() {
            return Err(FilesError::NotAnObject { place });
        }
        documents.extend(items(value).into_iter().map(|object| Document { place: place.clone(), object }));
    }
    Ok(documents)
}

fn text(path: &Path) -> Result<(String, String), FilesError> {
    let (file, text) = match path == Path::new("-") {
        true => {
            let mut text = String::new();
            ("standard input".to_owned(), std::io::stdin().read_to_string(&mut text).map(|_| text))
        }
        false => (path.display().to_string(), fs::read_to_string(path)),
    };
    match text {
        Ok(text) => Ok((file, text)),
        Err(source) => Err(FilesError::Read { file, source }),
    }
}

/// The items of a `List` (or `NamespaceList` …), else the object itself.
fn items(mut object: Value) -> Vec<Value> {
    let is_list = object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items,
        Some(items) => {
            object["items"] = items;
            vec![object]
        }
        None => vec![object],
    }
}
