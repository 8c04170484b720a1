use super::*;
use assessment::Reason;

const FAST: Duration = Duration::from_millis(2);
const WEB: Subject<'static> = Subject { key: "web", tenant: "solar" };

fn failed(reason: Reason, retry_after: Option<Duration>, scope: Scope) -> Written {
    Written::Failed(Failure { reason, message: String::new(), retry_after, scope })
}

/// As many failures of this reason, each of another key, of so many tenants.
fn fail_many(pace: &mut Pace, now: Instant, keys: usize, tenants: usize) {
    for number in 0..keys {
        let key = format!("key-{number}");
        let tenant = format!("tenant-{}", number % tenants);
        pace.book(
            now,
            Subject { key: &key, tenant: &tenant },
            &failed(Reason::ServerError, None, Scope::Object),
            FAST,
        );
    }
}

#[test]
fn it_doubles_until_the_first_sign_of_load() {
    let mut pace = Pace::default();
    let now = Instant::now();
    let before = pace.limit();
    (0..before).for_each(|_| pace.succeed(now, WEB, FAST));
    assert_eq!(pace.limit(), 2 * before);
}

#[test]
fn then_it_grows_by_one_a_round_up_to_its_bound() {
    let mut pace = Pace::default();
    let now = Instant::now();
    pace.push_back(now, Duration::ZERO);
    let before = pace.limit();
    let permits: Vec<Permit> = std::iter::from_fn(|| pace.begin(now)).collect();
    assert_eq!(permits.len(), before, "the limit holds");
    drop(permits);
    (0..=before).for_each(|_| pace.succeed(now, WEB, FAST));
    assert_eq!(pace.limit(), before + 1);
    (0..100_000).for_each(|_| pace.succeed(now, WEB, FAST));
    assert_eq!(pace.limit(), MAX_IN_FLIGHT as usize);
}

#[test]
fn a_push_back_of_the_api_server_halves_it_once_and_pauses() {
    let mut pace = Pace::default();
    let now = Instant::now();
    let before = pace.limit();
    for seconds in [3, 1] {
        pace.book(
            now,
            WEB,
            &failed(Reason::Busy, Some(Duration::from_secs(seconds)), Scope::Server),
            FAST,
        );
    }
    assert_eq!(pace.limit(), before / 2);
    assert!(pace.begin(now + Duration::from_secs(2)).is_none());
    assert!(pace.begin(now + Duration::from_secs(3)).is_some());
    for _ in 0..100 {
        pace.push_back(now + Duration::from_secs(10), Duration::ZERO);
    }
    assert!(pace.limit() >= 1, "it never stands still");
}

#[test]
fn nobody_is_paused_for_long() {
    let mut pace = Pace::default();
    let now = Instant::now();
    pace.book(
        now,
        WEB,
        &failed(Reason::Busy, Some(Duration::from_secs(86_400)), Scope::Server),
        FAST,
    );
    assert!(pace.begin(now + MAX_PAUSE).is_some());
}

/// One namespace, or all of one tenant, may fail as often as they like.
#[test]
fn the_failures_of_one_tenant_pause_nobody() {
    let mut pace = Pace::default();
    let now = Instant::now();
    let before = pace.limit();
    fail_many(&mut pace, now, 100, 1);
    for _ in 0..100 {
        pace.book(
            now,
            WEB,
            &failed(Reason::Refused, Some(Duration::from_secs(60)), Scope::Object),
            FAST,
        );
    }
    assert_eq!((pace.limit(), pace.pause(now)), (before, None));
}

/// What admission refuses, and what belongs to nobody, says nothing of the API server, however many
/// objects show it.
#[test]
fn denials_and_objects_of_no_tenant_pause_nobody() {
    let mut pace = Pace::default();
    let now = Instant::now();
    let before = pace.limit();
    let denied = |message: &str| {
        let (reason, message) = (Reason::ServerError, message.to_owned());
        Written::Failed(Failure { reason, message, retry_after: None, scope: Scope::Object })
    };
    let denials = [
        "admission webhook \"w\" denied the request: no",
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    ];
    for (number, message) in denials.iter().cycle().take(100).enumerate() {
        let (key, tenant) = (format!("key-{number}"), format!("tenant-{}", number % 5));
        pace.book(now, Subject { key: &key, tenant: &tenant }, &denied(message), FAST);
    }
    for number in 0..100 {
        let key = format!("key-{number}");
        let tenant = if number == 0 { "solar" } else { "" };
        let failed = failed(Reason::ServerError, None, Scope::Object);
        pace.book(now, Subject { key: &key, tenant }, &failed, FAST);
    }
    assert_eq!((pace.limit(), pace.pause(now)), (before, None));
}

#[test]
fn the_same_failure_of_several_tenants_is_about_all() {
    let mut pace = Pace::default();
    let now = Instant::now();
    fail_many(&mut pace, now, 2, 2);
    assert_eq!(pace.pause(now), None, "two keys");
    fail_many(&mut pace, now, 3, 2);
    assert!(pace.pause(now).is_some());
}

#[test]
fn a_server_that_is_down_is_asked_ever_more_rarely() {
    let mut pace = Pace::default();
    let start = Instant::now();
    let mut now = start;
    let mut asked = 0;
    while now < start + Duration::from_secs(60) {
        asked += usize::from(pace.begin(now).is_some());
        pace.fail(now);
        now += Duration::from_millis(1);
    }
    assert!((10..20).contains(&asked), "{asked}");
    assert!(pace.begin(now + LAST_PAUSE).is_some());
    pace.succeed(now + LAST_PAUSE, WEB, FAST);
    pace.fail(now + LAST_PAUSE);
    assert!(
        pace.begin(now + LAST_PAUSE + FIRST_PAUSE).is_some(),
        "a good answer is a new beginning"
    );
}

#[test]
fn a_bound_is_kept_whatever_the_limit() {
    let mut pace = Pace::at_most(Some(100.0));
    let start = Instant::now();
    let permits: Vec<Permit> =
        (0..1000).filter_map(|ms| pace.begin(start + Duration::from_millis(ms))).collect();
    assert!(permits.len() <= 8, "answers are waited for");
    pace = Pace::at_most(Some(100.0));
    let second =
        (0..1000).filter(|ms| pace.begin(start + Duration::from_millis(*ms)).is_some()).count();
    assert!((98..=103).contains(&second), "{second}");
    assert_eq!(pace.pause(start + Duration::from_secs(5)), None);
}

#[test]
fn slow_answers_of_several_tenants_slow_it_down() {
    let mut pace = Pace::default();
    let mut now = Instant::now();
    let slow = Duration::from_secs(1);
    pace.succeed(now, WEB, FAST);
    let before = pace.limit;
    for _ in 0..50 {
        now += CALM;
        pace.succeed(now, WEB, slow);
    }
    assert!(pace.limit >= before, "one namespace with a slow webhook is its own");
    for number in 0..50 {
        now += CALM;
        let tenant = format!("tenant-{}", number % 2);
        pace.succeed(now, Subject { key: &number.to_string(), tenant: &tenant }, slow);
    }
    assert!(pace.limit < before * 0.7, "{} of {before}", pace.limit);
}

/// A task that panics gives its permit back like any other.
#[test]
fn a_permit_comes_back_by_itself() {
    let mut pace = Pace::of_few(1);
    let permit = pace.begin(Instant::now()).expect("a permit");
    let task = std::thread::spawn(move || {
        let _permit = permit;
        panic!("on purpose");
    });
    assert!(task.join().is_err());
    assert_eq!(pace.under_way(), 0);
}
