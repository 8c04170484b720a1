//! Strategy: who decides on namespaces as they are created, by which measurements, and how that
//! changed.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::promise::Part;
use super::time;
use cluster::admission_policies::trial::Enforcement;
use controller::strategy::measurement::{Admission, Measurement};
use controller::strategy::record::Change;
use controller::strategy::report::Report;
use controller::strategy::{Auto, Mode};

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StrategyView {
    /// False where the settings set none: then nothing moves work between webhook and controller.
    set: bool,
    /// What in the API server keeps Pods in their pools: guard, webhook, podNodeSelector.
    protection: Vec<Part>,
    /// What the leader measured last.
    #[serde(skip)]
    pub(crate) measurement: Option<Measurement>,
    /// webhook, hybrid or controller.
    mode: Option<String>,
    since: Option<String>,
    /// Who chose it; null for `auto`.
    chosen: Option<String>,
    reason: String,
    /// Whether another mode is called for, and the guard is missing.
    refused: bool,
    measured: Option<String>,
    gauges: Vec<Gauge>,
    /// What is said of the guard, and of the webhook where its probes fail.
    guard: Option<String>,
    fault: Option<String>,
    /// What would change the mode.
    next: Vec<Next>,
    /// The newest first.
    history: Vec<Turn>,
    /// Why it cannot be read.
    error: Option<String>,
}

/// A measurement against its thresholds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Gauge {
    name: String,
    /// count, perSecond or seconds.
    unit: String,
    value: Option<f64>,
    /// Above this, `hybrid`; null where none counts.
    above: Option<f64>,
    /// At most this, `webhook` again.
    until: Option<f64>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Next {
    mode: String,
    when: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Turn {
    at: String,
    from: String,
    to: String,
    reason: String,
}

impl StrategyView {
    /// Where it cannot be read.
    pub(crate) fn unknown(error: String) -> Self {
        Self { set: true, error: Some(error), ..Self::default() }
    }

    pub(crate) fn with_protection(self, protection: Vec<Part>) -> Self {
        Self { protection, ..self }
    }

    pub(crate) fn from_report(report: &Report<'_>) -> Self {
        let (record, strategy) = (report.record, report.strategy);
        let (high, low) =
            (strategy.auto.in_mode(Mode::Webhook), strategy.auto.in_mode(Mode::Hybrid));
        let measurement = record.measurement.as_ref();
        let not_yet = "the controller has not measured yet".to_owned();
        Self {
            set: true,
            protection: Vec::new(),
            measurement: measurement.cloned(),
            mode: Some(report.mode().to_string()),
            since: record.state.changed.map(time),
            chosen: report.chosen(),
            reason: if record.reason.is_empty() { not_yet } else { record.reason.clone() },
            refused: record.refused,
            measured: record.measured.map(time),
            gauges: measurement
                .map(|measurement| gauges(measurement, &high, &low))
                .unwrap_or_default(),
            guard: measurement.map(|measurement| guard(&measurement.guard)),
            fault: measurement.and_then(|measurement| fault(&measurement.admission)),
            next: report
                .next()
                .into_iter()
                .map(|(mode, when)| Next { mode: mode.to_string(), when })
                .collect(),
            history: record.history.iter().rev().map(Turn::from_change).collect(),
            error: None,
        }
    }
}

fn gauges(measurement: &Measurement, high: &Auto, low: &Auto) -> Vec<Gauge> {
    let gauge = |name: &str, unit: &str, value: Option<f64>, thresholds: Option<(f64, f64)>| {
        let (above, until) = thresholds.unzip();
        Gauge { name: name.to_owned(), unit: unit.to_owned(), value, above, until }
    };
    let (latency, failed) = match &measurement.admission {
        Admission::Probed { latency, failures, .. } => {
            (Some(latency.as_secs_f64()), Some(f64::from(*failures)))
        }
        Admission::Unknown { .. } => (None, None),
    };
    let namespaces = (high.namespaces as f64, low.namespaces as f64);
    let creations = (high.creations_per_second, low.creations_per_second);
    let latencies = (high.admission_latency.as_secs_f64(), low.admission_latency.as_secs_f64());
    vec![
        gauge(
            "Namespaces of tenants",
            "count",
            Some(measurement.namespaces as f64),
            Some(namespaces),
        ),
        gauge("Creations", "perSecond", Some(measurement.creations_per_second), Some(creations)),
        gauge("Added by the webhook", "seconds", latency, Some(latencies)),
        gauge("Failed probes", "count", failed, None),
        gauge("Controller behind", "seconds", Some(measurement.lag.as_secs_f64()), None),
    ]
}

fn guard(guard: &Enforcement) -> String {
    match guard {
        Enforcement::Enforced => "the guard is enforced".to_owned(),
        Enforcement::Waived => {
            "the guard is not shown to be enforced, which --without-guard overrides".to_owned()
        }
        guard => guard.refusal().unwrap_or_default(),
    }
}

fn fault(admission: &Admission) -> Option<String> {
    match admission {
        Admission::Probed { fault, .. } => fault.clone(),
        Admission::Unknown { why } => Some(why.clone()),
    }
}

impl Turn {
    fn from_change(Change { at, from, to, reason }: &Change) -> Self {
        let at: Timestamp = *at;
        Self { at: time(at), from: from.to_string(), to: to.to_string(), reason: reason.clone() }
    }
}
