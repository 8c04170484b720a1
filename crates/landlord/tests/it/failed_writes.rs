//! Fail closed: whenever the placement that a tenant wants is not on a namespace, and landlord cannot
//! put it there, the guard lets no Pod in, it is reported, it is tried a few times only, and when the
//! cause goes, the namespace is written and ready by itself. A neighbour of the same tenant never
//! notices. One case a kind of failure; the table of them is `docs/failed-writes.md`:
//! `UPDATE_DOCS=1 cargo test -p landlord --test it failed_writes` writes it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use assessment::Reason;
use tokio::runtime::{Builder, Handle};

mod case;
mod claims;
mod objects;
mod page;
mod stage;
mod writes;

use self::case::{Case, Group};
use self::stage::{Seen, Stage};

/// Cases that are played at a time.
const AT_A_TIME: usize = 4;

/// Every reason: a new one does not compile before it is here, and then has to have a case.
fn reasons() -> BTreeSet<Reason> {
    macro_rules! every {
        ($($reason:ident)*) => {{
            let _is_every_one = |reason: Reason| match reason { $(Reason::$reason => {})* };
            [$(Reason::$reason),*].into()
        }};
    }
    every!(AmbiguousClaim AnnotationsTooLarge Busy Conflicted Contested DoesNotComeToRest Forbidden HookRejected
           HookWarning InvalidKey InvalidNodeSelector InvalidTenant InvalidValue ObjectTooLarge PreviousTooLarge
           Refused Reverted SelectorClash ServerError Timeout Unclaimed UnknownTenant Unreachable Unverified
           WaitingForNamespace)
}

/// All of them, in the order of the page.
fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = writes::all().into_iter().chain(claims::all()).collect();
    cases.sort_by_key(|case| Group::ALL.iter().position(|group| *group == case.group));
    cases
}

/// Plays one under a clock of its own.
fn play(case: &Case, serving: &Handle) -> Seen {
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(Stage::play(case, serving))
}

/// Plays all of them, a few at a time; what was seen of each, or `None` where it failed.
fn play_all(cases: &[Case]) -> Vec<Option<Seen>> {
    let server =
        Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let next = AtomicUsize::new(0);
    let seen: Mutex<Vec<Option<Seen>>> = Mutex::new(cases.iter().map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place =
                        cases.iter().position(|one| std::ptr::eq(one, case)).expect("a place");
                    let played =
                        catch_unwind(AssertUnwindSafe(|| play(case, server.handle()))).ok();
                    seen.lock().expect("a list")[place] = played;
                }
            });
        }
    });
    seen.into_inner().expect("a list")
}

#[test]
fn what_cannot_be_written_lets_no_pod_in_and_recovers() {
    let cases = cases();
    let covered: BTreeSet<Reason> = cases.iter().filter_map(|case| case.reason).collect();
    let missing: Vec<Reason> = reasons().difference(&covered).copied().collect();
    assert_eq!(missing, [], "reasons without a case");
    let seen = play_all(&cases);
    let failed: Vec<&str> = cases
        .iter()
        .zip(&seen)
        .filter(|(_, seen)| seen.is_none())
        .map(|(case, _)| case.what.as_str())
        .collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
    let rows = cases.iter().zip(seen.into_iter().flatten()).collect::<Vec<_>>();
    page::compare(&rows);
}
