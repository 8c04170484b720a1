//! Cases: schedules that broke a law once, and some that do on purpose.

use chaos::{Layer, Schedule};

use super::{play, report};

fn play_text(text: &str) -> Vec<String> {
    play(&text.parse().expect("a schedule")).violations().to_vec()
}

/// Found as seed 8: the list that came back empty was believed to be wrong for ever.
#[test]
fn tenants_that_were_all_lost_unseen_are_given_up_once_another_is_there() {
    let lost = "memory 8: create web-3 solar; 5000 forget; drop solar; drop nova; drop lunar; 60000 tenant nova 0";
    assert_eq!(play_text(lost), Vec::<String>::new());
}

/// Found as seed 18: a key that was to be removed, and that admission put back each time, was taken
/// out of the ledger all the same, and so it stayed for ever.
#[test]
fn a_contested_key_is_removed_once_nobody_puts_it_back() {
    let reverted =
        "memory 18: create web-0 nova; 28 admit namespace web-0 revert 80; tenant nova 4";
    assert_eq!(play_text(reverted), Vec::<String>::new());
}

/// Found as seed 1051: a controller that was cut off while etcd was restored, and whose watches
/// ended without an error, waited for versions of long ago.
#[test]
fn a_restore_that_a_frozen_controller_has_missed_is_noticed() {
    let missed =
        "memory 1051: snapshot; 4102 freeze one; 5577 pod web-5; restore; 8211 tenant nova 4";
    assert_eq!(play_text(missed), Vec::<String>::new());
}

/// Found as seed 17959672176: the version to go on from, which only the watcher knew, was ahead of
/// the restored state, and so what was created then was never seen.
#[test]
fn a_restore_that_no_version_shows_is_noticed() {
    let unseen = "memory 17959672176: create web-1 lunar; 666 jump 24; snapshot; \
                  refuse-lists tenants 403 3; 3176 drop lunar; restore; pod web-1";
    assert_eq!(play_text(unseen), Vec::<String>::new());
}

/// Found as seed 17959798861: so little had changed since the backup that versions had grown past
/// those that were known before anybody looked. The Lease shows it.
#[test]
fn a_restore_that_versions_have_grown_past_is_noticed() {
    let unseen = "memory 17959798861: 353 pod web-1; 874 lose-answers 3; 0 snapshot; 0 forget; \
                  35734 freeze one; 0 restore; 1760 edit web-2; 550 break-watches; 0 create web-1 nova";
    assert_eq!(play_text(unseen), Vec::<String>::new());
}

/// Found as seed 777096: each attempt at a namespace that admission denies was followed by one to
/// withdraw it.
#[test]
fn a_denied_withdrawal_is_within_the_bound_of_tries() {
    let denied =
        "memory 777096: 0 create web-5 nova; 48337 drop nova; 0 admit namespace web-5 422 0";
    assert_eq!(play_text(denied), Vec::<String>::new());
}

/// One that fails among many that do not is found, and what has nothing to do with it is left out.
#[test]
fn a_broken_law_is_reported_with_the_shortest_schedule() {
    let cases = [
        ("sabotage key web-7", "foreign key", "0 create web-7 solar; 0 sabotage key web-7"),
        ("sabotage loss web-7", "lost namespace", "0 create web-7 solar; 0 sabotage loss web-7"),
        (
            "sabotage placement web-7",
            "foreign placement",
            "0 create web-7 solar; 0 sabotage placement web-7",
        ),
        ("sabotage hammer web-7", "tries", "0 create web-7 solar; 0 sabotage hammer web-7"),
        (
            "admit namespace web-7 503 0; sabotage mute web-7",
            "report",
            "0 create web-7 solar; 0 admit namespace web-7 503 0; 0 sabotage mute web-7",
        ),
        (
            "admit namespace web-7 503 0; sabotage stall web-7",
            "delay",
            "0 admit namespace web-7 503 0; 0 sabotage stall web-7",
        ),
    ];
    for (sabotage, law, shortest) in cases {
        let around = Schedule::roll(Layer::Memory, 3, 12);
        let planted: Schedule =
            format!("memory 3: create web-7 solar; {sabotage}").parse().expect("a schedule");
        let mut steps = around.steps.clone();
        steps.splice(6..6, planted.steps);
        let failing = around.with(steps);
        let report = report(&failing, &play(&failing));
        assert!(report.starts_with(&format!("seed 3 breaks a law:\n  {law}: ")), "{report}");
        assert!(
            report.contains(&format!("\nshortest schedule: memory 3: {shortest}\n")),
            "{report}"
        );
    }
}
