//! Page: `docs/compatibility.md`, from the records.

use std::collections::BTreeMap;

use super::record::Record;
use super::subject::Subject;
use super::suite::Suite;
use crate::commands::served::Served;
use crate::commands::storm::Mode;

const HEAD: &str = "\
# Compatibility

<!-- Written by `make compatibility`: what is edited here is lost. -->

Each version of Kubernetes is built from its published Go modules and run: kube-apiserver, kube-scheduler and, for all of them, the etcd of the newest. `make compatibility VERSIONS=\"1.33 1.37\"`
measures two versions and writes this page anew; the others keep what was measured before. *with v1beta1* is the same version with
`--runtime-config=admissionregistration.k8s.io/v1beta1=true --feature-gates=MutatingAdmissionPolicy=true` (`make compatibility VERSIONS=1.34+v1beta1`).

";

const LEGEND: &str = "
The rows under *storm* are the modes of `make storm`: as many namespaces as the row says, with a Pod each at once, and how many of the Pods ran outside of their tenant's pool. `without` is a cluster
without landlord, for comparison; in every other mode it has to be 0, with no Pod failed or left over. *by refusal*: the guard is
in a form of validations only, Pods are refused until their namespace is ready, and clients try again. *not possible*: the mode needs a MutatingAdmissionPolicy that the version does not serve
([guard](guard.md#versions)). `webhook-stopped` takes the policy server down half-way under `failurePolicy: Fail`: while it is down a namespace is refused, and a Pod of a namespace that is ready gets its
pool. *not run*: nobody has measured it.

*scenarios* are the tests of what landlord promises of namespaces, by the controller, by the policy and by both; *attack list* those of the guard and the policy that try to get around them.
Both are run on that version, as far as its form of the guard has the part that is attacked.
";

/// The whole page.
pub(super) fn render(records: &BTreeMap<Subject, Record>) -> String {
    let notes: String = records
        .iter()
        .flat_map(|(subject, record)| record.notes.iter().map(move |note| (subject, note)))
        .map(|(subject, note)| {
            format!("\n## {subject}\n\n```text\n{}\n```\n", note.replace("```", "'''"))
        })
        .collect();
    format!("{HEAD}{}{LEGEND}{notes}", table(records))
}

/// A column a version.
fn table(records: &BTreeMap<Subject, Record>) -> String {
    let subjects = Subject::all();
    let row = |name: &str, cell: &dyn Fn(&Record) -> String| {
        let cell = |subject: &Subject| match records.get(subject) {
            Some(record) => cell(record),
            None => "not run".to_owned(),
        };
        let cells: Vec<String> = subjects.iter().map(cell).collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    let names: Vec<String> = subjects.iter().map(Subject::to_string).collect();
    let head = format!("| Kubernetes | {} |\n", names.join(" | "));
    let mut table = head + &"|---".repeat(subjects.len() + 1) + "|\n";
    table += &row("MutatingAdmissionPolicy", &|one| versions(one, |served| &served.mutating));
    table += &row("ValidatingAdmissionPolicy", &|one| versions(one, |served| &served.validating));
    table += &row("the guard", &|one| match &one.served {
        Some(served) if served.can_hold() => "holds Pods".to_owned(),
        Some(_) => "refuses Pods".to_owned(),
        None => "**error**".to_owned(),
    });
    table += &row("*storm*: namespaces", &|one| one.namespaces.to_string());
    for mode in Mode::ALL {
        let cell =
            |one: &Record| one.modes.get(mode.word()).cloned().unwrap_or("not run".to_owned());
        table += &row(&format!("`{}`", mode.word()), &cell);
    }
    for suite in Suite::ALL {
        let cell =
            |one: &Record| one.tests.get(suite.word()).cloned().unwrap_or("not run".to_owned());
        table += &row(suite.word(), &cell);
    }
    table += &row("date", &|one| one.date.clone());
    table + &row("commit", &|one| one.commit.clone())
}

fn versions(record: &Record, of: impl Fn(&Served) -> &Vec<String>) -> String {
    match record.served.as_ref().map(of).map(Vec::as_slice) {
        None => "**error**".to_owned(),
        Some([]) => "–".to_owned(),
        Some(some) => some.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let served = Served {
            version: "v1.33.13".to_owned(),
            mutating: Vec::new(),
            validating: vec!["v1".to_owned(), "v1beta1".to_owned()],
        };
        Record {
            date: "2026-11-29".to_owned(),
            commit: "abc".to_owned(),
            namespaces: 50,
            served: Some(served),
            modes: [("webhook", "0 of 50"), ("hybrid", "not possible")]
                .map(|(mode, cell)| (mode.to_owned(), cell.to_owned()))
                .into(),
            tests: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    fn subject(text: &str) -> Subject {
        text.parse().expect("a subject")
    }

    /// The cells of one row.
    fn cells<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        let row =
            page.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect("a row");
        row.trim_matches('|').split('|').map(str::trim).skip(1).collect()
    }

    #[test]
    fn a_version_is_a_column_and_the_rest_is_not_run() {
        let page = render(&[(subject("1.33"), record())].into());
        for (name, expected) in [
            ("MutatingAdmissionPolicy", "–"),
            ("ValidatingAdmissionPolicy", "v1, v1beta1"),
            ("the guard", "refuses Pods"),
            ("*storm*: namespaces", "50"),
            ("`webhook`", "0 of 50"),
            ("`hybrid`", "not possible"),
            ("`controller-hold`", "not run"),
            ("attack list", "not run"),
            ("date", "2026-11-29"),
            ("commit", "abc"),
        ] {
            let mut row = ["not run"; 10];
            row[3] = expected;
            assert_eq!(cells(&page, name), row, "{name}");
        }
        assert_eq!(cells(&page, "Kubernetes")[3], "1.33.13");
        assert!(!page.contains("\n## "), "{page}");
    }

    #[test]
    fn a_version_that_cannot_be_run_says_why() {
        let notes = vec!["cannot be run: Kubernetes cannot be built\n```".to_owned()];
        let broken = Record { served: None, modes: BTreeMap::new(), notes, ..record() };
        let page = render(&[(subject("1.30"), broken)].into());
        assert_eq!(cells(&page, "the guard")[0], "**error**");
        assert_eq!(cells(&page, "`webhook`")[0], "not run");
        let note = "\n## 1.30.14\n\n```text\ncannot be run: Kubernetes cannot be built\n'''\n```\n";
        assert!(page.ends_with(note), "{page}");
    }
}
