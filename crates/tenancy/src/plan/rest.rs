//! Rest: a Capsule list item may select on a label that another item sets or drops, so one pass is
//! repeated on its own result until nothing changes. What comes out is one plan, from the namespace
//! as it is to the namespace at rest.

use std::collections::{BTreeMap, BTreeSet};

use super::pass::{Outcome, Pass};
use super::{Plan, PlanError, Subject};
use crate::collection::gather;
use crate::desired::Want;
use crate::ledger::Ledger;
use crate::metadata::{Field, Key, Metadata};
use crate::why::Why;

/// More passes than any list of items needs that does not select on its own results in a circle.
const MAX_PASSES: usize = 8;

pub(super) fn plan(
    subject: Subject<'_>,
    before: &Metadata,
    ledger: Ledger,
) -> Result<Plan, PlanError> {
    let tenant = &subject.tenant.name;
    let mut state = State { metadata: before.clone(), ledger, reasons: BTreeMap::new() };
    let mut last = Plan::default();
    let first = state.ledger.tenant != *tenant;
    for _ in 0..=MAX_PASSES {
        let Outcome { plan, ledger } =
            Pass::new(subject, &state.metadata, &state.ledger).first(first).run()?;
        if plan.is_empty() {
            return Ok(state.difference(before, plan));
        }
        state.advance(&plan, ledger);
        last = plan;
    }
    Err(PlanError::NoRest { tenant: tenant.clone(), items: items(&last) })
}

/// The namespace between two passes, and why each key is as it is.
struct State {
    metadata: Metadata,
    ledger: Ledger,
    reasons: BTreeMap<Key, Why>,
}

impl State {
    fn advance(&mut self, plan: &Plan, ledger: Ledger) {
        self.metadata = plan.apply(&self.metadata);
        self.ledger = ledger;
        let set = plan.set.iter().map(|(key, change)| (key, &change.why));
        self.reasons.extend(set.chain(&plan.remove).map(|(key, why)| (key.clone(), why.clone())));
    }

    /// `at_rest` is the last, empty pass: it says what is kept, refused and waiting.
    fn difference(self, before: &Metadata, at_rest: Plan) -> Plan {
        let mut plan = at_rest;
        for (key, why) in self.reasons {
            let was = before.field(key.field).get(&key.name);
            match self.metadata.field(key.field).get(&key.name) {
                is if is == was => {}
                Some(value) => drop(plan.set.insert(key, Want { value: value.clone(), why })),
                None => drop(plan.remove.insert(key, why)),
            }
        }
        plan
    }
}

/// The items whose keys still change, as a phrase.
fn items(last: &Plan) -> String {
    let switched =
        last.set.iter().filter(|(key, _)| key.field == Field::Label).map(|(_, change)| &change.why);
    let removed = last.remove.keys().map(|key| format!("{key} comes and goes"));
    let named: BTreeSet<String> = gather(switched.map(Why::to_string).chain(removed));
    named.into_iter().collect::<Vec<_>>().join(", ")
}
