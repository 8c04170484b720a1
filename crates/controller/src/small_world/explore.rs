//! Explore: every state that can be reached, breadth first, so that what breaks a law is found by
//! the shortest way there is. A model checker's library would bring a web server and a second set
//! of the libraries that we have; this is all that is needed of one.

use std::collections::{HashMap, VecDeque};

use super::act::{self, Act};
use super::state::State;

/// How a state came about: the state before, by its number, and what was done in it.
type Step = Option<(usize, Act)>;

pub(super) struct Explored {
    pub(super) states: Vec<State>,
    steps: Vec<Step>,
}

/// All that is reached within so many acts. Nothing follows a state that breaks a law.
pub(super) fn explore(first: State, depth: usize) -> Explored {
    let mut numbers = HashMap::from([(first.clone(), 0)]);
    let mut found = Explored { states: vec![first], steps: vec![None] };
    let mut open = VecDeque::from([(0, 0)]);
    while let Some((number, taken)) = open.pop_front() {
        let state = found.states[number].clone();
        if taken == depth || state.is_broken() {
            continue;
        }
        for act in act::possible(&state) {
            let next = act.play(&state);
            if !numbers.contains_key(&next) {
                let at = found.states.len();
                numbers.insert(next.clone(), at);
                found.states.push(next);
                found.steps.push(Some((number, act)));
                open.push_back((at, taken + 1));
            }
        }
    }
    found
}

impl Explored {
    /// The acts that lead to a state.
    pub(super) fn way(&self, mut number: usize) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some((before, act)) = self.steps[number] {
            acts.push(act);
            number = before;
        }
        acts.reverse();
        acts
    }
}
