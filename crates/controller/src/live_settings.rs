//! Live settings: the document in force, from a ClusterAdmissionPolicy or from a file, and what
//! happens when it changes. A broken one is refused and reported, and the last good one stays in
//! force.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cluster::settings::{SettingsSource, parse_document, policies, policy_settings};
use kube::runtime::events::EventType;
use kube::runtime::watcher::{Config, Event};
use serde_json::Value;
use tenancy::settings::Settings;
use tokio::sync::watch::Sender;

use crate::context::Context;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{Outcomes, Payer, Report, Topic, policy_reference};
use crate::readiness::SETTINGS;
use crate::supervisor::Pulse;
use crate::watch::Following;

/// How often a file is looked at.
const FILE_PERIOD: Duration = Duration::from_secs(2);

/// The reason of an Event about settings that are not put in force.
const SETTINGS_REFUSED: &str = "SettingsRefused";

/// Follows the source and publishes every good document. Does not return.
pub(crate) async fn follow(
    source: SettingsSource,
    sender: Sender<Option<Arc<Settings>>>,
    context: Context,
    pulse: Pulse,
) {
    let publisher = Publisher { sender, context };
    match source {
        SettingsSource::Policy(name) => follow_policy(&name, &publisher, pulse).await,
        SettingsSource::File(path) => follow_file(&path, &publisher, pulse).await,
        SettingsSource::Document(document) => {
            publisher.publish(&Place::Given, &document);
            pulse.beat_while(std::future::pending()).await
        }
    }
}

struct Publisher {
    sender: Sender<Option<Arc<Settings>>>,
    context: Context,
}

impl Publisher {
    fn publish(&self, place: &Place<'_>, document: &Value) {
        match Settings::from_value(document) {
            Ok(settings) => {
                self.context.reconciler.outcomes().metrics().settings_valid.set(1);
                let mut shared = self.context.reconciler.shared();
                shared.refused_settings = None;
                shared.strategy = settings.strategy.clone().map(Arc::new);
                drop(shared);
                tracing::info!(%place, "settings in force");
                self.sender.send_replace(Some(Arc::new(settings)));
            }
            Err(error) => self.refuse(place, &error.to_string()),
        }
    }

    /// Says so by log, metric, the tenants' conditions and, where there is an object to say it of,
    /// an Event.
    fn refuse(&self, place: &Place<'_>, error: &str) {
        let outcomes = self.context.reconciler.outcomes();
        outcomes.metrics().settings_valid.set(0);
        self.context.reconciler.shared().refused_settings = Some(format!("{place}: {error}"));
        let kept = self.sender.borrow().is_some();
        tracing::error!(%place, error, last_good_ones_stay = kept, "settings refused");
        if !kept {
            self.context.readiness.wait(SETTINGS, format!("{place}: {error}"));
        }
        if let Place::Policy { name, uid: Some(uid) } = place {
            let note = format!(
                "settings refused, {}: {error}",
                if kept { "the last good ones stay in force" } else { "nothing is written" }
            );
            report_refusal(outcomes, name, uid, note);
        }
    }
}

/// Says of a policy that its settings are not put in force.
fn report_refusal(outcomes: &Outcomes, policy: &str, uid: &str, note: String) {
    outcomes.note(|| Entry::new(Sort::Trouble, SETTINGS_REFUSED, policy, &note));
    outcomes.publish(Report {
        about: policy_reference(policy, uid),
        topic: Topic::Notice,
        payer: &Payer::Controller,
        type_: EventType::Warning,
        reason: SETTINGS_REFUSED,
        note,
    });
}

/// Where a document was found.
enum Place<'a> {
    /// The uid is not known where there is no such object.
    Policy {
        name: &'a str,
        uid: Option<String>,
    },
    File(&'a Path),
    /// Not looked for: it was given.
    Given,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy { name, .. } => write!(f, "ClusterAdmissionPolicy {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Given => f.write_str("the document that was given"),
        }
    }
}

async fn follow_policy(name: &str, publisher: &Publisher, pulse: Pulse) {
    let api = policies(&publisher.context.client);
    let config = Config::default().fields(&format!("metadata.name={name}"));
    let mut events = Following::new(api, config, "settings", &publisher.context.signals, pulse);
    let place = |uid: Option<String>| Place::Policy { name, uid };
    let mut last = None;
    let mut is_listed = false;
    loop {
        match events.next().await {
            Ok(Event::Init) => is_listed = false,
            Ok(Event::Apply(policy) | Event::InitApply(policy)) => {
                is_listed = true;
                let settings = policy_settings(&policy).cloned().unwrap_or_default();
                // Its conditions change without its settings.
                if last.as_ref() != Some(&settings) {
                    publisher.publish(&place(policy.metadata.uid), &settings);
                    last = Some(settings);
                }
            }
            Ok(Event::InitDone) if is_listed => {}
            Ok(Event::InitDone) if last.is_none() => {
                publisher.refuse(
                    &place(None),
                    "it does not exist yet: apply it, or give --settings FILE",
                );
            }
            // If it comes back, its settings count again, even if they are the same.
            Ok(Event::InitDone | Event::Delete(_)) => {
                last = None;
                publisher.refuse(&place(None), "it was deleted");
            }
            Err(error) if last.is_none() => publisher.refuse(&place(None), &error),
            // The settings in force are the newest that are known.
            Err(_) => {}
        }
    }
}

async fn follow_file(path: &Path, publisher: &Publisher, pulse: Pulse) {
    let place = Place::File(path);
    let mut last = None;
    loop {
        pulse.beat();
        let text = tokio::fs::read_to_string(path).await.map_err(|error| error.to_string());
        if last.as_ref() != Some(&text) {
            match text.as_ref().map_err(String::clone).and_then(|text| parse_document(text)) {
                Ok(document) => publisher.publish(&place, &document),
                Err(error) => publisher.refuse(&place, &error),
            }
            last = Some(text);
        }
        tokio::time::sleep(FILE_PERIOD).await;
    }
}
