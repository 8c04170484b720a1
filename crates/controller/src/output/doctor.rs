//! What the doctor found, as text and for machines.

use serde_json::{Value, json};

use super::grid::Grid;
use crate::doctor::{Finding, State};

/// Stable: fields are added, never changed; new checks may come.
const API_VERSION: &str = "landlord.dev/doctor/v1";

/// A line for each finding, and below it why it matters and how to mend what is not good.
pub(crate) fn text(findings: &[Finding]) -> String {
    let row = |one: &Finding| vec![one.state.word().to_owned(), one.check.word().to_owned(), one.what.clone()];
    let grid = Grid { title: "Checks", head: vec!["State", "Check", "What"], rows: findings.iter().map(row).collect() };
    let advice = findings.iter().filter(|one| one.fix.is_some()).map(advice);
    let count = |state: State| findings.iter().filter(|one| one.state == state).count();
    format!(
        "{}\n{}{} ok, {} wrong, {} unknown, {} skipped\n",
        grid.text(),
        advice.collect::<String>(),
        count(State::Good),
        count(State::Wrong),
        count(State::Unknown),
        count(State::Skipped)
    )
}

fn advice(Finding { check, state, what, fix }: &Finding) -> String {
    let fix = fix.as_deref().unwrap_or_default();
    format!("{} {}: {what}\n  why: {}\n  fix: {fix}\n\n", state.word(), check.word(), check.why())
}

/// `{"apiVersion", "findings": [{"check", "state": "ok" | "wrong" | "unknown" | "skipped", "what", "why", "fix": null | text}]}`
pub(crate) fn document(findings: &[Finding]) -> Value {
    let finding = |one: &Finding| json!({"check": one.check.word(), "state": one.state.word(), "what": one.what, "why": one.check.why(), "fix": one.fix});
    json!({"apiVersion": API_VERSION, "findings": findings.iter().map(finding).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;
    use clap::ValueEnum;

    #[test]
    fn the_words_are_those_of_the_flag() {
        for check in Check::value_variants() {
            assert_eq!(check.to_possible_value().map(|value| value.get_name().to_owned()).as_deref(), Some(check.word()));
        }
    }

    #[test]
    fn what_is_not_good_is_explained() {
        let finding = |check, state, fix: Option<&str>| Finding { check, state, what: "it is so".to_owned(), fix: fix.map(str::to_owned) };
        let findings = [
            finding(Check::Version, State::Good, None),
            finding(Check::Guard, State::Wrong, Some("do this")),
            finding(Check::Rights, State::Unknown, Some("do that")),
            finding(Check::Webhook, State::Skipped, None),
        ];
        insta::assert_snapshot!(text(&findings));
    }
}
