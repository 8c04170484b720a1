use super::*;
use proptest::prelude::*;
use rstest::rstest;

/// As in the defaults of the settings.
const PERIOD: u32 = 15;
const HOLD: Duration = Duration::from_secs(600);

/// A small cluster with a healthy webhook.
fn quiet() -> Measurement {
    let admission = Admission::Probed {
        probes: 3,
        failures: 0,
        latency: Duration::from_millis(5),
        fault: None,
    };
    Measurement {
        admission,
        namespaces: 120,
        creations_per_second: 0.1,
        lag: Duration::ZERO,
        guard: Enforcement::Enforced,
    }
}

fn slow(millis: u64) -> Measurement {
    let admission = Admission::Probed {
        probes: 3,
        failures: 0,
        latency: Duration::from_millis(millis),
        fault: None,
    };
    Measurement { admission, ..quiet() }
}

fn failing(failures: u32) -> Measurement {
    let fault = Some("connection refused".to_owned());
    Measurement {
        admission: Admission::Probed { probes: 3, failures, latency: Duration::ZERO, fault },
        ..quiet()
    }
}

fn unguarded() -> Enforcement {
    Enforcement::Missing { why: "a Pod got in".to_owned() }
}

/// What is measured at this minute of a story.
type Story = fn(f64) -> Measurement;

fn growth(minute: f64) -> Measurement {
    // From nothing to 20 000 in an hour, and back.
    let share = if minute < 60.0 { minute / 60.0 } else { (120.0 - minute).max(0.0) / 60.0 };
    Measurement { namespaces: (20_000.0 * share) as usize, ..quiet() }
}

fn storm(minute: f64) -> Measurement {
    let rate = if (5.0..12.0).contains(&minute) { 200.0 } else { 0.1 };
    Measurement { creations_per_second: rate, ..quiet() }
}

fn short_storm(minute: f64) -> Measurement {
    // Two measurements.
    storm(if (5.0..5.5).contains(&minute) { 6.0 } else { 0.0 })
}

fn storm_behind(minute: f64) -> Measurement {
    Measurement { lag: Duration::from_secs(90), ..storm(minute) }
}

fn slowness(minute: f64) -> Measurement {
    // At the edge from minute 10 to 30: between the two thresholds, now and then over the upper
    // one.
    match minute {
        10.0..12.0 => slow(150),
        12.0..30.0 if ((minute * 4.0) as u32).is_multiple_of(2) => slow(105),
        12.0..30.0 => slow(85),
        _ => slow(40),
    }
}

fn flapping(minute: f64) -> Measurement {
    // Two minutes up, two minutes down, for an hour.
    if minute < 60.0 && (minute / 2.0) as u32 % 2 == 1 { failing(3) } else { quiet() }
}

fn shaky(_: f64) -> Measurement {
    failing(1)
}

fn outage(minute: f64) -> Measurement {
    if (5.0..30.0).contains(&minute) { failing(3) } else { quiet() }
}

fn outage_while_large(minute: f64) -> Measurement {
    Measurement { namespaces: 20_000, ..outage(minute) }
}

fn outage_without_guard(minute: f64) -> Measurement {
    Measurement { guard: unguarded(), ..outage(minute) }
}

fn guard_deleted_in_an_outage(minute: f64) -> Measurement {
    let guard = if minute > 15.0 && minute < 16.0 { unguarded() } else { Enforcement::Enforced };
    Measurement { guard, ..outage(minute) }
}

/// What made the cluster a large one goes with it.
fn guard_deleted_in_a_large_cluster(minute: f64) -> Measurement {
    if minute < 5.0 {
        Measurement { namespaces: 20_000, ..quiet() }
    } else {
        Measurement { guard: unguarded(), ..quiet() }
    }
}

fn nothing_is_known(minute: f64) -> Measurement {
    let admission = Admission::Unknown { why: "the API server does not answer".to_owned() };
    if minute > 5.0 { Measurement { admission, ..quiet() } } else { outage(6.0) }
}

/// The changes in two hours, `minute:second mode`.
fn told(story: Story) -> Vec<String> {
    let measurements: Vec<Measurement> =
        (0..480).map(|number| story(f64::from(number * PERIOD) / 60.0)).collect();
    let line = |(at, mode, _): (u32, Mode, _)| format!("{}:{:02} {mode}", at / 60, at % 60);
    changes(&measurements).into_iter().map(line).collect()
}

/// When, to which mode and why, in seconds since the beginning.
fn changes(measurements: &[Measurement]) -> Vec<(u32, Mode, Decision)> {
    let (mut state, mut changes) = (State::default(), Vec::new());
    for (measurement, at) in measurements.iter().zip((0..).step_by(PERIOD as usize)) {
        let now = Timestamp::from_second(i64::from(at)).expect("a time");
        let decision = decide(&state, measurement, &Auto::default(), now);
        assert_eq!(decision.mode, decision.next.mode);
        if decision.mode != state.mode {
            changes.push((at, decision.mode, decision.clone()));
        }
        state = decision.next;
    }
    changes
}

#[rstest]
#[case::quiet(|_| quiet(), &[])]
// Over 5000 after 15 minutes; at 4000 again after 108.
#[case::growth_to_20000(growth, &["15:45 hybrid", "108:30 webhook"])]
// The way back waits for its ten minutes.
#[case::creation_storm(storm, &["5:30 hybrid", "15:30 webhook"])]
#[case::short_storm(short_storm, &[])]
#[case::storm_with_a_controller_behind(storm_behind, &[])]
#[case::slow_webhook(slowness, &["10:30 hybrid", "30:30 webhook"])]
// At once away from it, and back when ten minutes are over and it has been up three times in a row.
#[case::flapping_webhook(
    flapping,
    &["2:30 controller", "12:30 webhook", "14:30 controller", "24:30 webhook", "26:30 controller", "36:30 webhook", "38:30 controller",
      "48:30 webhook", "50:30 controller", "60:30 webhook"]
)]
#[case::shaky_webhook(shaky, &[])]
#[case::outage(outage, &["5:30 controller", "30:30 webhook"])]
#[case::outage_of_a_large_cluster(outage_while_large, &["0:30 hybrid", "5:30 controller", "30:30 hybrid"])]
#[case::outage_without_guard(outage_without_guard, &[])]
#[case::guard_deleted_in_an_outage(guard_deleted_in_an_outage, &["5:30 controller", "15:15 webhook", "25:15 controller", "35:15 webhook"])]
#[case::guard_deleted_in_a_large_cluster(guard_deleted_in_a_large_cluster, &["0:30 hybrid", "5:00 webhook"])]
#[case::nothing_is_known(nothing_is_known, &["0:30 controller"])]
fn modes_over_time(#[case] story: Story, #[case] expected: &[&str]) {
    assert_eq!(told(story), expected);
}

#[rstest]
#[case(failing(3), Mode::Controller, "3 of 3 probes of the webhook failed: connection refused")]
#[case(slow(150), Mode::Hybrid, "the webhook adds 150 ms, over 100 ms")]
#[case(Measurement { namespaces: 6000, ..slow(150) }, Mode::Hybrid, "6000 namespaces are over 5000; the webhook adds 150 ms")]
fn a_change_says_why(#[case] measurement: Measurement, #[case] mode: Mode, #[case] words: &str) {
    let changes = changes(&vec![measurement; 3]);
    let [(30, to, decision)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(*to, mode);
    assert!(decision.reason.contains(words), "{}", decision.reason);
}

#[rstest]
#[case(
    failing(3),
    None,
    "controller next: 3 of 3 probes of the webhook failed: connection refused; 1 of 3 measurements agree"
)]
#[case(Measurement { guard: unguarded(), ..failing(3) }, None, "controller is refused: the guard is not enforced: a Pod got in (3 of 3 probes")]
#[case(Measurement { creations_per_second: 30.0, ..quiet() }, Some(2), "hybrid next: 30.0 creations a second are over 20; the last change is too young, 8 min to go")]
#[case(
    quiet(),
    None,
    "the webhook answers, and nothing is over its threshold: 120 namespaces, 0.1 creations a second, 5 ms added"
)]
fn what_keeps_the_mode(
    #[case] measurement: Measurement,
    #[case] agreeing: Option<u32>,
    #[case] words: &str,
) {
    let at = |second: i64| Timestamp::from_second(second).expect("a time");
    let wish = agreeing.map(|agreeing| Wish { mode: Mode::Hybrid, agreeing });
    let state = State { changed: Some(at(0)), wish, ..State::default() };
    let decision = decide(&state, &measurement, &Auto::default(), at(90));
    assert_eq!(decision.mode, Mode::Webhook);
    assert!(decision.reason.starts_with(words), "{}", decision.reason);
}

#[rstest]
#[case(Enforcement::Enforced, Mode::Webhook, Mode::Hybrid, false)]
#[case(Enforcement::Waived, Mode::Webhook, Mode::Hybrid, false)]
#[case(unguarded(), Mode::Hybrid, Mode::Webhook, true)]
#[case(Enforcement::Unknown { why: String::new() }, Mode::Webhook, Mode::Webhook, true)]
#[case(Enforcement::Unknown { why: String::new() }, Mode::Hybrid, Mode::Hybrid, false)]
fn a_choice_needs_the_guard(
    #[case] guard: Enforcement,
    #[case] now_in: Mode,
    #[case] then: Mode,
    #[case] refused: bool,
) {
    let state = State { mode: now_in, ..State::default() };
    let decision =
        obey(&state, Mode::Hybrid, "mode `hybrid` of the settings", &guard, Timestamp::UNIX_EPOCH);
    assert_eq!((decision.mode, decision.refused), (then, refused), "{}", decision.reason);
    assert_eq!(decision.next.changed.is_some(), now_in != then);
}

prop_compose! {
    fn a_measurement()(
        namespaces in prop_oneof![Just(100_usize), Just(4500), Just(9000)],
        creations_per_second in prop_oneof![Just(0.0), Just(18.0), Just(50.0)],
        (failures, latency) in (prop_oneof![4 => Just(0_u32), 1 => Just(1), 4 => Just(3)], prop_oneof![Just(5_u64), Just(90), Just(200)]),
        behind in any::<bool>(),
        guard in prop_oneof![8 => Just(Enforcement::Enforced), 1 => Just(unguarded()), 1 => Just(Enforcement::Unknown { why: String::new() })],
        known in prop::bool::weighted(0.9),
        repeat in 1_usize..20,
    ) -> Vec<Measurement> {
        let admission = if known { Admission::Probed { probes: 3, failures, latency: Duration::from_millis(latency), fault: None } } else { Admission::Unknown { why: String::new() } };
        let lag = Duration::from_secs(if behind { 100 } else { 0 });
        vec![Measurement { admission, namespaces, creations_per_second, lag, guard }; repeat]
    }
}

proptest! {
    /// Changes lie apart, except away from a webhook that fails and away from a guard that is gone;
    /// and those do not chase each other.
    #[test]
    fn it_never_changes_more_often_than_allowed(parts in prop::collection::vec(a_measurement(), 1..30)) {
        let hold = HOLD.as_secs() as u32;
        let changes = changes(&parts.concat());
        for pair in changes.windows(2) {
            let ((before, _, first), (at, mode, decision)) = (&pair[0], &pair[1]);
            prop_assert!(at - before >= AGREEING * PERIOD || decision.next.retreated);
            let fled = *mode == Mode::Controller && decision.reason.contains("failed") && !first.next.retreated;
            prop_assert!(at - before >= hold || fled || decision.next.retreated, "{before} {first:?}, {at} {decision:?}");
        }
        for four in changes.windows(4) {
            prop_assert!(four[3].0 - four[0].0 >= hold, "{four:?}");
        }
    }
}
