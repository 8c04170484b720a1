//! Output: what commands found, for readers and for programs.

use std::io::{ErrorKind, Write};

pub(crate) mod audit;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explanation;
pub(crate) mod form;
pub(crate) mod grid;
pub(crate) mod json_path;
mod page;
pub(crate) mod plan_html;
pub(crate) mod plan_markdown;
pub(crate) mod release;
pub(crate) mod screen;
pub(crate) mod status;
pub(crate) mod strategy;
pub(crate) mod table;
pub(crate) mod tally;

pub(crate) use form::{print_json, print_yaml};

/// Writes data to standard output. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    offer(text).map(drop)
}

/// The same; false where the reader has seen enough.
pub(crate) fn offer(text: &str) -> std::io::Result<bool> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        outcome => outcome.map(|()| true),
    }
}
