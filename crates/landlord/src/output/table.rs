//! A plan as a table, a namespace a line, and a summary.

use assessment::Assessment;
use terminal::{Column, Screen, visible};

use super::grid::Grid;
use super::tally::Tally;

const HEAD: [Column; 5] = [
    Column::fixed("namespace"),
    Column::fixed("tenant"),
    Column::extra("rule"),
    Column::prose("changes"),
    Column::state("state"),
];

/// The table, and below it what needs words.
pub(crate) fn render(assessments: &[Assessment], screen: Screen) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let row = |one: &Assessment| {
        vec![
            one.name.clone(),
            name(&one.tenant),
            name(&one.rule),
            changes(one),
            one.state().word().to_owned(),
        ]
    };
    let grid = Grid {
        title: "Namespaces",
        head: HEAD.to_vec(),
        rows: assessments.iter().map(row).collect(),
    };
    format!(
        "{}{}\n{}\n",
        grid.render(screen),
        remarks(assessments),
        Tally::count(assessments).describe()
    )
}

/// `2 set, 1 removed`, or `-`.
pub(crate) fn changes(assessment: &Assessment) -> String {
    let plan = &assessment.plan;
    let counts = [
        (plan.set.len(), "set"),
        (plan.remove.len(), "removed"),
        (plan.kept.len(), "kept"),
        (plan.refused.len(), "refused"),
        (plan.failures.len(), "failed by hooks"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

/// What is wrong with namespaces, in words: a line each.
pub(crate) fn remarks(assessments: &[Assessment]) -> String {
    let of = |assessment: &Assessment| {
        let failures = assessment.plan.failures.iter().map(ToString::to_string);
        let messages: Vec<String> =
            assessment.error().map(str::to_owned).into_iter().chain(failures).collect();
        messages
            .into_iter()
            .map(|message| format!("\n{}: {}", visible(&assessment.name), visible(&message)))
            .collect::<String>()
    };
    let mut remarks: String = assessments.iter().map(of).collect();
    if !remarks.is_empty() {
        remarks.push('\n');
    }
    remarks
}
