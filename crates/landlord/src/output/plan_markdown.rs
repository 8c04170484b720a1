//! A plan for a pull request: counts on top, a section a tenant, each namespace's changes folded.

use super::diff::lines;
use super::grid::inert;
use super::table::changes;
use super::tally::{Tally, by_tenant};
use assessment::{Assessment, State};
use terminal::is_steering;

/// What a comment on GitHub can hold is 65 536 characters: namespaces beyond this are counted
/// instead of shown.
const ENOUGH: usize = 60_000;

/// Markdown as GitHub and GitLab show it. Names and values are data of others: nothing of them is
/// markup, and nobody is called by them.
pub(crate) fn render(assessments: &[Assessment]) -> String {
    let tally = Tally::count(assessments);
    let counts: Vec<(usize, &str)> =
        std::iter::once((tally.total(), "namespaces")).chain(tally.counts()).collect();
    let row = |cell: &dyn Fn(&(usize, &str)) -> String| {
        format!("| {} |\n", counts.iter().map(cell).collect::<Vec<_>>().join(" | "))
    };
    let mut text = "# What landlord would change\n\n".to_owned();
    text += &(row(&|(_, words)| (*words).to_owned())
        + &row(&|_| "---".to_owned())
        + &row(&|(count, _)| count.to_string()));
    let mut left_out = 0;
    for (tenant, group) in by_tenant(assessments) {
        let told: Vec<String> = group.iter().filter_map(|one| namespace(one)).collect();
        if told.is_empty() {
            continue;
        }
        let mut heading = heading(tenant, &group);
        for one in told {
            if text.len() + heading.len() + one.len() > ENOUGH {
                left_out += 1;
            } else {
                text += &(std::mem::take(&mut heading) + &one);
            }
        }
    }
    text += if tally.is_calm() { "\nNo changes.\n" } else { "" };
    if left_out > 0 {
        text += &format!(
            "\n{left_out} more namespaces are not shown here: `landlord plan -o html` shows all.\n"
        );
    }
    text
}

/// Text in an element. Nothing in it can be taken for Markdown, though no reader should look for
/// that there.
fn inert_html(text: &str) -> String {
    let letter = |letter: char| match letter {
        '<' | '>' | '&' | '`' | '[' | ']' | '*' | '_' | '@' | '|' | '#' | '~' => {
            format!("&#{};", u32::from(letter))
        }
        letter if is_steering(letter) => " ".to_owned(),
        letter => letter.to_string(),
    };
    text.chars().map(letter).collect()
}

fn heading(tenant: Option<&str>, group: &[&Assessment]) -> String {
    let title = tenant
        .map_or("Namespaces of nobody".to_owned(), |tenant| format!("Tenant {}", inert(tenant)));
    format!("\n## {title}\n\n{}\n", Tally::count(group.iter().copied()).describe())
}

/// Those that nothing happens to are counted only.
fn namespace(assessment: &Assessment) -> Option<String> {
    match assessment.state() {
        State::Error => {
            let error = assessment.error().unwrap_or_default();
            Some(format!("\n**error** {}: {}\n", inert(&assessment.name), inert(error)))
        }
        State::Drift | State::Conflicted => {
            // Every line begins with a mark or a blank, so none of them can end the fence.
            let lines: String = lines(assessment).iter().map(|line| line.marked() + "\n").collect();
            let name = inert_html(&assessment.name);
            Some(format!(
                "\n<details><summary><code>{name}</code> – {}</summary>\n\n```diff\n{lines}```\n\n</details>\n",
                changes(assessment)
            ))
        }
        State::Compliant | State::Unclaimed => None,
    }
}
