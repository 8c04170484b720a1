//! Shrinking: from a schedule that fails to the shortest one that still does, by leaving out
//! halves, quarters … single steps, and then waits. The caller plays each attempt and says whether
//! it failed.

use std::time::Duration;

use super::schedule::Schedule;

/// See the module.
#[derive(Debug)]
pub struct Shrinking {
    best: Schedule,
    /// How many steps the next attempt leaves out, from which on. 0 when only waits are left to be
    /// tried.
    size: usize,
    at: usize,
    /// Whether single steps could be left out in this pass: then another pass may find more.
    progress: bool,
    attempts: usize,
}

impl Shrinking {
    /// A schedule that fails, and how many attempts are allowed.
    pub fn new(failing: Schedule, attempts: usize) -> Self {
        let size = failing.steps.len().div_ceil(2);
        Self { best: failing, size, at: 0, progress: false, attempts }
    }

    /// The next one to be played.
    pub fn attempt(&mut self) -> Option<Schedule> {
        self.attempts = self.attempts.checked_sub(1)?;
        while self.nothing_here() {
            self.at = match (self.at < self.best.steps.len(), self.size) {
                (true, _) => self.at + 1,
                (false, 0) => return None,
                (false, 1) if std::mem::take(&mut self.progress) => 0,
                (false, size) => {
                    self.size = size / 2;
                    0
                }
            };
        }
        let mut steps = self.best.steps.clone();
        if self.size > 0 {
            let end = (self.at + self.size).min(steps.len());
            drop(steps.drain(self.at..end));
        } else if let Some(step) = steps.get_mut(self.at) {
            step.after = Duration::ZERO;
        }
        Some(self.best.with(steps))
    }

    /// Whether all is tried at this size, or this step's wait is none already.
    fn nothing_here(&self) -> bool {
        self.best.steps.get(self.at).is_none_or(|step| self.size == 0 && step.after.is_zero())
    }

    /// Whether the attempt failed as well.
    pub fn record(&mut self, attempt: Schedule, fails: bool) {
        let shorter = attempt.steps.len() < self.best.steps.len();
        if !fails {
            self.at += self.size.max(1);
            return;
        }
        if shorter {
            self.progress |= self.size == 1;
        } else {
            self.at += 1;
        }
        self.best = attempt;
    }

    /// The shortest so far.
    pub fn best(self) -> Schedule {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Event, Part};
    use super::super::schedule::Layer;
    use super::*;

    fn shortest(
        failing: Schedule,
        attempts: usize,
        fails: impl Fn(&Schedule) -> bool,
    ) -> (Schedule, usize) {
        let (mut shrinking, mut played) = (Shrinking::new(failing, attempts), 0);
        while let Some(attempt) = shrinking.attempt() {
            played += 1;
            let failed = fails(&attempt);
            shrinking.record(attempt, failed);
        }
        (shrinking.best(), played)
    }

    #[test]
    fn two_steps_that_belong_together_are_all_that_is_left() {
        let kills = |schedule: &Schedule, part| {
            schedule.steps.iter().position(|step| step.event == Event::Kill(part))
        };
        let fails = |schedule: &Schedule| matches!((kills(schedule, Part::One), kills(schedule, Part::Two)), (Some(one), Some(two)) if one < two);
        let failing = (0..)
            .map(|seed| Schedule::roll(Layer::Memory, seed, 60))
            .find(|schedule| fails(schedule))
            .expect("one");
        let (best, played) = shortest(failing, 1000, fails);
        let seed = best.seed;
        assert_eq!(best.to_string(), format!("memory {seed}: 0 kill one; 0 kill two"));
        assert!(played < 100, "{played}");
    }

    #[test]
    fn attempts_are_bounded_and_nothing_may_be_left() {
        let failing = Schedule::roll(Layer::Memory, 1, 60);
        assert_eq!(shortest(failing.clone(), 7, |_| false), (failing.clone(), 7));
        assert!(shortest(failing, 1000, |_| true).0.steps.is_empty());
    }
}
