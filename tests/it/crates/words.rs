//! Words: what users and readers of the source see uses the field's terms. CONTRIBUTING.md lists
//! the words that it does not use, and this reads that list.

use std::fs;
use std::path::Path;

use crate::compiled::root;

/// The page with the list, under this heading.
const PAGE: &str = "CONTRIBUTING.md";
const HEADING: &str = "## Words";

/// Files and folders that are searched: documentation, sources with messages and help texts, the
/// chart, pages, scripts.
const PLACES: [&str; 17] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "SECURITY.md",
    ".github",
    "Makefile",
    "artifacthub-pkg.yml",
    "charts",
    "crates",
    "deploy",
    "docs",
    "examples",
    "policy-metadata.yml",
    "questions-ui.yml",
    "scripts",
    "src",
    "web",
];
/// Folders below these that users do not see. A change in `kubernetes` would build Kubernetes anew
/// on every machine.
const LEFT_OUT: [&str; 4] = ["kubernetes", "node_modules", "target", "tests"];

/// A word or phrase that is not used, as the words that it is made of.
type Phrase = Vec<String>;

/// A word of a text in lower case, and its line.
struct Word {
    text: String,
    line: usize,
}

fn words(text: &str) -> Vec<Word> {
    let is_part = |one: char| one.is_alphanumeric() || "_'-".contains(one);
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let parts = line.split(|one| !is_part(one)).filter(|part| !part.is_empty());
        words.extend(parts.map(|part| Word { text: part.to_lowercase(), line: index + 1 }));
    }
    words
}

/// What stands between backquotes in the first column of the table below the heading.
fn phrases(page: &str) -> Vec<Phrase> {
    let (_, chapter) = page.split_once(HEADING).expect("the chapter");
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let cells = chapter.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.map(|phrase| words(phrase).into_iter().map(|word| word.text).collect()).collect()
}

/// Lines on which a phrase begins, which may go on in the next line.
fn find(text: &str, phrases: &[Phrase]) -> Vec<(usize, String)> {
    let words = words(text);
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let is_here = |phrase: &&Phrase| {
            let here = words[index..].iter().take(phrase.len()).map(|word| &word.text);
            here.eq(phrase.iter())
        };
        let hits = phrases.iter().filter(is_here);
        found.extend(hits.map(|phrase| (word.line, phrase.join(" "))));
    }
    found
}

fn search(path: &Path, phrases: &[Phrase], faults: &mut Vec<String>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry"));
        for entry in entries {
            let is_left_out = LEFT_OUT.iter().any(|name| entry.file_name() == *name);
            if !is_left_out {
                search(&entry.path(), phrases, faults);
            }
        }
    } else if let Ok(text) = fs::read_to_string(path) {
        let name = path.strip_prefix(root()).unwrap_or(path).display();
        let found = find(&text, phrases).into_iter();
        faults.extend(found.map(|(line, phrase)| format!("{name}:{line}: {phrase}")));
    }
}

#[test]
fn texts_use_the_words_of_the_field() {
    let phrases = phrases(&fs::read_to_string(root().join(PAGE)).expect("the page"));
    let has = |phrase: &str| phrases.iter().any(|one| one.join(" ") == phrase);
    assert!(has("whoever") && has("as it should be") && phrases.len() > 8, "{phrases:?}");
    let mut faults = Vec::new();
    PLACES.iter().for_each(|place| search(&root().join(place), &phrases, &mut faults));
    faults.sort();
    assert!(faults.is_empty(), "{PAGE} says what to write instead:\n{}", faults.join("\n"));
}

#[test]
fn every_place_is_there() {
    let missing: Vec<_> = PLACES.iter().filter(|place| !root().join(place).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn words_are_found_whole_and_over_the_end_of_a_line() {
    let page = "## Words\n\n| not | but |\n|---|---|\n| `mend` | fix |\n| `is told` | ask |\n\n## End\n| `x` | y |\n";
    let phrases = phrases(page);
    assert_eq!(phrases, [vec!["mend"], vec!["is", "told"]]);
    let text = "a\nMend it, amend, mend_it, un-mend\n/// who is\n/// told\nx";
    let expected = [(2, "mend".to_owned()), (3, "is told".to_owned())];
    assert_eq!(find(text, &phrases), expected);
}
