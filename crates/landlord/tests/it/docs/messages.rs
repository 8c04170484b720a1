//! `docs/troubleshooting.md` is searched for what is on the screen: its messages are those of the
//! sources and of the policy's fixtures, and it names every reason of a namespace.

use std::fs;
use std::path::Path;

use super::page::Page;
use crate::landlord::root;

const PAGE: &str = "docs/troubleshooting.md";
/// Where messages are, and answers with messages.
const PLACES: [&str; 3] = ["src", "crates", "e2e-tests"];
const REASONS: &str = "crates/assessment/src/reason.rs";
/// Shorter parts between two names are punctuation.
const MIN_LETTERS: usize = 6;

/// All sources without the tests, as one line: a string may go on in the next one.
fn sources() -> String {
    let mut text = String::new();
    PLACES.iter().for_each(|place| collect(&root().join(place), &mut text));
    one_line(&text.replace("\\\n", "").replace("\\\"", "\""))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn collect(path: &Path, text: &mut String) {
    if path.is_dir() {
        if !path.ends_with("tests") {
            let entries = fs::read_dir(path).expect("a folder");
            entries.for_each(|entry| collect(&entry.expect("an entry").path(), text));
        }
    } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "json") {
        text.push_str(&fs::read_to_string(path).expect("a file"));
    }
}

/// What a message says between names.
fn parts(message: &str) -> Vec<&str> {
    let parts = message.split('…').map(|part| part.trim().trim_matches('`').trim());
    parts.filter(|part| part.len() >= MIN_LETTERS).collect()
}

#[test]
fn messages_are_those_that_are_printed() {
    let sources = sources();
    let mut count = 0;
    for block in Page::read(PAGE).blocks().iter().filter(|block| block.language == "text") {
        let message = one_line(&block.text);
        for part in parts(&message) {
            assert!(sources.contains(part), "{}: nothing prints {part:?}", block.place);
            count += 1;
        }
    }
    assert!(count > 20, "{count} parts only: blocks are not read");
}

#[test]
fn every_reason_is_explained() {
    let source = fs::read_to_string(root().join(REASONS)).expect("reasons");
    let words = source.lines().filter_map(|line| line.trim().strip_prefix("Self::"));
    let reasons: Vec<&str> =
        words.filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\",")).collect();
    assert!(reasons.len() > 15, "{reasons:?}");
    let page = Page::read(PAGE).text;
    let missing: Vec<_> =
        reasons.iter().filter(|reason| !page.contains(&format!("`{reason}`"))).collect();
    assert!(missing.is_empty(), "{PAGE} has no {missing:?}");
}

#[test]
fn parts_are_what_is_between_names() {
    let message = "namespace … is not ready, ask `landlord …` why";
    assert_eq!(parts(message), ["namespace", "is not ready, ask `landlord"]);
}
