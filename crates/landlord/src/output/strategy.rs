//! A strategy as text, and in its machine form, `landlord.dev/strategy/v1`. Stable: fields are
//! added, never changed.
//!
//! ```text
//! {"apiVersion": "landlord.dev/strategy/v1", "mode", "since": time or null, "chosen": words, or null for `auto`,
//!  "reason", "refused", "measured": time or null,
//!  "measurement": null or {"admission": {"state": "probed", "probes", "failures", "latency", "fault"} or {"state": "unknown", "why"},
//!                          "namespaces", "creationsPerSecond", "lag", "guard": {"state", "why"}},      times in seconds
//!  "thresholds": {"hybrid": {"namespaces", "creationsPerSecond", "admissionLatency"}, "webhook": {…}},
//!  "next": [{"mode", "when"}], "history": [{"at", "from", "to", "reason"}]}
//! ```
//!
//! Where the settings name no strategy, `thresholds` is null, and `reason` says it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use terminal::{Column, Screen, hanging};

use super::grid::Grid;
use cluster::admission_policies::trial::Enforcement;
use cluster::clock::duration_text;
use cluster::policy::Policy;
use controller::strategy::measurement::{Admission, Measurement};
use controller::strategy::report::{Report, rounded};
use controller::strategy::{Auto, Mode};

const API_VERSION: &str = "landlord.dev/strategy/v1";
/// How wide the names before the first lines are.
const NAMES: usize = 11;
const UNSET: &str = "no strategy is set: the webhook is asked about every namespace. To change that, set `strategy` in the settings";

/// Where the settings name no strategy.
pub(crate) fn unset_text(screen: Screen) -> String {
    hanging(UNSET, 0, screen) + "\n"
}

/// The same for programs.
pub(crate) fn unset_document(policy: &Policy) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "mode": policy.mode.unwrap_or_default(),
        "since": null,
        "chosen": null,
        "reason": UNSET,
        "refused": false,
        "measured": null,
        "measurement": null,
        "thresholds": null,
        "next": [],
        "history": [],
    })
}

/// A report on its way to the screen or to a program.
pub(crate) struct Printed<'a>(pub(crate) &'a Report<'a>);

impl Printed<'_> {
    pub(crate) fn render(&self, screen: Screen) -> String {
        let record = self.0.record;
        let since = record
            .state
            .changed
            .map(|at| format!(", since {} ({})", rounded(at), self.ago(at)))
            .unwrap_or_default();
        let reason = if record.reason.is_empty() {
            "the controller has not measured yet: is it running?"
        } else {
            &record.reason
        };
        let chosen = self.0.chosen().unwrap_or_else(|| "`auto`, by the measurements".to_owned());
        let line =
            |name: &str, words: &str| format!("{name:<NAMES$}{}\n", hanging(words, NAMES, screen));
        let item = |words: &str| format!("  {}\n", hanging(words, 4, screen));
        let mut text = line("mode", &format!("{}{since}", self.0.mode()))
            + &line("chosen", &chosen)
            + &line("reason", reason);
        if let (Some(measurement), Some(at)) = (&record.measurement, record.measured) {
            text += &(line("guard", &guard(&measurement.guard))
                + &line("measured", &format!("{} ago", self.ago(at)))
                + "\n");
            text += &self.numbers(measurement, screen);
        }
        text += "\nwhat would change it\n";
        self.0.next().iter().for_each(|(mode, when)| text += &item(&format!("{mode}: {when}")));
        if !record.history.is_empty() {
            text += "\nchanges\n";
        }
        for change in record.history.iter().rev() {
            text += &item(&format!(
                "{}  {} → {}  {}",
                rounded(change.at),
                change.from,
                change.to,
                change.reason
            ));
        }
        text
    }

    fn numbers(&self, measurement: &Measurement, screen: Screen) -> String {
        let (high, low) = (
            self.0.strategy.auto.in_mode(Mode::Webhook),
            self.0.strategy.auto.in_mode(Mode::Hybrid),
        );
        let (added, failed) = match &measurement.admission {
            Admission::Probed { probes, failures, latency, .. } => {
                (duration_text(*latency), format!("{failures} of {probes}"))
            }
            Admission::Unknown { .. } => ("unknown".to_owned(), "unknown".to_owned()),
        };
        let rate = |value: f64| format!("{value:.1}");
        let row = |name: &str, now: String, above: String, until: String| {
            vec![name.to_owned(), now, above, until]
        };
        let none = || "-".to_owned();
        let [now, above, until] =
            [measurement.creations_per_second, high.creations_per_second, low.creations_per_second]
                .map(rate);
        let namespaces = [measurement.namespaces, high.namespaces, low.namespaces]
            .map(|count| count.to_string());
        let [count, most, least] = namespaces;
        let rows = vec![
            row("namespaces of tenants", count, most, least),
            row("creations a second", now, above, until),
            row(
                "added by the webhook",
                added,
                duration_text(high.admission_latency),
                duration_text(low.admission_latency),
            ),
            row("failed probes", failed, none(), none()),
            row("controller behind", duration_text(measurement.lag), none(), none()),
        ];
        let head = ["measured", "now", "hybrid above", "until at most"].map(Column::fixed).to_vec();
        Grid { title: "Measurement", head, rows }.render(screen)
    }

    fn ago(&self, at: Timestamp) -> String {
        duration_text(Duration::try_from(self.0.now.duration_since(at)).unwrap_or_default())
    }

    pub(crate) fn document(&self) -> Value {
        let (record, strategy) = (self.0.record, self.0.strategy);
        let next: Vec<Value> = self
            .0
            .next()
            .into_iter()
            .map(|(mode, when)| json!({"mode": mode, "when": when}))
            .collect();
        json!({
            "apiVersion": API_VERSION,
            "mode": self.0.mode(),
            "since": record.state.changed,
            "chosen": self.0.chosen(),
            "reason": record.reason,
            "refused": record.refused,
            "measured": record.measured,
            "measurement": record.measurement,
            "thresholds": {"hybrid": limits(&strategy.auto.in_mode(Mode::Webhook)), "webhook": limits(&strategy.auto.in_mode(Mode::Hybrid))},
            "next": next,
            "history": record.history,
        })
    }
}

fn limits(limits: &Auto) -> Value {
    json!({"namespaces": limits.namespaces, "creationsPerSecond": limits.creations_per_second, "admissionLatency": limits.admission_latency.as_secs_f64()})
}

fn guard(guard: &Enforcement) -> String {
    match guard {
        Enforcement::Enforced => "enforced".to_owned(),
        Enforcement::Waived => {
            "not shown to be enforced, which --without-guard overrides".to_owned()
        }
        guard => guard.refusal().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::at_both_widths;
    use controller::strategy::Strategy;
    use controller::strategy::decision::State;
    use controller::strategy::record::{Change, Record};

    fn policy(annotations: Value) -> Policy {
        let object = json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": {"name": "landlord", "annotations": annotations}});
        Policy::from_object(serde_json::from_value(object).expect("an object"))
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn record() -> Record {
        let changed = Some(time("2026-01-01T12:00:00Z"));
        let reason = "1200 namespaces, 3.0 creations a second, 12 ms added by the webhook: over the threshold of namespaces";
        let admission = Admission::Probed {
            probes: 5,
            failures: 1,
            latency: Duration::from_millis(12),
            fault: None,
        };
        let guard = Enforcement::Missing {
            why: "parts of it are missing, or not bound: names, stamp, seal, hold, binding"
                .to_owned(),
        };
        let measurement = Measurement {
            admission,
            namespaces: 1200,
            creations_per_second: 3.0,
            lag: Duration::from_secs(2),
            guard,
        };
        let change = |at, from, to| Change { at: time(at), from, to, reason: reason.to_owned() };
        Record {
            state: State { mode: Mode::Hybrid, changed, ..State::default() },
            reason: reason.to_owned(),
            refused: false,
            measured: Some(time("2026-01-01T23:59:30Z")),
            measurement: Some(measurement),
            history: vec![
                change("2026-01-01T06:00:00Z", Mode::Webhook, Mode::Controller),
                change("2026-01-01T12:00:00Z", Mode::Controller, Mode::Hybrid),
            ],
        }
    }

    fn read(settings: &Value) -> Strategy {
        tenancy::settings::Settings::from_value(settings)
            .expect("settings")
            .strategy
            .expect("a strategy")
    }

    fn shown(strategy: &Value, annotations: Value, record: &Record) -> String {
        let strategy = read(&json!({"strategy": strategy}));
        let report = Report {
            strategy: &strategy,
            policy: &policy(annotations),
            record,
            now: time("2026-01-02T00:00:00Z"),
        };
        at_both_widths(|screen| Printed(&report).render(screen))
    }

    #[test]
    fn by_the_measurements() {
        insta::assert_snapshot!(shown(
            &json!({"mode": "auto"}),
            json!({"landlord.dev/strategy": "hybrid"}),
            &record()
        ));
    }

    #[test]
    fn pinned_and_not_measured() {
        let pinned =
            json!({"landlord.dev/strategy": "webhook", "landlord.dev/strategy-pin": "controller"});
        insta::assert_snapshot!(shown(&json!({"mode": "webhook"}), pinned, &Record::default()));
    }

    #[test]
    fn not_set() {
        insta::assert_snapshot!(at_both_widths(unset_text));
        let (unset, set) = (unset_document(&policy(json!({}))), json!({"mode": "webhook"}));
        let strategy = read(&json!({"strategy": set}));
        let report = Report {
            strategy: &strategy,
            policy: &policy(json!({})),
            record: &Record::default(),
            now: Timestamp::UNIX_EPOCH,
        };
        let fields = |document: &Value| {
            document.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            fields(&unset),
            fields(&Printed(&report).document()),
            "the same fields, so that programs need not ask which it is"
        );
    }
}
