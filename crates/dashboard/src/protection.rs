//! Protection: what in the API server keeps Pods in their pools – guard, webhook, and what gives
//! Pods their node selector. It is read when a user looks, and not more often than every few
//! seconds; nothing is written, and the one Pod that is tried is a dry run.

use std::time::{Duration, Instant};

use cluster::admission_policies::stored::Stored;
use cluster::admission_policies::trial::{GuardError, observe};
use cluster::clock;
use cluster::error::message;
use cluster::webhooks;
use controller::strategy::measurement::Admission;
use diagnostics::doctor::plugin::judge_by_flags;
use diagnostics::doctor::{Finding, State};
use guard::form::{Form, Webhook};
use kube::Error;
use tenancy::settings::Settings;
use tokio::sync::Mutex;

use super::Dashboard;
use super::view::promise::{Part, PartName, PartState};

/// How long an answer counts.
const REPORT_TTL: Duration = Duration::from_secs(15);
/// For each question to the API server; they are asked at the same time.
const TIMEOUT: Duration = Duration::from_secs(4);
/// What the policy that places Pods is called beside the one that judges namespaces.
const PODS_POLICY_SUFFIX: &str = "-pods";

/// The newest answer. Who asks meanwhile waits for it.
#[derive(Default)]
pub(super) struct ProtectionDesk(Mutex<Option<(Vec<Part>, Instant)>>);

/// What was read of the API server; an error says why something is not known.
struct Observed {
    stored: Result<Stored, String>,
    webhook: Result<Webhook, String>,
    /// Whether a policy of landlord's is asked about Pods.
    has_pods_policy: bool,
    /// Whether a tried Pod was held or refused.
    trial: Result<bool, String>,
    /// What the API servers' flags say of PodNodeSelector.
    flags: Finding,
    /// What the strategy's probes say of the webhook; `None` without a strategy.
    probes: Option<Admission>,
}

impl Dashboard {
    /// Guard, webhook and selector, in this order.
    pub(super) async fn protection(&self) -> Vec<Part> {
        let mut desk = self.protections.0.lock().await;
        if let Some((parts, at)) = desk.as_ref()
            && clock::now() < *at + REPORT_TTL
        {
            return parts.clone();
        }
        let settings = self.subject.snapshots.figures().settings;
        let observed = self.observe(&settings).await;
        let parts = vec![
            observed.judge_guard(&settings),
            observed.judge_webhook(&self.subject.policy),
            observed.judge_selector(),
        ];
        *desk = Some((parts.clone(), clock::now()));
        parts
    }

    async fn observe(&self, settings: &Settings) -> Observed {
        let (client, policy) = (&self.subject.client, &self.subject.policy);
        let pods_policy = format!("{policy}{PODS_POLICY_SUFFIX}");
        let (stored, webhooks, pods_webhooks, trial, flags, strategy) = tokio::join!(
            clock::within(TIMEOUT, Stored::read(client)),
            clock::within(TIMEOUT, webhooks::of_policy(client, policy)),
            clock::within(TIMEOUT, webhooks::of_policy(client, &pods_policy)),
            tokio::time::timeout(TIMEOUT, observe(client, settings)),
            tokio::time::timeout(TIMEOUT, judge_by_flags(client)),
            self.strategy(),
        );
        let unread = |what: &str, error: &Error| format!("{what}: {}", message(error));
        let late = |_| Err(GuardError::Unanswered(clock::late_message(TIMEOUT)));
        Observed {
            stored: stored.map_err(|error| unread("admission policies cannot be listed", &error)),
            webhook: webhooks
                .map(|found| webhooks::asked_about_namespaces(&found))
                .map_err(|error| unread("webhook configurations cannot be listed", &error)),
            has_pods_policy: pods_webhooks.is_ok_and(|found| !found.is_empty()),
            trial: trial.unwrap_or_else(late).map_err(|error| error.to_string()),
            flags: flags.unwrap_or_else(|_| unanswered_flags()),
            probes: strategy.measurement.map(|measurement| measurement.admission),
        }
    }
}

fn unanswered_flags() -> Finding {
    Finding {
        check: diagnostics::doctor::Check::PodNodeSelector,
        state: State::Unknown,
        what: clock::late_message(TIMEOUT),
        fix: None,
    }
}

impl Observed {
    fn judge_guard(&self, settings: &Settings) -> Part {
        let part = |state, says: String| Part::new(PartName::Guard, state, says);
        let stored = match &self.stored {
            Ok(stored) => stored,
            Err(error) => return part(PartState::Unknown, format!("the guard: {error}")),
        };
        // Only without policies that mutate does the form depend on the webhook.
        let form = match (&self.webhook, stored.served().mutating) {
            (Err(error), None) => return part(PartState::Unknown, format!("the guard: {error}")),
            (webhook, _) => {
                Form::select(stored.served(), webhook.as_ref().copied().unwrap_or_default())
            }
        };
        let Some(form) = form else {
            return part(
                PartState::Wrong,
                "the API server serves no ValidatingAdmissionPolicies, which the guard needs"
                    .to_owned(),
            );
        };
        let shortfall = stored.shortfall(settings, form);
        if shortfall.is_all() {
            return part(PartState::Wrong, "the guard is not installed".to_owned());
        }
        if !shortfall.is_none() {
            return part(PartState::Wrong, format!("the guard: {}", shortfall.describe()));
        }
        let word = form.word();
        match &self.trial {
            Ok(true) => part(
                PartState::Good,
                format!("the guard is enforced, in the form {word}: a tried Pod is kept out"),
            ),
            Ok(false) => part(
                PartState::Wrong,
                format!("the guard is installed, in the form {word}, and lets a tried Pod in"),
            ),
            Err(error) => part(
                PartState::Unknown,
                format!("the guard is installed, in the form {word}; it was not tried: {error}"),
            ),
        }
    }

    fn judge_webhook(&self, policy: &str) -> Part {
        let part = |state, says: String| Part::new(PartName::Webhook, state, says);
        let failure_policy = match &self.webhook {
            Err(error) => return part(PartState::Unknown, format!("the webhook: {error}")),
            Ok(Webhook::Absent) => {
                return part(
                    PartState::Unused,
                    format!("no webhook of a ClusterAdmissionPolicy {policy:?} is in force"),
                );
            }
            Ok(Webhook::Required) => "Fail",
            Ok(Webhook::Optional) => "Ignore",
        };
        match &self.probes {
            None => part(
                PartState::Unknown,
                format!(
                    "the webhook is in force with failurePolicy {failure_policy}; it is not measured: set `strategy` in the settings, or run `landlord doctor`"
                ),
            ),
            Some(Admission::Unknown { why }) => {
                part(PartState::Unknown, format!("the webhook is not measured: {why}"))
            }
            Some(Admission::Probed { failures: 0, latency, .. }) => part(
                PartState::Good,
                format!("the webhook answers, and adds {} ms", latency.as_millis()),
            ),
            Some(Admission::Probed { probes, failures, fault, .. }) => part(
                PartState::Wrong,
                format!(
                    "{failures} of {probes} probes of the webhook fail: {}",
                    fault.as_deref().unwrap_or("no reason is given")
                ),
            ),
        }
    }

    fn judge_selector(&self) -> Part {
        let part = |state, says: String| Part::new(PartName::PodNodeSelector, state, says);
        if self.stored.as_ref().is_ok_and(Stored::places_pods) {
            let says = "the guard gives Pods their namespace's node selector";
            return part(PartState::Good, says.to_owned());
        }
        if self.has_pods_policy {
            let says = "a policy gives Pods their namespace's node selector; whether it answers is not measured";
            return part(PartState::Unknown, says.to_owned());
        }
        let what = &self.flags.what;
        match self.flags.state {
            State::Good => part(
                PartState::Good,
                "the plugin PodNodeSelector is on in every API server".to_owned(),
            ),
            State::Wrong => part(PartState::Wrong, format!("the plugin PodNodeSelector: {what}")),
            State::Unknown | State::Skipped => part(
                PartState::Unknown,
                "the plugin PodNodeSelector cannot be seen from here: `landlord doctor` tries it"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
