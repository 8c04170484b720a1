use std::sync::atomic::{AtomicU64, Ordering};

use assessment::{Fault, Reason};
use rstest::rstest;

use super::*;

const KIND: ReportKind = ReportKind::OpenReports;

fn row(tenant: Option<&str>, state: Compliance) -> NamespaceRow {
    NamespaceRow {
        uid: "u".into(),
        tenant: tenant.map(Box::from),
        state,
        reason: None,
        trouble: None,
        created: None,
    }
}

fn compliant() -> NamespaceRow {
    row(Some("solar"), Compliance::Compliant)
}

fn failed(reason: Reason) -> NamespaceRow {
    let trouble = Fault { reason, message: "why".to_owned() };
    NamespaceRow { trouble: Some(Box::new(trouble)), ..row(Some("solar"), Compliance::Failed) }
}

/// In a revision that no other has.
fn rows(rows: impl IntoIterator<Item = (&'static str, NamespaceRow)>) -> Namespaces {
    static REVISION: AtomicU64 = AtomicU64::new(0);
    let mut all = Namespaces::default();
    (0..REVISION.fetch_add(10, Ordering::Relaxed)).for_each(|_| all.put("none".to_owned(), None));
    rows.into_iter().for_each(|(name, row)| all.put(name.to_owned(), Some(row)));
    all
}

fn asked(now: Instant) -> Question<'static> {
    Question { kind: KIND, placement: None, now, most: 100 }
}

impl Book {
    /// Tasks for one namespace, all of which succeed.
    fn write(&mut self, one: NamespaceRow, now: Instant) -> Vec<Task> {
        let changes = self.find_changes(&rows([("web", one)]), asked(now));
        changes.tasks.iter().for_each(|task| self.settle(task, "7".to_owned()));
        changes.tasks
    }
}

/// Of the only task.
fn action(tasks: Vec<Task>) -> Option<Action> {
    assert!(tasks.len() < 2, "{tasks:?}");
    tasks.into_iter().next().map(|task| task.action)
}

#[rstest]
#[case::the_same(compliant(), false)]
#[case::another_uid(NamespaceRow { uid: "v".into(), ..compliant() }, true)]
#[case::another_tenant(row(Some("lunar"), Compliance::Compliant), true)]
#[case::another_state(failed(Reason::Conflicted), true)]
#[case::created_at_another_time(NamespaceRow { created: Some(Timestamp::UNIX_EPOCH), ..compliant() }, false)]
fn what_is_written_again(#[case] after: NamespaceRow, #[case] is_written: bool) {
    let (mut book, now) = (Book::default(), Instant::now());
    let first = action(book.write(compliant(), now)).expect("a report");
    assert!(matches!(first, Action::Write { version: None, .. }), "it is created");
    let Some(second) = action(book.write(after, now)) else { return assert!(!is_written) };
    assert!(is_written, "{second:?}");
    assert!(matches!(second, Action::Write { version: Some(version), .. } if version == "7"));
}

#[test]
fn what_is_stored_already_is_not_written() {
    let (mut book, now) = (Book::default(), Instant::now());
    let task = book.write(compliant(), now).pop().expect("a report");
    let Action::Write { findings, .. } = &task.action else { panic!("{task:?}") };
    let mut stored = task.document(KIND, findings);
    stored["metadata"]["resourceVersion"] = "9".into();
    let mut stored: DynamicObject = serde_json::from_value(stored).expect("an object");

    let mut other = Book::default();
    other.begin_comparison();
    other.compare(&stored);
    assert_eq!(other.write(compliant(), now), []);
    // The one that `landlord audit` prints is another.
    stored.metadata.name = Some("landlord-audit".to_owned());
    let mut other = Book::default();
    other.compare(&stored);
    assert_eq!(other.write(compliant(), now).len(), 1);
}

/// An edit of a tenant passes through this state.
#[test]
fn a_namespace_that_is_about_to_be_written_is_waited_for() {
    let (mut book, now) = (Book::default(), Instant::now());
    let pending = || row(Some("solar"), Compliance::Pending);
    book.write(compliant(), now);
    assert_eq!(book.write(pending(), now), []);
    let just_before = now + PENDING_GRACE - Duration::from_secs(1);
    assert_eq!(book.write(pending(), just_before), []);
    assert_eq!(book.write(compliant(), just_before), [], "it is as it was");
    assert_eq!(book.write(pending(), now + PENDING_GRACE), [], "it waits anew");
    let late = book.write(pending(), now + 2 * PENDING_GRACE);
    assert_eq!(late.len(), 1, "that is worth a report");
}

#[test]
fn one_that_is_nobodys_loses_its_report() {
    let (mut book, now) = (Book::default(), Instant::now());
    let free = || row(None, Compliance::Compliant);
    assert_eq!(book.write(free(), now), []);
    book.write(compliant(), now);
    let gone = action(book.write(free(), now));
    assert_eq!(gone, Some(Action::Delete { version: "7".to_owned() }));
    assert_eq!(book.write(free(), now), []);
}

#[test]
fn failures_of_one_wait_longer_and_longer() {
    let (mut book, mut now) = (Book::default(), Instant::now());
    let all = rows([("a", compliant()), ("web", compliant())]);
    let mut reported = 0;
    for _ in 0..10 {
        let due = book.find_changes(&all, asked(now)).tasks;
        for task in due {
            if &*task.namespace == "a" {
                book.settle(&task, "7".to_owned());
            } else {
                reported += usize::from(book.fail("web", now, None));
            }
        }
        assert_eq!(book.find_changes(&all, asked(now)).tasks, []);
        now += Duration::from_secs(400);
    }
    assert_eq!(reported, 1, "that is said once");
}

#[test]
fn only_so_many_at_a_time() {
    let (mut book, now) = (Book::default(), Instant::now());
    let all = rows([("a", compliant()), ("b", compliant()), ("c", compliant())]);
    let changes = book.find_changes(&all, Question { most: 2, ..asked(now) });
    assert_eq!((changes.tasks.len(), changes.more), (2, 1));
}

#[test]
fn a_namespace_that_is_not_looked_after_any_more_is_missing() {
    let (mut book, now) = (Book::default(), Instant::now());
    book.write(compliant(), now);
    let changes = book.find_changes(&rows([]), asked(now));
    assert_eq!(changes.missing, [Arc::from("web")]);
    let task = book.delete(&changes.missing[0], now).expect("a task");
    assert_eq!(task.action, Action::Delete { version: "7".to_owned() });
    book.settle(&task, String::new());
    let changes = book.find_changes(&rows([]), asked(now));
    assert_eq!(book.delete(&changes.missing[0], now), None);
    assert_eq!(book.find_changes(&rows([]), asked(now)).missing, []);
}

#[test]
fn placement_is_part_of_it_where_it_is_known() {
    let (mut book, now) = (Book::default(), Instant::now());
    let all = rows([("web", compliant())]);
    let placement = |name: &str| {
        (name == "web").then(|| Placement { pool: Some("pool=a".to_owned()), ..Default::default() })
    };
    let mut rules = |question: Question<'_>| {
        let task = book.find_changes(&all, question).tasks.pop().expect("a report");
        book.settle(&task, "7".to_owned());
        let Action::Write { findings, .. } = task.action else { panic!("no report") };
        findings.iter().map(|finding| finding.rule.word()).collect::<Vec<_>>()
    };
    assert_eq!(rules(asked(now)), ["compliant", "verified"]);
    let with_placement = Question { placement: Some(&placement), ..asked(now) };
    assert_eq!(rules(with_placement), ["compliant", "verified", "placement"]);
}
