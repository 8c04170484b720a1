//! Term: what a replica does about the strategy for as long as it leads – measure, decide, put the
//! mode in place, tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kube::Error;
use kube::runtime::events::EventType;
use tenancy::settings::Settings;
use thiserror::Error as ThisError;

use super::decision::Decision;
use super::measurement::Measurement;
use super::metrics::StrategyMetrics;
use super::record::{Change, Record};
use super::{Mode, Strategy, choose, conditions};
use crate::context::Context;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{Outcomes, Payer, Report, Topic, policy_reference};
use crate::strategy::probe::Probe;
use crate::supervisor::Pulse;
use cluster::admission_policies::trial;
use cluster::admission_policies::trial::Enforcement;
use cluster::clock;
use cluster::error::message;
use cluster::lease::Leadership;
use cluster::policy::{Pin, Policy};

/// How often it is looked whether something is due.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// After an error, and where no strategy is set and the old one could not be taken away.
const RETRY_INTERVAL: Duration = Duration::from_secs(15);

/// Why nothing could be decided or applied.
#[derive(Debug, ThisError)]
enum StrategyError {
    #[error(
        "there is no ClusterAdmissionPolicy {0:?}, whose matchConditions a strategy is written into: name yours with --policy"
    )]
    NoPolicy(String),
    #[error("{what}: {message} (rights: the roles `landlord:strategy`)")]
    Api { what: &'static str, message: String },
}

/// What the leader does about strategies.
pub struct Strategies {
    pub context: Context,
    pub leadership: Leadership,
    /// The ClusterAdmissionPolicy's name.
    pub policy: String,
    /// Of the record.
    pub namespace: String,
    pub without_guard: bool,
    pub metrics: StrategyMetrics,
}

/// What is known for as long as this replica leads.
#[derive(Default)]
struct Term {
    strategy: Option<Arc<Strategy>>,
    probe: Probe,
    record: Option<Record>,
    /// `None` is now.
    due: Option<Instant>,
    /// Whether it was told that the guard is missing.
    refused: bool,
    /// Whether there is nothing left of an earlier strategy.
    withdrawn: bool,
    complaint: Option<String>,
}

impl Strategies {
    /// Does not return.
    pub async fn run(self, pulse: Pulse) {
        let mut term = Term::default();
        loop {
            pulse.beat();
            tokio::time::sleep(CHECK_INTERVAL).await;
            if !self.leadership.holds() || !self.context.readiness.is_complete() {
                self.metrics.clear();
                term = Term::default();
                continue;
            }
            term.follow(self.context.reconciler.shared().strategy.clone());
            if term.due.is_some_and(|due| due > clock::now()) {
                continue;
            }
            let began = clock::now();
            let (outcome, wait) = match term.strategy.clone() {
                Some(strategy) => (self.step(&mut term, &strategy).await, strategy.auto.period),
                None => (self.withdraw(&mut term).await, RETRY_INTERVAL),
            };
            term.due = Some(began + wait);
            term.complain(outcome);
        }
    }

    /// Measures once, decides, and puts the mode in place.
    async fn step(&self, term: &mut Term, strategy: &Strategy) -> Result<(), StrategyError> {
        let settings = Arc::clone(self.context.reconciler.shared().store.settings());
        let mut policy =
            self.read().await?.ok_or_else(|| StrategyError::NoPolicy(self.policy.clone()))?;
        let mut record = match term.record.take() {
            Some(record) => record,
            None => Record::read(&self.context.client, &self.namespace)
                .await
                .map_err(api("the record cannot be read"))?,
        };
        record.state.mode = policy.mode.unwrap_or_default();
        // Anyone who applied the policy anew has taken the condition away, and the probes need it.
        self.apply(&mut policy, record.state.mode, strategy, &settings).await?;
        let guard = self.guard(policy.pin, &settings).await;
        let measurement =
            term.probe.measure(&self.context.client, &self.context.reconciler, guard).await;
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        let decision = choose(strategy, policy.pin, &record.state, &measurement, now);
        if !self.leadership.holds() {
            return Ok(());
        }
        self.apply(&mut policy, decision.mode, strategy, &settings).await?;
        let change = record.note(&decision, measurement.clone(), now);
        self.report_decision(term, &policy, &decision, &measurement, change).await;
        let written = record
            .write(&self.context.client, &self.namespace)
            .await
            .map_err(api("the record cannot be written"));
        term.record = Some(record);
        written
    }

    /// No strategy is set any more: the webhook is asked about everything again.
    async fn withdraw(&self, term: &mut Term) -> Result<(), StrategyError> {
        if term.withdrawn {
            return Ok(());
        }
        self.metrics.clear();
        if let Some(mut policy) = self.read().await? {
            policy
                .withdraw(&self.context.client)
                .await
                .map_err(api("the condition cannot be taken away"))?;
        }
        term.withdrawn = true;
        Ok(())
    }

    async fn read(&self) -> Result<Option<Policy>, StrategyError> {
        Policy::read(&self.context.client, &self.policy)
            .await
            .map_err(api("the ClusterAdmissionPolicy cannot be read"))
    }

    async fn apply(
        &self,
        policy: &mut Policy,
        mode: Mode,
        strategy: &Strategy,
        settings: &Settings,
    ) -> Result<(), StrategyError> {
        let expression = conditions::expression(mode, &strategy.critical, settings);
        policy
            .apply(&self.context.client, mode, &expression)
            .await
            .map_err(api("the condition cannot be written"))
    }

    async fn guard(&self, pin: Option<Pin>, settings: &Settings) -> Enforcement {
        let guard = trial::check(&self.context.client, settings).await;
        let waived = self.without_guard || pin.is_some_and(|pin| pin.without_guard);
        if waived && guard != Enforcement::Enforced { Enforcement::Waived } else { guard }
    }

    /// Log, metrics, Events.
    async fn report_decision(
        &self,
        term: &mut Term,
        policy: &Policy,
        decision: &Decision,
        measurement: &Measurement,
        change: Option<Change>,
    ) {
        let outcomes = self.context.reconciler.outcomes();
        self.metrics.show(decision.mode);
        self.metrics.measured(measurement);
        tracing::debug!(
            mode = decision.mode.word(),
            reason = decision.reason,
            measured = measurement.describe(),
            "strategy"
        );
        let refused_before = std::mem::replace(&mut term.refused, decision.refused);
        if decision.refused && !refused_before {
            tracing::warn!(
                mode = decision.mode.word(),
                reason = decision.reason,
                "strategy refused"
            );
            announce(
                outcomes,
                policy,
                EventType::Warning,
                "StrategyRefused",
                decision.reason.clone(),
            );
        }
        let Some(Change { from, to, reason, .. }) = change else { return };
        self.metrics.change();
        tracing::info!(from = from.word(), to = to.word(), reason, "strategy changed");
        announce(
            outcomes,
            policy,
            EventType::Normal,
            "StrategyChanged",
            format!("{from} → {to}: {reason}"),
        );
        if measurement.guard == Enforcement::Waived && to != Mode::Webhook {
            let note = format!(
                "{to} without a guard: until the controller has been there, Pods of new namespaces may run on any node"
            );
            tracing::error!(mode = to.word(), "{note}");
            announce(outcomes, policy, EventType::Warning, "StrategyWithoutGuard", note);
        }
    }
}

impl Term {
    /// Another strategy counts at once.
    fn follow(&mut self, strategy: Option<Arc<Strategy>>) {
        if self.strategy != strategy {
            (self.due, self.withdrawn) = (None, false);
            self.strategy = strategy;
        }
    }

    /// The same trouble again is not told again.
    fn complain(&mut self, outcome: Result<(), StrategyError>) {
        let complaint = outcome.err().map(|error| error.to_string());
        if let Some(error) =
            complaint.as_ref().filter(|error| Some(*error) != self.complaint.as_ref())
        {
            tracing::warn!(error, "strategy not carried out");
        }
        self.complaint = complaint;
    }
}

/// Says of the policy that its strategy changed, or would have; a warning is for action.
fn announce(outcomes: &Outcomes, policy: &Policy, type_: EventType, reason: &str, note: String) {
    let sort = if type_ == EventType::Warning { Sort::Trouble } else { Sort::Notice };
    outcomes.note(|| Entry::new(sort, reason, &policy.name, &note));
    outcomes.publish(Report {
        about: policy_reference(&policy.name, &policy.uid),
        topic: Topic::Fault,
        payer: &Payer::Controller,
        type_,
        reason,
        note,
    });
}

fn api(what: &'static str) -> impl Fn(Error) -> StrategyError {
    move |error| StrategyError::Api { what, message: message(&error) }
}
