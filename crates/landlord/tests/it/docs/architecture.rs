//! ARCHITECTURE.md: every file that it names is there, and crates import no others than its table
//! allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::page::Page;
use crate::landlord::root;

const PAGE: &str = "ARCHITECTURE.md";
/// How the package is called whose crate the page calls `policy`, and whose folder is the root.
const POLICY: &str = "landlord-policy";

/// A row of a table that begins with the name of a crate.
struct Row {
    name: String,
    cells: Vec<String>,
}

/// Names of files and crates between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn folder(name: &str) -> PathBuf {
    if name == "policy" { root() } else { root().join("crates").join(name) }
}

fn is_crate(name: &str) -> bool {
    folder(name).join("Cargo.toml").is_file()
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<String> = line.strip_prefix("| ")?.split(" | ").map(str::to_owned).collect();
    let name = quoted(cells.first()?).first()?.to_string();
    is_crate(&name).then_some(Row { name, cells })
}

/// Where a file is that the page names in this line.
fn place(line: &str, name: &str) -> PathBuf {
    let (first, rest) = name.split_once('/').unwrap_or_default();
    match row(line) {
        Some(row) => folder(&row.name).join("src").join(name),
        None if is_crate(first) => folder(first).join("src").join(rest),
        None => root().join(name),
    }
}

fn is_path(name: &str) -> bool {
    !name.contains([' ', '.']) && name.ends_with('/')
        || name.ends_with(".rs")
        || name.ends_with(".yaml")
}

#[test]
fn every_file_is_there() {
    let page = Page::read(PAGE);
    let mut named = 0;
    let mut faults = Vec::new();
    for (number, line) in page.prose() {
        for name in quoted(line).into_iter().filter(|name| is_path(name)) {
            named += 1;
            if !place(line, name).exists() {
                faults.push(format!("{PAGE}:{number}: {name} is not there"));
            }
        }
    }
    assert!(named > 100, "{named} files only: names are not read");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Folders that other pages name files of, in prose, comments and rows.
const FOLDERS: [&str; 5] = ["crates/", "charts/", "deploy/", "e2e-tests/", "scripts/"];
/// Pages that tell what was, and so name files that are not there any more.
const HISTORY: [&str; 2] = ["CHANGELOG.md", "docs/decisions/"];

/// What begins with one of the folders, up to where a path ends.
fn paths(line: &str) -> Vec<&str> {
    let words =
        line.split(|letter: char| !letter.is_ascii_alphanumeric() && !"._-/*".contains(letter));
    let named = words.filter(|word| {
        FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains('*')
    });
    named.map(|word| word.trim_end_matches('.')).collect()
}

#[test]
fn files_that_other_pages_name_are_there() {
    let mut named = 0;
    let mut faults = Vec::new();
    for page in
        Page::all().iter().filter(|page| !HISTORY.iter().any(|start| page.path.starts_with(start)))
    {
        for path in page.text.lines().flat_map(paths) {
            named += 1;
            if !root().join(path).exists() {
                faults.push(format!("{}: {path} is not there", page.path));
            }
        }
    }
    assert!(named > 50, "{named} files only: names are not read");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The crates of the first table, with those that each may import by itself.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let page = Page::read(PAGE);
    let rows = page
        .prose()
        .into_iter()
        .filter_map(|(_, line)| row(line))
        .filter(|row| row.cells.len() == 4);
    rows.map(|row| (row.name, quoted(&row.cells[2]).into_iter().map(str::to_owned).collect()))
        .collect()
}

/// What a crate may import: what the table says, and what stands below that.
fn below(name: &str, allowed: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let own = |name: &str| allowed.get(name).cloned().unwrap_or_default();
    let mut found = own(name);
    loop {
        let further: BTreeSet<String> =
            found.iter().flat_map(|one| own(one)).chain(found.clone()).collect();
        if further == found {
            return found;
        }
        found = further;
    }
}

/// What a crate is built with: its code, or its tests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Code,
    Tests,
}

/// Whether a section of a manifest lists what is imported there.
fn is_for(what: For, section: &str) -> bool {
    let lists = section.ends_with("dependencies]") && !section.starts_with("[workspace");
    lists && section.contains("dev-") == (what == For::Tests)
}

/// The crates of this repository that a manifest lists.
fn imports(manifest: &str, what: For) -> BTreeSet<String> {
    let mut section = "";
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        section = if line.starts_with('[') { line } else { section };
        let package = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let package = if package == POLICY { "policy" } else { package };
        if is_for(what, section) && is_crate(package) {
            found.insert(package.to_owned());
        }
    }
    found
}

#[test]
fn arrows_go_downwards_only() {
    let allowed = allowed();
    assert!(allowed.len() > 8, "the table is not read: {:?}", allowed.keys());
    for name in allowed.keys() {
        let manifest = fs::read_to_string(folder(name).join("Cargo.toml")).expect("a manifest");
        let below = below(name, &allowed);
        let imports = imports(&manifest, For::Code);
        let others: Vec<&String> = imports.difference(&below).collect();
        assert!(others.is_empty(), "{name} imports {others:?}, which {PAGE} does not allow");
    }
}

/// Tests of the product import what its code may, and the crates beside it.
#[test]
fn tests_import_nothing_of_the_product_that_stands_above() {
    let allowed = allowed();
    for name in allowed.keys() {
        let manifest = fs::read_to_string(folder(name).join("Cargo.toml")).expect("a manifest");
        let below = below(name, &allowed);
        let above: Vec<String> = imports(&manifest, For::Tests)
            .into_iter()
            .filter(|one| allowed.contains_key(one) && !below.contains(one))
            .collect();
        assert!(above.is_empty(), "tests of {name} import {above:?}, which {PAGE} does not allow");
    }
}

#[test]
fn every_crate_has_a_row() {
    let page = Page::read(PAGE);
    let named = |line: &str| {
        line.strip_prefix("| ")
            .and_then(|cells| cells.split(" | ").next())
            .map(quoted)
            .unwrap_or_default()
            .join(" ")
    };
    let rows: BTreeSet<String> = page
        .prose()
        .iter()
        .flat_map(|(_, line)| named(line).split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let folders = fs::read_dir(root().join("crates"))
        .expect("crates")
        .map(|entry| entry.expect("a folder").file_name());
    let crates: BTreeSet<String> =
        folders.map(|name| name.to_string_lossy().into_owned()).collect();
    let missing: Vec<&String> = crates.difference(&rows).collect();
    assert!(missing.is_empty(), "{PAGE} has no row for {missing:?}");
}

/// Otherwise a ring in the table would allow everything.
#[test]
fn no_crate_of_the_table_stands_below_itself() {
    let allowed = allowed();
    let ring: Vec<&String> =
        allowed.keys().filter(|name| below(name, &allowed).contains(*name)).collect();
    assert!(ring.is_empty(), "{ring:?} import each other");
}

#[test]
fn a_manifest_is_read_by_its_sections() {
    let manifest = "[workspace.dependencies]\ncluster = { path = \"c\" }\n[package]\nname = \"guard\"\n[dependencies]\nserde = \"1\"\ntenancy.workspace = true\n\
                    [target.'cfg(unix)'.dependencies]\nlandlord-policy = { workspace = true }\n[build-dependencies]\nassessment.workspace = true\n\
                    [dev-dependencies]\nchaos.workspace = true\n";
    assert_eq!(
        imports(manifest, For::Code),
        ["assessment", "policy", "tenancy"].map(str::to_owned).into()
    );
    assert_eq!(imports(manifest, For::Tests), ["chaos"].map(str::to_owned).into());
}

#[test]
fn what_stands_below_is_allowed_as_well() {
    let table = [("a", vec!["b"]), ("b", vec!["c", "d"]), ("c", vec![]), ("d", vec!["b"])];
    let allowed = table
        .map(|(name, own)| (name.to_owned(), own.into_iter().map(str::to_owned).collect()))
        .into();
    assert_eq!(below("a", &allowed), ["b", "c", "d"].map(str::to_owned).into());
    assert_eq!(below("c", &allowed), BTreeSet::new());
    assert!(below("d", &allowed).contains("d"), "a ring is seen");
}
