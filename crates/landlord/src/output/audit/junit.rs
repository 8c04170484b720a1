//! An audit as JUnit XML, for pipelines that show test results: a test suite for each tenant, a test
//! case for each of its namespaces.

use std::collections::BTreeMap;

use diagnostics::audit::waiting::Outdated;
use diagnostics::audit::{Report, Stray};
use maud::{Markup, html};
use terminal::visible;

use super::namespaces::{Namespace, Part, parts, unjudged_text};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
/// The suite of namespaces of which nobody can say whose they are.
const NOBODY: &str = "(no tenant)";

/// How a namespace fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// It could not be judged.
    Errored,
    /// No node selector applies.
    Skipped,
}

struct Case<'a> {
    namespace: &'a str,
    part: &'a Part<'a>,
}

/// The document.
pub(crate) fn xml(report: &Report, namespaces: &[Namespace]) -> String {
    let parts = parts(report);
    let nothing = Part::default();
    let mut suites: BTreeMap<&str, Vec<Case<'_>>> = BTreeMap::new();
    for namespace in namespaces {
        let part = parts.get(namespace.name.as_str()).unwrap_or(&nothing);
        if namespace.tenant().is_none() && part.unjudged.is_empty() {
            continue;
        }
        let case = Case { namespace: &namespace.name, part };
        suites.entry(namespace.tenant().unwrap_or(NOBODY)).or_default().push(case);
    }
    let all: Vec<&Case<'_>> = suites.values().flatten().collect();
    let [tests, failures, errors, skipped] = counts(&all);
    let body = html! {
        testsuites name="landlord audit" tests=(tests) failures=(failures) errors=(errors) skipped=(skipped) {
            "\n"
            @for (tenant, cases) in &suites { (suite(tenant, cases)) }
        }
    };
    format!("{DECLARATION}{}\n", body.into_string())
}

fn suite(tenant: &str, cases: &[Case<'_>]) -> Markup {
    let [tests, failures, errors, skipped] = counts(&cases.iter().collect::<Vec<_>>());
    html! {
        testsuite name=(text(tenant)) tests=(tests) failures=(failures) errors=(errors) skipped=(skipped) {
            "\n"
            @for case in cases { (test_case(tenant, case)) }
        }
        "\n"
    }
}

/// Tests, and of these failures, errors and those that were skipped.
fn counts(cases: &[&Case<'_>]) -> [usize; 4] {
    let count = |outcome| cases.iter().filter(|case| case.outcome() == outcome).count();
    [cases.len(), count(Outcome::Failed), count(Outcome::Errored), count(Outcome::Skipped)]
}

fn test_case(tenant: &str, case: &Case<'_>) -> Markup {
    let Part { strays, waiting, unjudged, .. } = case.part;
    let unjudged: Vec<String> = unjudged.iter().map(|one| unjudged_text(one)).collect();
    html! {
        testcase classname=(text(tenant)) name=(text(case.namespace)) {
            @match case.outcome() {
                Outcome::Passed => {}
                Outcome::Failed => {
                    failure type=(cause(strays)) message=(format!("{} Pods run outside the pool", strays.len())) {
                        (lines(strays.iter().map(|stray| stray_text(stray))))
                    }
                }
                Outcome::Errored => {
                    error type="NotJudged" message=(text(unjudged.first().map_or("", String::as_str))) {
                        (lines(unjudged.iter().cloned()))
                    }
                }
                Outcome::Skipped => { skipped message="no tenant's node selector applies there" {} }
            }
            @if !waiting.is_empty() {
                system-out { (lines(waiting.iter().map(|one| waiting_text(one)))) }
            }
            @if !unjudged.is_empty() && case.outcome() == Outcome::Failed {
                system-err { (lines(unjudged.iter().cloned())) }
            }
        }
        "\n"
    }
}

impl Case<'_> {
    fn outcome(&self) -> Outcome {
        let Part { pool, strays, unjudged, .. } = self.part;
        match (strays.is_empty(), unjudged.is_empty(), pool) {
            (false, ..) => Outcome::Failed,
            (true, false, _) => Outcome::Errored,
            (true, true, Some(_)) => Outcome::Passed,
            (true, true, None) => Outcome::Skipped,
        }
    }
}

/// Of the first Pod, in one word.
fn cause(strays: &[&Stray]) -> &'static str {
    strays.first().map_or("", |stray| stray.cause.word())
}

fn stray_text(Stray { pod, pool, cause, .. }: &Stray) -> String {
    format!(
        "Pod {} on node {}, belongs on {}: {}: {cause}",
        pod.name,
        pod.node,
        pool.selector,
        cause.word()
    )
}

fn waiting_text(Outdated { pod, pool }: &Outdated) -> String {
    format!("Pod {} waits and would run outside {}", pod.name, pool.selector)
}

/// One below the other.
fn lines(texts: impl Iterator<Item = String>) -> Markup {
    let lines: Vec<String> = texts.map(|one| text(&one)).collect();
    html! { (lines.join("\n")) }
}

/// What XML 1.0 takes: control characters are spelled out, even where they are escaped it has no
/// place for them.
fn text(text: &str) -> String {
    visible(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_xml_does_not_take_is_left() {
        let all: String = (0..=0xffff).filter_map(char::from_u32).collect();
        let is_taken = |letter: char| matches!(letter, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text(&all).chars().all(is_taken));
        assert_eq!(text("so\u{1b}[31mlar"), "so\\u{1b}[31mlar");
    }
}
