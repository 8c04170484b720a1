//! Files: Kubernetes objects from YAML and JSON files, folders and standard input, each with the
//! place it came from.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use assessment::document::{self, Document, DocumentError};

/// What ends the name of a file that a folder is searched for.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("{file}: {source}")]
    Read { file: String, source: std::io::Error },
    /// With the lines around it.
    #[error("{}", describe_syntax(file, fault))]
    Syntax { file: String, fault: Box<serde_saphyr::Error> },
    #[error(transparent)]
    Document(DocumentError),
    #[error("{0} holds no files that end in .yaml, .yml or .json")]
    EmptyFolder(String),
}

/// Where and what, and the lines around it: `tenants.yaml:5:10 is neither YAML nor JSON: …`.
fn describe_syntax(file: &str, fault: &serde_saphyr::Error) -> String {
    let place = fault.location().map(|at| format!(":{}:{}", at.line(), at.column()));
    let (what, shown) = (document::message(fault), fault.to_string());
    let lines: String = shown
        .lines()
        .skip_while(|line| !line.trim().is_empty() && !line.contains(" | "))
        .map(|line| format!("\n{line}"))
        .collect();
    let text =
        format!("{file}{} is neither YAML nor JSON: {what}{lines}", place.unwrap_or_default());
    // The parser's advice is for programmers.
    let text = text.replace(", set DuplicateKeyPolicy in Options if acceptable", "");
    if ["apiVersion", "kind", "metadata"]
        .iter()
        .any(|key| what.starts_with(&format!("duplicate mapping key `{key}`")))
    {
        return text + "\nis a `---` missing between two objects?";
    }
    text
}

/// Every object in these files, folders (searched to the bottom, in order of the names) and `-`;
/// lists are taken apart.
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
    if files.is_empty() {
        Err(FilesError::EmptyFolder(path.display().to_string()))
    } else {
        Ok(files)
    }
}

fn search(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FilesError> {
    let fault = |source| FilesError::Read { file: folder.display().to_string(), source };
    let entries =
        fs::read_dir(folder).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            search(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|found| EXTENSIONS.iter().any(|wanted| found == *wanted))
        {
            files.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<Document>, FilesError> {
    let (file, text) = read_source(path)?;
    document::read(&file, &text).map_err(|error| match error {
        DocumentError::Syntax { file, fault } => FilesError::Syntax { file, fault },
        other => FilesError::Document(other),
    })
}

fn read_source(path: &Path) -> Result<(String, String), FilesError> {
    let (file, text) = if path == Path::new("-") {
        let mut text = String::new();
        ("standard input".to_owned(), std::io::stdin().read_to_string(&mut text).map(|_| text))
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    match text {
        Ok(text) => Ok((file, text)),
        Err(source) => Err(FilesError::Read { file, source }),
    }
}
