//! Examples in documentation comments: only the engine's are run (`cargo test -p tenancy`). For
//! those of other crates, cargo would build every dependency once more, with other features.

use std::fs;
use std::path::Path;

use super::packages::packages;

/// Lines that open a block of Rust in a documentation comment.
fn examples(text: &str) -> Vec<usize> {
    let mut is_open = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let Some(fence) = comment.and_then(|comment| comment.trim().strip_prefix("```")) else {
            continue;
        };
        if !is_open && fence != "text" {
            found.push(number + 1);
        }
        is_open = !is_open;
    }
    found
}

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            search(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source");
            found.extend(examples(&text).iter().map(|line| format!("{}:{line}", path.display())));
        }
    }
}

#[test]
fn no_example_is_where_it_would_not_be_run() {
    let mut found = Vec::new();
    for package in packages().iter().filter(|package| package.name != "tenancy") {
        search(&package.source, &mut found);
    }
    assert_eq!(found, Vec::<String>::new(), "mark what is no Rust as text, and test what is");
}

#[test]
fn a_block_of_rust_is_found_and_a_picture_is_none() {
    let text = "//! ```text\n//! a ─▶ b\n//! ```\n\n/// ```\n/// one();\n/// ```\n/// ```no_run\n/// two();\n/// ```\n";
    assert_eq!(examples(text), [5, 8]);
}
