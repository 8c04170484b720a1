//! Schedule: what happens and when, rolled from a seed, printed in one line, and read back from it.
//!
//! ```text
//! memory 7: 0 create web-1 solar; 250 tenant solar 3; 1500 kill one
//! layer  seed  milliseconds after the step before, and the event
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::dice::Dice;
use super::event::{
    Event, EventError, NAMESPACES, Namespace, PLURALS, Part, Reaction, Subject, TENANTS, Tampering,
};
use super::spec::FORMS;

/// Where a schedule is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The controller's parts on an API server in memory, under a clock that jumps.
    Memory,
    /// Processes: etcd, API server, scheduler, policy server, controllers.
    Cluster,
}

/// An event, and how long after the one before it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub after: Duration,
    pub event: Event,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub layer: Layer,
    /// What it was rolled from; only a name for one that was written or shortened by hand.
    pub seed: u64,
    pub steps: Vec<Step>,
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("{0:?} is no beginning of a schedule: write `memory SEED: ` or `cluster SEED: `")]
    Head(String),
    #[error(transparent)]
    Event(#[from] EventError),
}

/// Kinds of events that are rolled, and how often.
type Weights = &'static [(u32, Roll)];
type Roll = fn(&mut Dice) -> Option<Event>;

const OBJECTS: [(u32, Roll); 8] = [
    (16, |dice| Some(Event::Create(namespace(dice), tenant(dice)?))),
    (12, |dice| Some(Event::Pod(namespace(dice)))),
    (5, |dice| Some(Event::Edit(namespace(dice)))),
    (4, |dice| Some(Event::Move(namespace(dice), tenant(dice)?))),
    (4, |dice| Some(Event::Delete(namespace(dice)))),
    (8, |dice| Some(Event::Tamper(namespace(dice), tampering(dice)?))),
    (9, |dice| Some(Event::Tenant(tenant(dice)?, form(dice)))),
    (3, |dice| Some(Event::Drop(tenant(dice)?))),
];

const MEMORY: Weights = &[
    (4, |dice| Some(Event::PushBack(1 + dice.below(20)))),
    (3, |dice| Some(Event::Fail(1 + dice.below(10)))),
    (3, |dice| Some(Event::LoseAnswers(1 + dice.below(3)))),
    (3, |dice| Some(Event::Slow(dice.below(400)))),
    (4, |_| Some(Event::BreakWatches)),
    (1, |dice| Some(Event::ExpirePages(1 + dice.below(3)))),
    (3, |_| Some(Event::Forget)),
    (3, |dice| Some(Event::Jump(1 + dice.below(120)))),
    (3, |dice| Some(Event::Kill(controller(dice)?))),
    (3, |dice| Some(Event::Freeze(controller(dice)?))),
    (3, |dice| Some(Event::Thaw(controller(dice)?))),
    (6, |dice| Some(Event::Start(controller(dice)?))),
    (8, |dice| Some(Event::Admit(subject(dice)?, namespace(dice), reaction(dice)?, lasting(dice)))),
    (2, |dice| Some(Event::Recreate(namespace(dice), tenant(dice)?))),
    (2, |dice| Some(Event::ReadLate(1 + dice.below(3)))),
    (2, |dice| Some(Event::RefuseLists(dice.pick(&PLURALS)?, code(dice)?, 1 + dice.below(3)))),
    (1, |_| Some(Event::Withdraw)),
    (2, |_| Some(Event::Define)),
    (2, |_| Some(Event::Snapshot)),
    (2, |_| Some(Event::Restore)),
];

const CLUSTER: Weights = &[
    (2, |dice| Some(Event::PushBack(5 + dice.below(30)))),
    (2, |dice| Some(Event::Slow(dice.below(150)))),
    (3, |_| Some(Event::BreakWatches)),
    (2, |_| Some(Event::Garbage)),
    (4, |dice| Some(Event::Kill(process(dice)?))),
    (4, |dice| Some(Event::Freeze(process(dice)?))),
    (6, |dice| Some(Event::Thaw(process(dice)?))),
    (6, |dice| Some(Event::Start(process(dice)?))),
];

/// Waits between two steps, in milliseconds: most are none or short. Only a clock that jumps can
/// wait long.
const MEMORY_WAITS: [(u32, u32); 5] = [(8, 1), (4, 50), (4, 1000), (3, 6000), (1, 60_000)];
const CLUSTER_WAITS: [(u32, u32); 3] = [(6, 1), (8, 300), (2, 2000)];

fn namespace(dice: &mut Dice) -> Namespace {
    Namespace(u8::try_from(dice.below(NAMESPACES.into())).unwrap_or_default())
}

fn tenant(dice: &mut Dice) -> Option<&'static str> {
    dice.pick(&TENANTS)
}

fn form(dice: &mut Dice) -> u8 {
    u8::try_from(dice.below(FORMS.into())).unwrap_or_default()
}

fn tampering(dice: &mut Dice) -> Option<Tampering> {
    dice.pick(&[Tampering::Selector, Tampering::Label, Tampering::Ledger, Tampering::Wipe])
}

fn subject(dice: &mut Dice) -> Option<Subject> {
    dice.weigh(&[(2, Subject::Namespace), (1, Subject::Pods)])
}

fn reaction(dice: &mut Dice) -> Option<Reaction> {
    dice.pick(&Reaction::all())
}

/// Half of them last until all else is at rest.
fn lasting(dice: &mut Dice) -> u32 {
    if dice.below(2) == 0 { 0 } else { 1 + dice.below(120) }
}

fn code(dice: &mut Dice) -> Option<u16> {
    dice.pick(&[403, 404])
}

fn controller(dice: &mut Dice) -> Option<Part> {
    dice.weigh(&[(3, Part::One), (3, Part::Two), (1, Part::Usurper)])
}

fn process(dice: &mut Dice) -> Option<Part> {
    dice.weigh(&[
        (3, Part::One),
        (2, Part::Two),
        (1, Part::ApiServer),
        (2, Part::Etcd),
        (2, Part::Policy),
    ])
}

impl Schedule {
    /// The schedule of this seed: always the same for the same number of steps.
    pub fn roll(layer: Layer, seed: u64, steps: usize) -> Self {
        let mut dice = Dice::new(seed);
        let (faults, waits): (Weights, &[(u32, u32)]) = match layer {
            Layer::Memory => (MEMORY, &MEMORY_WAITS),
            Layer::Cluster => (CLUSTER, &CLUSTER_WAITS),
        };
        let all: Vec<(u32, Roll)> = OBJECTS.iter().chain(faults).copied().collect();
        let mut step = |number: usize| {
            let most = dice.weigh(waits).unwrap_or_default();
            let after = Duration::from_millis(dice.below(most).into());
            // Most of what can happen needs namespaces.
            let first = u8::try_from(number).ok().filter(|number| *number < NAMESPACES);
            let event = match first {
                Some(number) => Event::Create(Namespace(number), tenant(&mut dice)?),
                None => dice.weigh(&all)?(&mut dice)?,
            };
            Some(Step { after, event })
        };
        Self { layer, seed, steps: (0..steps).filter_map(&mut step).collect() }
    }

    /// The same with other steps.
    pub fn with(&self, steps: Vec<Step>) -> Self {
        Self { steps, ..self.clone() }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Cluster => "cluster",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.after.as_millis(), self.event)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.steps.iter().map(Step::to_string).collect();
        write!(f, "{} {}: {}", self.layer, self.seed, steps.join("; "))
    }
}

impl FromStr for Step {
    type Err = EventError;

    /// Without a number, the step comes at once.
    fn from_str(text: &str) -> Result<Self, EventError> {
        let text = text.trim();
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match first.parse() {
            Ok(ms) => Ok(Self { after: Duration::from_millis(ms), event: rest.parse()? }),
            Err(_) => Ok(Self { after: Duration::ZERO, event: text.parse()? }),
        }
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let head = || ScheduleError::Head(text.chars().take(40).collect());
        let (first, steps) = text.split_once(':').ok_or_else(head)?;
        let (layer, seed) = match *first.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["memory", seed] => (Layer::Memory, seed.parse().map_err(|_| head())?),
            ["cluster", seed] => (Layer::Cluster, seed.parse().map_err(|_| head())?),
            _ => return Err(head()),
        };
        let steps = steps.split(';').filter(|step| !step.trim().is_empty()).map(str::parse);
        Ok(Self { layer, seed, steps: steps.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for layer in [Layer::Memory, Layer::Cluster] {
            for seed in 0..50 {
                let schedule = Schedule::roll(layer, seed, 40);
                assert_eq!(schedule.steps.len(), 40);
                assert_eq!(schedule.to_string().parse(), Ok(schedule));
            }
        }
        let written: Schedule =
            "memory 3: sabotage key web-1; 5 tamper web-2 wipe;".parse().expect("a schedule");
        assert_eq!(written.to_string(), "memory 3: 0 sabotage key web-1; 5 tamper web-2 wipe");
    }

    #[test]
    fn what_is_no_schedule_says_so() {
        let error = |text: &str| text.parse::<Schedule>().expect_err("no schedule").to_string();
        assert!(error("seed 7: edit web-1").contains("write `memory SEED: `"));
        assert!(
            error("memory 7: edit web-x")
                .contains("\"edit web-x\" is no event: write one of create web-N TENANT")
        );
    }

    #[test]
    fn every_kind_is_rolled() {
        let kinds = |layer| {
            let all = (0..200).flat_map(|seed| Schedule::roll(layer, seed, 40).steps);
            all.map(|step| step.event.kind()).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!((kinds(Layer::Memory), kinds(Layer::Cluster)), (28, 16));
    }
}
