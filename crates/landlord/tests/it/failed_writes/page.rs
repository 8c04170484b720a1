//! The page: what was seen of each case, in the words of its reader.

use std::fmt::Write;
use std::fs;

use assessment::Reason;

use super::case::{Case, Group, Told};
use super::stage::{Seen, pool_name};
use crate::landlord::root;

const FILE: &str = "docs/failed-writes.md";
const HEAD: &str = "# Failed writes

<!-- Made by crates/landlord/tests/it/failed_writes.rs; UPDATE_DOCS=1 writes it. -->

What becomes of a namespace, and of new Pods in it, where landlord cannot write what its tenant wants: law 7 of the [design](design.md#laws), *fail closed*, kind by kind.

Each row has been played: solar's namespaces `web` and `control` are ready in its pool, the cause comes over `web` (or over the tenant), and solar gets another pool. Five
minutes later it is looked at what the guard thinks of `web`, what became of a Pod, and what is reported. Then the cause goes, and every row ends alike: `web` is written and
ready in the new pool **by itself**, the Pod that waited starts there, and nothing is reported any more. `control` gets the new pool at once wherever the cause is not the
tenant's own. A test writes this page, and fails where a row says anything else, or where a reason has no row.

* **Ready** is what the [guard](guard.md#what-the-parts-do) goes by. Where it says *no*, new Pods wait at the gate (`hold`) or are refused (`deny`).
* **Without the guard** nothing stops a Pod: it gets the node selector that the namespace has. That is the old pool rather than none.
* **Reported as** is the reason of the namespace's Event, of the Tenant's condition `Converged`, and of the metrics; [Troubleshooting](troubleshooting.md) explains each.
* **`landlord status`**: the column that counts the namespace, and what is said below the table.
* Writes that fail are tried again 1, 2, 4 … 300 seconds later: in these five minutes at most 40 times, the writes that take readiness back among them; once a second only where
  another client changes the namespace all the time.

Where the namespace is ready and its Pods do not go to the new pool, the row says **yes** and why: these are the only ones.
";

/// Compares the page with what was seen, or writes it.
pub(super) fn compare(rows: &[(&Case, Seen)]) {
    let rendered = render(rows);
    let path = root().join(FILE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &rendered).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, rendered,
        "{FILE} is old: UPDATE_DOCS=1 cargo test -p landlord --test it failed_writes"
    );
}

fn render(rows: &[(&Case, Seen)]) -> String {
    let mut text = HEAD.to_owned();
    for group in Group::ALL {
        write!(text, "\n## {}\n\n{COLUMNS}", group.title()).expect("a string");
        for (case, seen) in rows.iter().filter(|(case, _)| case.group == group) {
            text.push_str(&row(case, seen));
        }
    }
    text.push_str(TAIL);
    for (what, file, test) in ON_A_SERVER {
        let source = fs::read_to_string(root().join(CLUSTER).join(file)).expect("a test");
        assert!(source.contains(&format!("fn {test}(")), "{file} has no {test}");
        writeln!(text, "| {what} | `{test}` ({file}) |").expect("a string");
    }
    text
}

const CLUSTER: &str = "crates/landlord/tests/it/cluster";
const ON_A_SERVER: [(&str, &str, &str); 5] = [
    (
        "ready, as the guard tells it and as the engine does, in every state of label, ledger, selector and mark",
        "guard/ready.rs",
        "the_guard_and_the_engine_agree_on_when_a_namespace_is_ready",
    ),
    (
        "no room for the new node selector, with the guard and real Pods",
        "closed.rs",
        "a_namespace_without_room_for_its_new_pool_lets_no_pod_into_the_old_one",
    ),
    (
        "a webhook denies the writes of one namespace",
        "interference.rs",
        "a_webhook_that_denies_one_namespace_stops_no_other",
    ),
    (
        "the controller works as another account than the settings name",
        "account.rs",
        "a_guard_for_another_account_is_reported_and_not_fought",
    ),
    (
        "the definition of tenants goes, and they come back one by one",
        "lost_kind.rs",
        "tenants_that_come_back_one_by_one_lose_nothing",
    ),
];

const COLUMNS: &str = "| what happens | the namespace is ready | new Pods, with the guard | without it | reported as | `landlord status` | what ends it |\n|---|---|---|---|---|---|---|\n";

fn row(case: &Case, seen: &Seen) -> String {
    let pool = format!("start {}", pool_name(seen.pool.as_deref()));
    let ready = match (seen.ready, case.open) {
        (true, Some(why)) => format!("**yes**: {why}"),
        (true, None) => "yes".to_owned(),
        (false, _) => "no".to_owned(),
    };
    let guarded = match (seen.ready, case.waits) {
        (true, false) => pool.as_str(),
        (true, true) => "wait",
        (false, _) => "wait, or are refused",
    };
    let unguarded = match case.reason {
        // By the plugin, or whatever does its work.
        Some(Reason::SelectorClash) => "are refused",
        _ => pool.as_str(),
    };
    let reported = match (case.reason, case.told) {
        (None, _) => "–".to_owned(),
        (Some(reason), Told::Everywhere | Told::Event | Told::Passed) => format!("`{reason}`"),
        (Some(reason), Told::Pod) => format!("`{reason}`, at the Pod"),
        (Some(reason), Told::Log) => format!("`{reason}`, in the log"),
    };
    format!(
        "| {} | {ready} | {guarded} | {unguarded} | {reported} | {} | {} |\n",
        case.what,
        status(seen),
        case.cure
    )
}

/// The column that counts it, and what is said below.
fn status(seen: &Seen) -> String {
    let status = &seen.status;
    if status["error"].is_string() {
        return "an error".to_owned();
    }
    let column = if status["tenants"].is_array() {
        "unclaimed"
    } else if status["errors"] != 0 {
        "errors"
    } else if status["drift"] != 0 {
        "to change"
    } else {
        "compliant"
    };
    let said = [("failing", "writes fail"), ("contested", "contested"), ("unready", "not ready")];
    let words = said.into_iter().filter(|(field, _)| !status[field].is_null());
    words.fold(column.to_owned(), |text, (_, word)| format!("{text}; *{word}*"))
}

const TAIL: &str = "
## On a real API server

Some of it depends on what only a real API server does; these tests play it there, in crates/landlord/tests/it/cluster:

| what happens | test |
|---|---|
";
