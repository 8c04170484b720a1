//! Campaign: many schedules, one after the other, and the shortest form of the first that fails.

use std::env;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

use chaos::campaign::{SCHEDULE, SECONDS, SEED, STEPS, TEST};
use chaos::{Laws, Layer, Schedule, Shrinking, Tally};

use super::play;

/// Steps of a schedule.
const LENGTH: usize = 40;
/// Schedules of the short form: seeds that are always the same, and some that never are.
const FIXED: u64 = 40;
const NEW: u64 = 4;
/// How often progress is reported.
const TOLD: usize = 100;
/// How many schedules may be played to shorten one.
const ATTEMPTS: usize = 400;

/// What is to be played.
enum Order {
    Short,
    One(Schedule),
    From { seed: u64, time: Duration },
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

impl Order {
    fn read() -> Self {
        match (variable(SCHEDULE), variable(SECONDS)) {
            (Some(schedule), _) => Self::One(schedule),
            (None, Some(seconds)) => Self::From {
                seed: variable(SEED).unwrap_or_else(now),
                time: Duration::from_secs(seconds),
            },
            (None, None) => Self::Short,
        }
    }

    fn schedules(self) -> Box<dyn Iterator<Item = Schedule>> {
        let steps = variable(STEPS).unwrap_or(LENGTH);
        let roll = move |seed| Schedule::roll(Layer::Memory, seed, steps);
        match self {
            Self::One(schedule) => Box::new([schedule].into_iter()),
            Self::Short => {
                let new = now().wrapping_mul(NEW);
                Box::new((0..FIXED).chain(new..new + NEW).map(roll))
            }
            Self::From { seed, time } => {
                let end = Instant::now() + time;
                Box::new((seed..).map(roll).take_while(move |_| Instant::now() < end))
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The shortest schedule that fails, and how, in words by which it can be played again.
pub(super) fn report(failing: &Schedule, laws: &Laws) -> String {
    let (mut shrinking, mut found) =
        (Shrinking::new(failing.clone(), ATTEMPTS), laws.violations().to_vec());
    while let Some(attempt) = shrinking.attempt() {
        let laws = play(&attempt);
        let fails = !laws.violations().is_empty();
        if fails {
            found = laws.violations().to_vec();
        }
        shrinking.record(attempt, fails);
    }
    let shortest = shrinking.best();
    let found = found.join("\n  ");
    format!(
        "seed {} breaks a law:\n  {found}\nshortest schedule: {shortest}\nagain: make chaos ARGS='--schedule \"{shortest}\"'",
        failing.seed
    )
}

#[test]
fn random_schedules_keep_the_laws() {
    let mut tally = Tally::default();
    for (number, schedule) in (1..).zip(Order::read().schedules()) {
        let laws = play(&schedule);
        assert!(laws.violations().is_empty(), "{}", report(&schedule, &laws));
        tally.count(&schedule, &laws);
        if number % TOLD == 0 {
            eprintln!("· memory: {number} schedules, the last one of seed {}", schedule.seed);
        }
    }
    println!("memory: no law was broken in {tally}");
}

/// By another name, `local-cluster chaos` would run no test and find no fault.
#[test]
fn the_campaign_has_the_name_that_it_is_called_by() {
    assert_eq!(
        concat!(module_path!(), "::random_schedules_keep_the_laws"),
        format!("controller::{TEST}")
    );
}
