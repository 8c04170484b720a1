//! A plan as a table, a namespace a line, and a summary.

use comfy_table::{ContentArrangement, Table, TableStyle};

use assessment::{Assessment, State};

/// The table, and below it what needs words.
pub(crate) fn render(assessments: &[Assessment]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NAMESPACE", "TENANT", "RULE", "CHANGES", "STATE"]);
    for assessment in assessments {
        table.add_row([
            assessment.name.clone(),
            assessment.tenant.clone().unwrap_or_else(|| "-".to_owned()),
            assessment.rule.clone().unwrap_or_else(|| "-".to_owned()),
            changes(assessment),
            assessment.state().word().to_owned(),
        ]);
    }
    let lines: String = table.lines().map(|line| format!("{}\n", line.trim())).collect();
    format!("{lines}{}\n{}", remarks(assessments), summary(assessments))
}

/// `2 set, 1 removed`, or `-`.
fn changes(assessment: &Assessment) -> String {
    let plan = &assessment.plan;
    let counts = [
        (plan.set.len(), "set"),
        (plan.remove.len(), "removed"),
        (plan.kept.len(), "kept"),
        (plan.refused.len(), "refused"),
        (plan.failures.len(), "failed by hooks"),
    ];
    let parts: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn remarks(assessments: &[Assessment]) -> String {
    let of = |assessment: &Assessment| {
        let failures = assessment.plan.failures.iter().map(ToString::to_string);
        let messages: Vec<String> = assessment.error.iter().cloned().chain(failures).collect();
        messages.into_iter().map(|message| format!("\n{}: {message}", assessment.name)).collect::<String>()
    };
    let mut remarks: String = assessments.iter().map(of).collect();
    if !remarks.is_empty() {
        remarks.push('\n');
    }
    remarks
}

fn summary(assessments: &[Assessment]) -> String {
    let count = |state: State| assessments.iter().filter(|assessment| assessment.state() == state).count();
    let conflicted = match count(State::Conflicted) {
        0 => String::new(),
        number => format!(", {number} conflicted"),
    };
    format!(
        "{} namespaces: {} compliant, {} to change, {} unclaimed, {} with errors{conflicted}\n",
        assessments.len(),
        count(State::Compliant),
        count(State::Drift),
        count(State::Unclaimed),
        count(State::Error)
    )
}
