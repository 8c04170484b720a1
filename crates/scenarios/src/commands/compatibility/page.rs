//! Page: `docs/compatibility.md`, from the records.

use std::collections::BTreeMap;

use local_cluster::Release;

use super::record::Record;
use crate::commands::served::Served;
use crate::commands::storm::Mode;

const HEAD: &str = "\
# Compatibility

<!-- Written by `make compatibility`: what is edited here is lost. -->

Each version of Kubernetes is built from its published Go modules and run: kube-apiserver, kube-scheduler and, for all of them, the etcd of the newest. `make compatibility VERSIONS=\"1.33 1.37\"`
measures two versions and writes this page anew; the others keep what was measured before.

";

const LEGEND: &str = "
The rows under *storm* are the modes of `make storm`: as many namespaces as the row says, with a Pod each at once, and how many of the Pods ran outside of their tenant's pool. `without` is a cluster
without landlord, for comparison; in every other mode it has to be 0, with no Pod failed or left over. *by refusal*: the guard is that of `landlord render guard
--without-mutating-policies`, Pods are refused until their namespace is ready, and clients try again. *not possible*: the mode needs a MutatingAdmissionPolicy
that the version does not serve ([guard](guard.md#versions)). *not run*: nobody has measured it. The attack list are the tests of the guard that try to get around it.
";

/// The whole page.
pub(super) fn render(records: &BTreeMap<Release, Record>) -> String {
    let notes: String = records
        .iter()
        .flat_map(|(release, record)| record.notes.iter().map(move |note| (release, note)))
        .map(|(release, note)| {
            format!("\n## {release}\n\n```text\n{}\n```\n", note.replace("```", "'''"))
        })
        .collect();
    format!("{HEAD}{}{LEGEND}{notes}", table(records))
}

/// A column a version.
fn table(records: &BTreeMap<Release, Record>) -> String {
    let row = |name: &str, cell: &dyn Fn(&Record) -> String| {
        let cells = Release::ALL.map(|release| match records.get(&release) {
            Some(record) => cell(record),
            None => "not run".to_owned(),
        });
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    let head =
        format!("| Kubernetes | {} |\n", Release::ALL.map(|one| one.to_string()).join(" | "));
    let mut table = head + &"|---".repeat(Release::ALL.len() + 1) + "|\n";
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
    table += &row("attack list", &|one| one.attacks.clone().unwrap_or("not run".to_owned()));
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
            attacks: None,
            notes: Vec::new(),
        }
    }

    fn release(text: &str) -> Release {
        text.parse().expect("a release")
    }

    /// The cells of one row.
    fn cells<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        let row =
            page.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect("a row");
        row.trim_matches('|').split('|').map(str::trim).skip(1).collect()
    }

    #[test]
    fn a_version_is_a_column_and_the_rest_is_not_run() {
        let page = render(&[(release("1.33"), record())].into());
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
            let mut row = ["not run"; 8];
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
        let page = render(&[(release("1.30"), broken)].into());
        assert_eq!(cells(&page, "the guard")[0], "**error**");
        assert_eq!(cells(&page, "`webhook`")[0], "not run");
        let note = "\n## 1.30.14\n\n```text\ncannot be run: Kubernetes cannot be built\n'''\n```\n";
        assert!(page.ends_with(note), "{page}");
    }
}
