//! Every command in the documentation is run by a test, or says why it is not.

use std::fs;
use std::path::Path;

use rstest::rstest;

use super::page::{Block, Mark, Page};
use super::session::{Session, Step, is_like, steps};
use crate::landlord::root;

/// Where tests are, those beside the code among them: the tests that pages name, and those that
/// look for `test: NAME` and `output: NAME`.
const OTHER_TESTS: [&str; 3] = ["crates", "e2e-tests", "tests"];

fn is_for_a_terminal(block: &Block) -> bool {
    ["console", "sh", "bash", "shell"].contains(&block.language.as_str())
}

#[test]
fn every_command_is_run_or_says_why_not() {
    let tests = sources();
    let mut faults = Vec::new();
    for block in Page::all().iter().flat_map(Page::blocks) {
        match &block.mark {
            _ if block.language.is_empty() => {
                faults.push(format!("{}: say its language: console, text, yaml …", block.place))
            }
            Mark::None | Mark::File(_) if is_for_a_terminal(&block) => {
                faults.push(format!("{}: write `<!-- run -->` or `<!-- not run: REASON -->` above it (CONTRIBUTING.md)", block.place));
            }
            Mark::Elsewhere(words) if !tests.contains(words.as_str()) => {
                faults.push(format!("{}: no test looks for {words:?}", block.place))
            }
            Mark::Run | Mark::Cluster(_) if block.language != "console" => {
                faults.push(format!("{}: only `console` blocks are run", block.place));
            }
            _ => {}
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Pages that say what is shown by which test.
const PAGES_THAT_NAME_TESTS: [&str; 3] = ["docs/design.md", "docs/security.md", "docs/failures.md"];

/// What a page calls a test, in backquotes and with two underscores at least, is one.
#[test]
fn tests_that_pages_name_exist() {
    let tests = sources();
    for path in PAGES_THAT_NAME_TESTS {
        let page = Page::read(path);
        let names: Vec<&str> = page
            .text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| is_name_of_a_test(word))
            .collect();
        assert!(names.len() > 5, "{path}: names are not read");
        let missing: Vec<&&str> =
            names.iter().filter(|name| !tests.contains(&format!("fn {name}("))).collect();
        assert!(missing.is_empty(), "{path} names tests that are not there: {missing:?}");
    }
}

fn is_name_of_a_test(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
        && word.matches('_').count() > 1
}

/// The text of all other tests.
fn sources() -> String {
    let mut text = String::new();
    OTHER_TESTS.iter().for_each(|folder| collect(&root().join(folder), &mut text));
    text
}

fn collect(folder: &Path, text: &mut String) {
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
    {
        if path.is_dir() && !path.ends_with("docs") {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "bats")
        {
            text.push_str(&fs::read_to_string(&path).expect("a file"));
        }
    }
}

#[test]
fn commands_that_need_no_cluster_do_what_is_shown() {
    let mut run = 0;
    for page in Page::all() {
        let session = Session::new();
        for block in page.blocks() {
            match &block.mark {
                Mark::Run => {
                    session.run(&block);
                    run += 1;
                }
                Mark::File(name) => fs::write(session.file(name), &block.text).expect("a file"),
                _ => {}
            }
        }
    }
    assert!(run >= 4, "{run} blocks only: marks are not read");
}

fn block(text: &str) -> Block {
    Block {
        place: "here:1".to_owned(),
        language: "console".to_owned(),
        text: text.to_owned(),
        mark: Mark::Run,
    }
}

#[test]
fn a_block_is_read_as_its_commands() {
    let text = "$ one   # the tenant's\na\n$ two \\\n    more\n$ three <<'EOF'\n$ not a command\nEOF\nb\nc\n$ four '\n'\n";
    let step = |command: &str, expected: &[&str]| Step {
        command: command.to_owned(),
        expected: expected.iter().map(ToString::to_string).collect(),
    };
    let expected = [
        step("one   # the tenant's", &["a"]),
        step("two \\\n    more", &[]),
        step("three <<'EOF'\n$ not a command\nEOF", &["b", "c"]),
        step("four '\n'", &[]),
    ];
    assert_eq!(steps(&block(text)), expected);
}

#[rstest]
#[case::same("a b", "a b\n", true)]
#[case::blanks("a   b", "a b", true)]
#[case::other("a b", "a c", false)]
#[case::part("in … s", "in 0.3 s", true)]
#[case::part_of_another("in … s", "in 0.3 m", false)]
#[case::twice("… of … done", "3 of 4 done", true)]
#[case::lines("a\n…\nd", "a\nb\nc\nd", true)]
#[case::no_lines("a\n…\nd", "a\nd", true)]
#[case::more("a", "a\nb", false)]
#[case::fewer("a\nb", "a", false)]
fn what_is_shown_is_compared(#[case] shown: &str, #[case] printed: &str, #[case] same: bool) {
    let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
    assert_eq!(is_like(&shown, &printed.lines().collect::<Vec<_>>()), same);
}

/// A wrong output and a failing command are noticed.
#[rstest]
#[case::output("$ echo a\nb\n")]
#[case::code("$ false\n")]
#[case::in_a_pipe("$ false | true\n")]
#[should_panic(expected = "here:1")]
fn a_wrong_block_fails(#[case] text: &str) {
    Session::new().run(&block(text));
}
