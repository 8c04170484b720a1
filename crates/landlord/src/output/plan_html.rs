//! A plan as a page for a browser: counts on top, a section a tenant, each namespace's changes folded.

use super::diff::{Fate, Line, lines};
use super::page::{escape, page};
use super::table::changes;
use super::tally::{Tally, by_tenant};
use assessment::{Assessment, State};

/// The page. Names and values are data of others: all of them are escaped.
pub(crate) fn render(assessments: &[Assessment]) -> String {
    let sections: String = by_tenant(assessments).iter().map(|(tenant, group)| section(*tenant, group)).collect();
    page("What landlord would change", &(counts(Tally::of(assessments)) + &sections))
}

fn counts(tally: Tally) -> String {
    let item = |(count, words): (usize, &str)| format!("<li><b>{count}</b> {words}</li>\n");
    let items: String = std::iter::once((tally.total(), "namespaces")).chain(tally.counts()).map(item).collect();
    format!("<ul class=\"counts\">\n{items}</ul>\n")
}

fn section(tenant: Option<&str>, group: &[&Assessment]) -> String {
    let title = tenant.map_or("Namespaces of nobody".to_owned(), |tenant| format!("Tenant <code>{}</code>", escape(tenant)));
    let namespaces: String = group.iter().filter_map(|one| namespace(one)).collect();
    let words = escape(&Tally::of(group.iter().copied()).words());
    format!("<section>\n<h2>{title}</h2>\n<p>{words}</p>\n{namespaces}</section>\n")
}

/// Those that nothing happens to are counted only.
fn namespace(assessment: &Assessment) -> Option<String> {
    let name = escape(&assessment.name);
    match assessment.state() {
        State::Error => {
            let error = escape(assessment.error.as_deref().unwrap_or_default());
            Some(format!("<p class=\"error\"><code>{name}</code>: {error}</p>\n"))
        }
        State::Drift | State::Conflicted => {
            let lines: String = lines(assessment).iter().map(line).collect();
            let words = changes(assessment);
            Some(format!("<details>\n<summary><code>{name}</code> – {words}</summary>\n<pre>{lines}</pre>\n</details>\n"))
        }
        State::Compliant | State::Unclaimed => None,
    }
}

fn line(line: &Line) -> String {
    let text = escape(&line.marked());
    match line.fate {
        Fate::Stays => text + "\n",
        Fate::Goes | Fate::Missed => format!("<del>{text}</del>"),
        Fate::Comes => format!("<ins>{text}</ins>"),
    }
}
