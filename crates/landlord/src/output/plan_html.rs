//! A plan as a page for a browser: counts on top, a section a tenant, each namespace's changes
//! folded.

use assessment::{Assessment, State};
use maud::{Markup, html};

use super::diff::{Fate, Line, lines};
use super::page::page;
use super::table::changes;
use super::tally::{Tally, by_tenant};

/// The page.
pub(crate) fn render(assessments: &[Assessment]) -> String {
    let body = html! {
        (counts(Tally::count(assessments)))
        @for (tenant, group) in by_tenant(assessments) { (section(tenant, &group)) }
    };
    page("What landlord would change", &body)
}

fn counts(tally: Tally) -> Markup {
    let counts = std::iter::once((tally.total(), "namespaces")).chain(tally.counts());
    html! {
        ul.counts {
            @for (count, words) in counts { li { b { (count) } " " (words) } }
        }
    }
}

fn section(tenant: Option<&str>, group: &[&Assessment]) -> Markup {
    html! {
        section {
            h2 {
                @if let Some(tenant) = tenant { "Tenant " code { (tenant) } } @else { "Namespaces of nobody" }
            }
            p { (Tally::count(group.iter().copied()).describe()) }
            @for one in group { (namespace(one)) }
        }
    }
}

/// Those that nothing happens to are counted only.
fn namespace(assessment: &Assessment) -> Markup {
    let name = html! { code { (assessment.name) } };
    match assessment.state() {
        State::Error => {
            html! { p.error { (name) ": " (assessment.error().unwrap_or_default()) } }
        }
        State::Drift | State::Conflicted => html! {
            details {
                summary { (name) " – " (changes(assessment)) }
                pre { @for line in lines(assessment) { (render_line(&line)) } }
            }
        },
        State::Compliant | State::Unclaimed => html! {},
    }
}

fn render_line(line: &Line) -> Markup {
    let text = line.marked();
    match line.fate {
        Fate::Stays => html! { (text) "\n" },
        Fate::Goes | Fate::Missed => html! { del { (text) } },
        Fate::Comes => html! { ins { (text) } },
    }
}
