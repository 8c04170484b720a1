//! Form: which form of the guard the API server can have. It is found out at the start, from time
//! to time, and when a kind is not served any more.

use std::time::Duration;

use cluster::admission_policies::kinds::read_served;
use cluster::clock::{self, ANSWER_TIMEOUT};
use cluster::error::message;
use cluster::webhooks;
use guard::form::{Form, Served, Webhook};
use kube::Error;

use super::Keeper;
use crate::readiness::GUARD;
use crate::supervisor::Pulse;

/// How often it is found out anew.
pub(super) const FORM_INTERVAL: Duration = Duration::from_secs(10);
/// So many times in a row the API server has to serve more than before until that is used: while
/// several API servers are updated, one may answer that has it and the next may not. What is not
/// served any more is given up at once, as the form without it holds on each of them.
const UPGRADE_SIGHTINGS: u32 = 6;
/// The wait after the first failure; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);

/// What the API server has, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Discovery {
    pub(super) served: Served,
    pub(super) webhook: Webhook,
    pub(super) form: Form,
}

/// Another answer than the one that is acted on, and how often it came in a row.
#[derive(Debug, Default)]
pub(super) struct Upcoming {
    sightings: u32,
}

impl Upcoming {
    /// The discovery to go by after this answer; `None` if it is the same as before.
    pub(super) fn see(&mut self, before: Discovery, now: Discovery) -> Option<Discovery> {
        let is_upgrade = now.served.mutating > before.served.mutating && now.served.validating;
        self.sightings = if is_upgrade { self.sightings.saturating_add(1) } else { 0 };
        let is_settled = !is_upgrade || self.sightings >= UPGRADE_SIGHTINGS;
        (now != before && is_settled).then_some(now)
    }
}

impl Keeper {
    /// Waits until there is a form that can be in force.
    pub(super) async fn find_form(&self, pulse: &Pulse) -> Discovery {
        let mut failures = 0;
        loop {
            match self.discover().await {
                Ok(discovery) => return discovery,
                Err(why) => self.report_missing(why),
            }
            let wait = clock::backoff(FIRST_WAIT, failures, LAST_WAIT);
            pulse.beat_while(tokio::time::sleep(wait)).await;
            failures = failures.saturating_add(1);
        }
    }

    /// Asks the API server; an error says why no form is possible, or why that is not known.
    pub(super) async fn discover(&self) -> Result<Discovery, String> {
        let unread = |what: &str, error: &Error| format!("{what}: {}", message(error));
        let served = clock::within(ANSWER_TIMEOUT, read_served(&self.client))
            .await
            .map_err(|error| unread("what the API server serves cannot be read", &error))?;
        // Where requests can be corrected, nothing depends on it.
        let webhook = if served.mutating.is_some() || !served.validating {
            Webhook::Absent
        } else {
            let found = webhooks::of_policy(&self.client, &self.policy);
            let found = clock::within(ANSWER_TIMEOUT, found).await.map_err(|error| {
                unread(
                    "mutatingwebhookconfigurations cannot be listed (ClusterRole landlord:guard)",
                    &error,
                )
            })?;
            webhooks::asked_about_namespaces(&found)
        };
        let form = Form::select(served, webhook)
            .ok_or("the API server serves no ValidatingAdmissionPolicies v1, which Kubernetes has since 1.30")?;
        Ok(Discovery { served, webhook, form })
    }

    /// Says once why the guard cannot be in force.
    pub(super) fn report_missing(&self, why: String) {
        if self.readiness.fail(GUARD, why.clone()) {
            tracing::warn!(why, "the guard is not in force");
        }
        self.outcomes.metrics().set_guard_form(None);
    }

    /// Says which form is kept, and what that does not cover.
    pub(super) fn report_form(&self, discovery: &Discovery) {
        let Discovery { webhook, form, .. } = discovery;
        let uncovered = form.uncovered();
        if uncovered.is_empty() {
            tracing::info!(form = form.word(), "form of the guard");
        } else {
            tracing::warn!(form = form.word(), uncovered, "form of the guard");
        }
        if (*form, *webhook) == (Form::BesideWebhook, Webhook::Optional) {
            tracing::warn!(
                policy = self.policy,
                "the webhook has failurePolicy Ignore: while it does not answer, nothing judges claims; set Fail"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use guard::form::MutatingVersion::{self, V1, V1beta1};

    use super::*;

    fn discovery(mutating: Option<MutatingVersion>, webhook: Webhook) -> Discovery {
        let served = Served { mutating, validating: true };
        let form = Form::select(served, webhook).expect("a form");
        Discovery { served, webhook, form }
    }

    /// What is not served any more is given up at once; what is new has to be there for a while.
    #[test]
    fn a_newer_form_has_to_be_seen_again_and_again() {
        let old = discovery(None, Webhook::Absent);
        for new in [V1beta1, V1].map(|version| discovery(Some(version), Webhook::Absent)) {
            let mut upcoming = Upcoming::default();
            assert_eq!(upcoming.see(new, new), None);
            assert_eq!(upcoming.see(new, old), Some(old));
            for _ in 1..UPGRADE_SIGHTINGS {
                assert_eq!(upcoming.see(old, new), None);
            }
            assert_eq!(upcoming.see(old, old), None, "another API server has answered");
            for _ in 1..UPGRADE_SIGHTINGS {
                assert_eq!(upcoming.see(old, new), None);
            }
            assert_eq!(upcoming.see(old, new), Some(new));
        }
    }

    #[test]
    fn the_webhook_is_followed_at_once() {
        let (alone, beside) =
            (discovery(None, Webhook::Absent), discovery(None, Webhook::Required));
        assert_eq!(Upcoming::default().see(alone, beside), Some(beside));
        assert_eq!(Upcoming::default().see(beside, alone), Some(alone));
    }
}
