//! The security model: every threat names what shows the answer. That the tests that it names exist
//! is checked with those of other pages.

use std::fs;

use crate::landlord::root;

const PAGE: &str = "docs/security.md";
const TABLE: &str = "| who | tries to";
/// What else shows an answer: a target of the Makefile, or a file of tests.
const ELSEWHERE: [&str; 2] = ["`make ", "tests/it/"];

#[test]
fn every_threat_names_what_shows_the_answer() {
    let page = fs::read_to_string(root().join(PAGE)).expect("the page");
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with(TABLE))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let shown = |row: &&str| {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let names_a_test =
            cell.split('`').skip(1).step_by(2).any(|word| word.matches('_').count() > 0);
        names_a_test || ELSEWHERE.iter().any(|words| cell.contains(words))
    };
    let (shown, bare): (Vec<&str>, Vec<&str>) = rows.partition(shown);
    assert!(shown.len() > 25, "the table is not found");
    assert_eq!(bare, [""; 0], "threats that nothing shows");
}
