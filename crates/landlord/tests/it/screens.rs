//! Every screen at 80 and at 140 columns: help, errors, and what comes of files. What comes of a
//! cluster – status, doctor, strategy, backfill, release – differs from run to run: those reports
//! are held to both widths beside their code, on fixed input.

use std::fmt::Write;
use std::process::Command;

use insta::assert_snapshot;
use rstest::rstest;

use crate::landlord::{Run, binary, root, run_command, run_in};

const WIDTHS: [&str; 2] = ["80", "140"];

const COMMANDS: [&str; 25] = [
    "plan",
    "explain",
    "status",
    "audit",
    "doctor",
    "backfill",
    "adopt",
    "move",
    "strategy",
    "release",
    "convert",
    "controller",
    "render",
    "render crds",
    "render guard",
    "render grafana",
    "render alerts",
    "render policy",
    "render rbac",
    "render manifests",
    "schema",
    "test",
    "completions",
    "version",
    "",
];

/// What the words show at both widths; once, where it is the same.
fn screens(words: &str) -> String {
    at_both_widths(words, |run| run.out)
}

fn at_both_widths(words: &str, shown: impl Fn(Run) -> String) -> String {
    let [narrow, wide] = WIDTHS.map(|columns| shown(run_in([("COLUMNS", columns)], words)));
    let mut text = String::new();
    let _ = write!(text, "--- landlord {words}, 80 columns\n{narrow}");
    if wide != narrow {
        let _ = write!(text, "--- landlord {words}, 140 columns\n{wide}");
    }
    text
}

/// A page as its snapshot shows it, where the page itself is one line: a tag a line, and a row of a
/// table.
pub(crate) fn break_lines(page: &str) -> String {
    let lines = page.replace("><", ">\n<");
    ["\n<td", "</td>\n", "\n<th ", "</th>\n"]
        .iter()
        .fold(lines, |lines, cell| lines.replace(cell, cell.trim_matches('\n')))
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

#[test]
fn short_help() {
    for command in COMMANDS {
        let words = format!("{command} -h");
        let text = screens(words.trim());
        assert_snapshot!(format!("help {command}").trim().replace(' ', "-"), text);
    }
}

/// Its words are those of docs/command-line.md; here it is held to the screen.
#[test]
fn long_help_fits_and_teaches() {
    for command in COMMANDS {
        let help = run_in([("COLUMNS", "80")], &format!("{command} --help")).out;
        assert!(widest(&help) <= 80, "{command}: {} columns", widest(&help));
        let parts: &[&str] = if command.is_empty() {
            &["First steps:", "exit codes"]
        } else {
            &["Examples:", "Exit codes:"]
        };
        parts.iter().for_each(|part| assert!(help.contains(part), "no {part:?} in {help}"));
        let examples = help.matches("\n  # ").count();
        assert!((2..=5).contains(&examples), "{command}: {examples} examples");
    }
}

#[rstest]
#[case::table("plan -f examples/getting-started")]
#[case::diff("plan -f examples/getting-started -o diff")]
#[case::markdown("plan -f examples/getting-started -o markdown")]
#[case::html("plan -f examples/getting-started -o html")]
#[case::explain("explain solar-web -f examples/getting-started")]
#[case::audit("audit -f crates/landlord/tests/it/audit")]
#[case::hook_tests("test examples/hooks/cost-centre/tests.yaml")]
fn output(#[case] words: &str) {
    let name = words
        .split_whitespace()
        .filter(|word| !word.starts_with('-') && !word.contains('/'))
        .collect::<Vec<_>>()
        .join("-");
    let text = if words.ends_with("html") { break_lines(&screens(words)) } else { screens(words) };
    assert_snapshot!(format!("output {name}").replace(' ', "-"), text);
}

/// What is on standard error; nothing is on the other.
#[rstest]
#[case::a_command("paln")]
#[case::a_value("plan -o jsn")]
#[case::a_word_too_few("explain")]
#[case::a_flag_too_few("release --yes")]
#[case::a_tenant("plan -f examples/getting-started --tenant sola")]
#[case::no_cluster("status --kubeconfig /nowhere")]
fn error(#[case] words: &str) {
    let name = words
        .split_whitespace()
        .filter(|word| !word.contains('/'))
        .map(|word| word.trim_matches('-'))
        .collect::<Vec<_>>()
        .join("-");
    let text = at_both_widths(words, |run| {
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
        run.err
    });
    assert_snapshot!(format!("error-{name}"), text);
}

#[test]
fn tables_fit_the_screen() {
    for columns in ["60", "80", "100"] {
        let table = run_in([("COLUMNS", columns)], "audit -f crates/landlord/tests/it/audit").out;
        let grid: String = table
            .lines()
            .take_while(|line| !line.is_empty())
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(widest(&grid) <= columns.parse().expect("a number"), "{columns}:\n{table}");
    }
    let piped = run_in([("A", "b")], "audit -f crates/landlord/tests/it/audit").out;
    assert!(widest(&piped) > 140, "a row is a line where programs read");
}

/// On a real terminal: its own width counts, not `COLUMNS`, and states are coloured.
#[test]
fn a_terminal_has_colours_and_a_width_of_its_own() {
    let on_terminal = |environment: &str| {
        let words = format!(
            "stty rows 40 cols 60; {environment} {} plan -f examples/getting-started",
            binary().display()
        );
        let mut command = Command::new("script");
        let run = run_command(
            command
                .args(["-qec", &words, "/dev/null"])
                .current_dir(root())
                .env("COLUMNS", "300")
                .env_remove("NO_COLOR"),
            "",
        );
        run.out.replace('\r', "")
    };
    let coloured = on_terminal("");
    assert!(
        coloured.contains("\u{1b}[33mdrift\u{1b}[0m") && !coloured.contains("RULE"),
        "{coloured}"
    );
    let plain = on_terminal("NO_COLOR=1");
    assert!(plain.contains("solar-web    solar   4 set    drift\n"), "{plain}");
}
