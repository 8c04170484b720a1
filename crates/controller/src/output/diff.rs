//! A plan as the lines that differ, a namespace a paragraph.

use similar::{ChangeTag, TextDiff};
use tenancy::metadata::{Field, Key, Metadata};

use super::Color;
use assessment::{Assessment, State};

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
        State::Drift | State::Conflicted => {
            let failures = assessment.plan.failures.iter().map(|failure| paint.line(RED, &format!("! {failure}")));
            Some(head(format!("namespace {} ({tenant})", assessment.name)) + &changes(assessment, paint) + &failures.collect::<String>())
        }
        State::Compliant | State::Unclaimed => None,
    }
}

fn changes(assessment: &Assessment, paint: Paint) -> String {
    let why = |key: &Key| assessment.plan.set.get(key).map_or(String::new(), |want| format!("   # {}", want.why));
    let (before, after) = (lines(&assessment.before, |_| String::new()), lines(&assessment.after(), why));
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

/// A line a key; `remark` follows its value.
fn lines(metadata: &Metadata, remark: impl Fn(&Key) -> String) -> String {
    let field = |title: &str, field: Field| {
        let line = |(name, value): (&String, &String)| format!("  {name}: {value:?}{}\n", remark(&Key { field, name: name.clone() }));
        let lines: String = metadata.field(field).iter().map(line).collect();
        if lines.is_empty() { lines } else { format!("{title}:\n{lines}") }
    };
    field("labels", Field::Label) + &field("annotations", Field::Annotation)
}

/// Whether to colour.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn line(self, color: &str, text: &str) -> String {
        if self.0 { format!("{color}{text}{RESET}\n") } else { format!("{text}\n") }
    }
}
