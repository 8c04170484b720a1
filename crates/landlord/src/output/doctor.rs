//! What the doctor found, as text and for machines.

use serde_json::{Value, json};
use terminal::{Column, Ink, Screen, fold};

use super::grid::Grid;
use diagnostics::doctor::{Finding, State};

/// Stable: fields are added, never changed; new checks may come.
const API_VERSION: &str = "landlord.dev/doctor/v1";

/// A line for each finding, and below it why it matters and how to fix what is not good.
pub(crate) fn render_findings(findings: &[Finding], screen: Screen) -> String {
    let row = |one: &Finding| {
        vec![one.state.word().to_owned(), one.check.word().to_owned(), one.what.clone()]
    };
    let grid = Grid {
        title: "Checks",
        head: vec![Column::state("State"), Column::fixed("Check"), Column::prose("What")],
        rows: findings.iter().map(row).collect(),
    };
    let advice = findings.iter().filter(|one| one.fix.is_some()).map(|one| advice(one, screen));
    let count = |state: State| findings.iter().filter(|one| one.state == state).count();
    format!(
        "{}\n{}{} ok, {} wrong, {} unknown, {} skipped\n",
        grid.render(screen),
        advice.collect::<String>(),
        count(State::Good),
        count(State::Wrong),
        count(State::Unknown),
        count(State::Skipped)
    )
}

fn advice(Finding { check, state, what, fix }: &Finding, screen: Screen) -> String {
    let word = Ink::of_state(state.word())
        .map_or(state.word().to_owned(), |ink| screen.paint(ink, state.word()));
    let width = screen.width.unwrap_or(usize::MAX).max(40);
    let (what, why) = (
        indented(&format!("{}: {what}", check.word()), width - state.word().len() - 1),
        indented(check.why(), width - 7),
    );
    format!(
        "{word} {what}\n  why: {why}\n  fix: {}\n\n",
        indented(fix.as_deref().unwrap_or_default(), width - 7)
    )
}

/// Text over several lines, those after the first further in.
fn indented(text: &str, width: usize) -> String {
    let paragraphs = text.lines().flat_map(|line| fold(line, width));
    paragraphs.collect::<Vec<_>>().join("\n       ")
}

/// `{"apiVersion", "findings": [{"check", "state": "ok" | "wrong" | "unknown" | "skipped", "what", "why", "fix": null | text}]}`
pub(crate) fn document(findings: &[Finding]) -> Value {
    let finding = |one: &Finding| json!({"check": one.check.word(), "state": one.state.word(), "what": one.what, "why": one.check.why(), "fix": one.fix});
    json!({"apiVersion": API_VERSION, "findings": findings.iter().map(finding).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::at_both_widths;
    use diagnostics::doctor::Check;

    #[test]
    fn what_is_not_good_is_explained() {
        let finding = |check, state, what: &str, fix: Option<&str>| Finding {
            check,
            state,
            what: what.to_owned(),
            fix: fix.map(str::to_owned),
        };
        let old = "parts of it are missing, or not bound: names, stamp, seal, hold, binding; and part deny is not the one for these settings";
        let findings = [
            finding(Check::Version, State::Good, "Kubernetes 1.37", None),
            finding(
                Check::Guard,
                State::Wrong,
                old,
                Some("landlord render guard --settings settings.yaml | kubectl apply -f -"),
            ),
            finding(
                Check::Rights,
                State::Unknown,
                "it may not be asked",
                Some(
                    "do that\nand that, which takes a sentence that is longer than eighty columns are wide",
                ),
            ),
            finding(Check::Webhook, State::Skipped, "--skip", None),
        ];
        insta::assert_snapshot!(at_both_widths(|screen| render_findings(&findings, screen)));
    }
}
