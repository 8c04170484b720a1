//! Decision: which mode the measurements call for, and whether it is time to change. Pure: what was
//! decided before comes in and goes out.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::measurement::{Admission, Measurement};
use super::{Auto, Mode};
use cluster::admission_policies::trial::Enforcement;
use cluster::clock::duration_text;

/// So many measurements in a row have to call for the same change, unless the guard is gone.
pub const AGREEING: u32 = 3;
/// A controller that is so far behind would do no better than the webhook.
const MAX_LAG: Duration = Duration::from_secs(60);

/// What is remembered from one measurement to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub mode: Mode,
    /// When the mode changed last.
    pub changed: Option<Timestamp>,
    /// Whether it changed because there was no guard: the way out of the webhook is not short then.
    #[serde(default)]
    pub retreated: bool,
    pub wish: Option<Wish>,
}

/// A change that measurements call for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    pub mode: Mode,
    /// How many in a row.
    pub agreeing: u32,
}

/// The mode from now on, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub mode: Mode,
    pub reason: String,
    /// Whether another mode is called for and the guard is missing.
    pub refused: bool,
    pub next: State,
}

/// What one measurement calls for.
struct Verdict {
    mode: Mode,
    reason: String,
    cause: Cause,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Numbers,
    Failing,
    Unguarded,
}

/// Decides on one more measurement.
pub fn decide(state: &State, measurement: &Measurement, auto: &Auto, now: Timestamp) -> Decision {
    let Verdict { mode, reason, cause } = judge(state.mode, measurement, auto);
    let decision =
        |mode, reason, next| Decision { mode, reason, refused: cause == Cause::Unguarded, next };
    if mode == state.mode {
        return decision(mode, reason, State { wish: None, ..state.clone() });
    }
    let before =
        state.wish.as_ref().filter(|wish| wish.mode == mode).map_or(0, |wish| wish.agreeing);
    let agreeing = before.saturating_add(1);
    // Every moment without a guard is one in which a Pod may stray.
    let wait = if agreeing < AGREEING && cause != Cause::Unguarded {
        Some(format!("{agreeing} of {AGREEING} measurements agree"))
    } else {
        state
            .rest(cause, auto.hold_for, now)
            .map(|rest| format!("the last change is too young, {} to go", duration_text(rest)))
    };
    match wait {
        Some(wait) => decision(
            state.mode,
            format!("{mode} next: {reason}; {wait}"),
            State { wish: Some(Wish { mode, agreeing }), ..state.clone() },
        ),
        None => decision(
            mode,
            reason,
            State { mode, changed: Some(now), retreated: cause == Cause::Unguarded, wish: None },
        ),
    }
}

/// The same where a user has chosen: their choice, if there is a guard for it.
pub fn obey(
    state: &State,
    chosen: Mode,
    by: &str,
    guard: &Enforcement,
    now: Timestamp,
) -> Decision {
    let refusal = guard.refusal().filter(|_| chosen != Mode::Webhook);
    // Not knowing is no reason to undo what was right a moment ago.
    let unknown = matches!(guard, Enforcement::Unknown { .. }) && state.mode == chosen;
    let (mode, reason) = match refusal.filter(|_| !unknown) {
        None => (chosen, by.to_owned()),
        Some(why) => (Mode::Webhook, format!("{by} is refused: {why}")),
    };
    let changed = if mode == state.mode { state.changed } else { Some(now) };
    let refused = mode != chosen;
    Decision {
        mode,
        reason,
        refused,
        next: State { mode, changed, retreated: refused, wish: None },
    }
}

impl State {
    /// How long the change has to wait yet.
    fn rest(&self, cause: Cause, hold: Duration, now: Timestamp) -> Option<Duration> {
        let at_once = cause == Cause::Unguarded || cause == Cause::Failing && !self.retreated;
        let hold = SignedDuration::try_from(hold).unwrap_or(SignedDuration::MAX);
        let rest = hold.saturating_sub(now.duration_since(self.changed?));
        Duration::try_from(rest).ok().filter(|rest| !at_once && !rest.is_zero())
    }
}

/// What is wanted, if there is a guard for it. Without one the webhook is the only way that keeps
/// the promise, and it is high time where another is in force.
fn judge(mode: Mode, measurement: &Measurement, auto: &Auto) -> Verdict {
    let wanted = want(mode, measurement, auto);
    let gone = mode != Mode::Webhook && matches!(measurement.guard, Enforcement::Missing { .. });
    match &measurement.guard {
        _ if wanted.mode == Mode::Webhook && !gone => wanted,
        Enforcement::Enforced | Enforcement::Waived => wanted,
        Enforcement::Unknown { .. } if mode != Mode::Webhook => Verdict { mode, ..wanted },
        guard => {
            let why = guard.refusal().unwrap_or_default();
            let refused = if wanted.mode == Mode::Webhook { mode } else { wanted.mode };
            Verdict {
                mode: Mode::Webhook,
                reason: format!("{refused} is refused: {why} ({})", wanted.reason),
                cause: Cause::Unguarded,
            }
        }
    }
}

fn want(mode: Mode, measurement: &Measurement, auto: &Auto) -> Verdict {
    let verdict = |mode, reason| Verdict { mode, reason, cause: Cause::Numbers };
    let (probes, failures, fault) = match &measurement.admission {
        Admission::Unknown { why } => {
            return verdict(mode, format!("the webhook's health is not known: {why}"));
        }
        Admission::Probed { probes, failures, fault, .. } => {
            (*probes, *failures, fault.as_deref().unwrap_or_default())
        }
    };
    let failed = format!("{failures} of {probes} probes of the webhook failed: {fault}");
    if failures * 2 > probes {
        return Verdict { mode: Mode::Controller, reason: failed, cause: Cause::Failing };
    }
    if failures > 0 {
        return verdict(mode, failed);
    }
    match over(mode, measurement, auto) {
        Some(why) if mode == Mode::Webhook && measurement.lag > MAX_LAG => verdict(
            mode,
            format!(
                "{why}, but the controller itself is {} behind",
                duration_text(measurement.lag)
            ),
        ),
        Some(why) => verdict(Mode::Hybrid, why),
        None => verdict(
            Mode::Webhook,
            format!(
                "the webhook answers, and nothing is over its threshold: {}",
                measurement.describe()
            ),
        ),
    }
}

/// Which threshold is passed. In `hybrid`, the lower one counts.
fn over(mode: Mode, measurement: &Measurement, auto: &Auto) -> Option<String> {
    let limits = auto.in_mode(mode);
    let Admission::Probed { latency, .. } = &measurement.admission else { return None };
    let (namespaces, rate) = (measurement.namespaces, measurement.creations_per_second);
    let over = [
        (namespaces > limits.namespaces)
            .then(|| format!("{namespaces} namespaces are over {}", limits.namespaces)),
        (rate > limits.creations_per_second).then(|| {
            format!("{rate:.1} creations a second are over {}", limits.creations_per_second)
        }),
        (*latency > limits.admission_latency).then(|| {
            format!(
                "the webhook adds {}, over {}",
                duration_text(*latency),
                duration_text(limits.admission_latency)
            )
        }),
    ];
    let over: Vec<String> = over.into_iter().flatten().collect();
    (!over.is_empty()).then(|| over.join("; "))
}

#[cfg(test)]
mod tests;
