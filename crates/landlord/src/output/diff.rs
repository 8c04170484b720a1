//! A plan as the lines that differ, a namespace a paragraph.

use similar::{ChangeTag, TextDiff};
use tenancy::metadata::{Field, Key, Metadata};
use terminal::{Ink, Screen, visible};

use assessment::{Assessment, State};

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    Goes,
    Comes,
    /// No line of the namespace: what a hook requires and does not find.
    Missed,
}

/// A line of labels or annotations, and what becomes of it.
pub(crate) struct Line {
    pub(crate) fate: Fate,
    text: String,
}

impl Line {
    /// The line as a diff has it.
    pub(crate) fn marked(&self) -> String {
        let mark = match self.fate {
            Fate::Stays => ' ',
            Fate::Goes => '-',
            Fate::Comes => '+',
            Fate::Missed => '!',
        };
        format!("{mark} {}", self.text)
    }
}

/// Namespaces with nothing to do are left out.
pub(crate) fn render(assessments: &[Assessment], screen: Screen) -> String {
    let told: Vec<String> =
        assessments.iter().filter_map(|assessment| paragraph(assessment, screen)).collect();
    if told.is_empty() { "no changes\n".to_owned() } else { told.join("\n") }
}

fn paragraph(assessment: &Assessment, screen: Screen) -> Option<String> {
    let head = |text: String| screen.paint(Ink::Strong, &text) + "\n";
    let tenant = visible(assessment.tenant.as_deref().unwrap_or("nobody"));
    let name = visible(&assessment.name);
    match assessment.state() {
        State::Error => Some(head(format!(
            "namespace {name}: error: {}",
            visible(assessment.error().unwrap_or_default())
        ))),
        State::Drift | State::Conflicted => {
            Some(head(format!("namespace {name} ({tenant})")) + &changes(assessment, screen))
        }
        State::Compliant | State::Unclaimed => None,
    }
}

fn changes(assessment: &Assessment, screen: Screen) -> String {
    lines(assessment).iter().map(|line| painted(line, screen)).collect()
}

fn painted(line: &Line, screen: Screen) -> String {
    match line.fate {
        Fate::Stays => format!("{}\n", line.marked()),
        Fate::Goes | Fate::Missed => screen.paint(Ink::Bad, &line.marked()) + "\n",
        Fate::Comes => screen.paint(Ink::Good, &line.marked()) + "\n",
    }
}

/// Labels and annotations before and after, without reasons.
pub(crate) fn between(before: &Metadata, after: &Metadata, screen: Screen) -> String {
    let all = |metadata: &Metadata| render_metadata(metadata, |_| String::new());
    compare(&all(before), &all(after)).iter().map(|line| painted(line, screen)).collect()
}

/// All labels and annotations before and after, in one list; each that changes says why. Below it
/// what hooks miss.
pub(crate) fn lines(assessment: &Assessment) -> Vec<Line> {
    let plan = &assessment.plan;
    let gone = |key: &Key| plan.remove.get(key).map_or(String::new(), |why| format!("   # {why}"));
    let set =
        |key: &Key| plan.set.get(key).map_or(String::new(), |want| format!("   # {}", want.why));
    let mut lines = compare(
        &render_metadata(&assessment.before, gone),
        &render_metadata(&assessment.after(), set),
    );
    lines.extend(
        plan.failures
            .iter()
            .map(|failure| Line { fate: Fate::Missed, text: visible(&failure.to_string()) }),
    );
    lines
}

fn compare(before: &str, after: &str) -> Vec<Line> {
    let line = |change: similar::Change<&str>| {
        let fate = match change.tag() {
            ChangeTag::Delete => Fate::Goes,
            ChangeTag::Insert => Fate::Comes,
            ChangeTag::Equal => Fate::Stays,
        };
        Line { fate, text: change.value().trim_end().to_owned() }
    };
    TextDiff::from_lines(before, after).iter_all_changes().map(line).collect()
}

/// A line a key, whatever is in its value; `remark` follows it.
fn render_metadata(metadata: &Metadata, remark: impl Fn(&Key) -> String) -> String {
    let field = |title: &str, field: Field| {
        let remark = |name: &str| visible(&remark(&Key { field, name: name.to_owned() }));
        let line = |(name, value): (&String, &String)| {
            format!("  {}: {value:?}{}\n", visible(name), remark(name))
        };
        let lines: String = metadata.field(field).iter().map(line).collect();
        if lines.is_empty() { lines } else { format!("{title}:\n{lines}") }
    };
    field("labels", Field::Label) + &field("annotations", Field::Annotation)
}
