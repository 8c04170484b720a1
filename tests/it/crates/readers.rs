//! Readers: the dashboard has of the controller what readers get, and not the state that the writer
//! holds a lock on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::compiled::root;

/// Modules of the crate `controller` that the dashboard may speak of.
const ALLOWED: [&str; 4] = ["outcome", "readiness", "snapshot", "strategy"];
const PREFIX: &str = "controller::";

fn is_word(one: char) -> bool {
    one.is_alphanumeric() || one == '_'
}

/// Modules of `controller` that a text speaks of; for those in braces `{`, which says nothing.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    text.split(PREFIX).skip(1).map(|rest| {
        let word = rest.split(|one| !is_word(one)).next().unwrap_or_default();
        if word.is_empty() { &rest[..1] } else { word }
    })
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            let text = fs::read_to_string(&path).expect("text");
            found.extend(modules(&text).map(str::to_owned));
        }
    }
}

#[test]
fn the_dashboard_reads_snapshots() {
    let mut found = BTreeSet::new();
    collect(&root().join("crates/dashboard/src"), &mut found);
    let allowed: BTreeSet<String> = ALLOWED.map(str::to_owned).into();
    assert_eq!(found, allowed, "of the controller, readers get its snapshots");
}

#[test]
fn modules_are_found_where_they_are_named() {
    let text = "use controller::snapshot::{self, Figures};\nuse controller::{store, queue};\nlet a = controller::work::next();";
    assert_eq!(modules(text).collect::<Vec<_>>(), ["snapshot", "{", "work"]);
}
