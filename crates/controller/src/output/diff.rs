//! A plan as the lines that differ, a namespace a paragraph.

use similar::{ChangeTag, TextDiff};
use tenancy::metadata::{Map, Metadata};

use super::Color;
use crate::assessment::{Assessment, State};

const RESET: &str = "\x1b[0m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const BOLD: &str = "\x1b[1m";

/// Namespaces with nothing to do are left out.
pub(crate) fn render(assessments: &[Assessment], color: Color) -> String {
    let paint = Paint(color.enabled());
    let told: Vec<String> = assessments.iter().filter_map(|assessment| paragraph(assessment, paint)).collect();
    if told.is_empty() { "no changes\n".to_owned() } else { told.join("\n") }
}

fn paragraph(assessment: &Assessment, paint: Paint) -> Option<String> {
    let head = |text: String| paint.line(BOLD, &text);
    let tenant = assessment.tenant.as_deref().unwrap_or("nobody");
    match assessment.state() {
        State::Error => Some(head(format!("namespace {}: error: {}", assessment.name, assessment.error.as_deref().unwrap_or_default()))),
        State::Drift => Some(head(format!("namespace {} ({tenant})", assessment.name)) + &changes(assessment, paint)),
        State::Compliant | State::Unclaimed => None,
    }
}

fn changes(assessment: &Assessment, paint: Paint) -> String {
    let (before, after) = (lines(&assessment.before), lines(&assessment.after()));
    let diff = TextDiff::from_lines(&before, &after);
    let line = |change: similar::Change<&str>| {
        let text = change.value().trim_end();
        match change.tag() {
            ChangeTag::Delete => paint.line(RED, &format!("- {text}")),
            ChangeTag::Insert => paint.line(GREEN, &format!("+ {text}")),
            ChangeTag::Equal => format!("  {text}\n"),
        }
    };
    diff.iter_all_changes().map(line).collect()
}

fn lines(metadata: &Metadata) -> String {
    let field = |name: &str, entries: &Map| {
        let lines: String = entries.iter().map(|(key, value)| format!("  {key}: {value:?}\n")).collect();
        if lines.is_empty() { lines } else { format!("{name}:\n{lines}") }
    };
    field("labels", &metadata.labels) + &field("annotations", &metadata.annotations)
}

/// Whether to colour.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn line(self, color: &str, text: &str) -> String {
        if self.0 { format!("{color}{text}{RESET}\n") } else { format!("{text}\n") }
    }
}
