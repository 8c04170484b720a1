//! Alerts: what somebody has to look at, when, and where it says what to do.

use serde::Serialize;
use serde_json::{Value, json};

/// Each alert's chapter has its name, in small letters.
const RUNBOOK: &str = "https://github.com/landlord-dev/landlord/blob/main/docs/operations.md#";

/// Whom it may wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Namespaces are not looked after, or Pods may land outside their pool.
    Critical,
    Warning,
}

/// One alert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alert {
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) expression: &'static str,
    /// How long it must hold.
    pub(crate) lasting: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
}

/// The whole file.
#[derive(Debug, Serialize)]
pub(crate) struct Rules {
    groups: [Group; 1],
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    alert: &'static str,
    expr: &'static str,
    r#for: &'static str,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Debug, Serialize)]
struct Labels {
    severity: Severity,
}

#[derive(Debug, Serialize)]
struct Annotations {
    summary: &'static str,
    description: &'static str,
    runbook_url: String,
}

/// A file for Prometheus' `rule_files`.
pub(crate) fn rules() -> Rules {
    Rules { groups: [Group { name: "landlord", rules: ALERTS.iter().map(Alert::rule).collect() }] }
}

/// The same for Prometheus' operator.
pub(crate) fn prometheus_rule() -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "landlord", "labels": {"app.kubernetes.io/name": "landlord"}},
        "spec": rules(),
    })
}

impl Alert {
    /// Where docs/operations.md says what to do.
    pub(crate) fn anchor(&self) -> String {
        self.name.to_lowercase()
    }

    fn rule(&self) -> Rule {
        let Self { name, severity, expression, lasting, summary, description } = *self;
        let annotations = Annotations { summary, description, runbook_url: format!("{RUNBOOK}{}", self.anchor()) };
        Rule { alert: name, expr: expression, r#for: lasting, labels: Labels { severity }, annotations }
    }
}

const fn critical(name: &'static str, expression: &'static str, lasting: &'static str, said: [&'static str; 2]) -> Alert {
    Alert { name, severity: Severity::Critical, expression, lasting, summary: said[0], description: said[1] }
}

const fn warning(name: &'static str, expression: &'static str, lasting: &'static str, said: [&'static str; 2]) -> Alert {
    Alert { severity: Severity::Warning, ..critical(name, expression, lasting, said) }
}

/// Summary and description use Prometheus' templates.
pub(crate) const ALERTS: [Alert; 16] = [
    critical(
        "LandlordNoLeader",
        "(max(landlord_leader) or vector(0)) < 1",
        "5m",
        ["No replica of landlord writes", "Namespaces are not followed up; the webhook and the guard go on without the controller."],
    ),
    critical(
        "LandlordTwoLeaders",
        "sum(landlord_leader) > 1",
        "2m",
        [
            "More than one replica of landlord believes that it leads",
            "{{ $value }} replicas write. Each write is guarded by resourceVersion, so nothing is lost, but this must not be.",
        ],
    ),
    critical(
        "LandlordGuardDoesNotBite",
        r#"max(landlord_guard_bites) == 0 and on () max(landlord_strategy{mode=~"hybrid|controller"}) == 1"#,
        "10m",
        [
            "Pods are not kept out of namespaces that are not ready",
            "The strategy leaves creations to the controller, and the guard was not shown to hold or refuse Pods.",
        ],
    ),
    warning(
        "LandlordNotReady",
        "min(landlord_ready) == 0",
        "15m",
        [
            "A replica of landlord has not listed everything",
            "It cannot take over, or does not write, until /readyz says what it waits for.",
        ],
    ),
    warning(
        "LandlordSettingsRefused",
        "min(landlord_settings_valid) == 0",
        "5m",
        [
            "landlord works with old settings",
            "The newest settings in the ClusterAdmissionPolicy are not valid, so the last good ones stay in force.",
        ],
    ),
    warning(
        "LandlordNamespacesNotCompliant",
        r#"sum(max by (state) (landlord_namespaces{state=~"conflicted|failed"})) > 0"#,
        "15m",
        ["{{ $value }} namespaces are not what their tenant wants", "They are conflicted or failed, and landlord cannot mend them alone."],
    ),
    warning(
        "LandlordNamespacesUnverified",
        r#"max(landlord_troubled_namespaces{reason="Unverified"}) > 0"#,
        "15m",
        [
            "{{ $value }} namespaces wait for somebody to adopt them",
            "Nobody knows that their creators may claim their tenant, so they get no selector and the guard keeps Pods out.",
        ],
    ),
    warning(
        "LandlordNamespacesPending",
        r#"max(landlord_namespaces{state="pending"}) > 0"#,
        "30m",
        [
            "Namespaces have been pending for half an hour",
            "{{ $value }} namespaces still differ from what their tenant wants: writes are slow, refused, or undone.",
        ],
    ),
    warning(
        "LandlordComplianceSlow",
        "histogram_quantile(0.99, sum by (le) (rate(landlord_namespace_compliance_seconds_bucket[15m]))) > 30",
        "15m",
        ["Namespaces become compliant late", "One in a hundred takes longer than {{ $value | humanizeDuration }}."],
    ),
    warning(
        "LandlordContested",
        "sum(increase(landlord_contested_total[1h])) > 0",
        "0m",
        ["Another writer sets landlord's keys back", "Keys of {{ $value | humanize }} namespaces became contested within an hour."],
    ),
    warning(
        "LandlordWritesFail",
        r#"sum(rate(landlord_namespace_writes_total{outcome!~"done|conflict|gone|pushback"}[10m])) / sum(rate(landlord_namespace_writes_total[10m])) > 0.1"#,
        "10m",
        ["Writes of namespaces fail", "{{ $value | humanizePercentage }} of the patches are refused or not answered."],
    ),
    warning(
        "LandlordPushedBack",
        r#"sum(rate(landlord_namespace_writes_total{outcome="pushback"}[10m])) > 0.1"#,
        "15m",
        ["The API server pushes landlord back", "{{ $value | humanize }} writes a second are answered with 429."],
    ),
    warning(
        "LandlordAdmissionFails",
        r#"sum(rate(landlord_admission_probes_total{outcome="failed"}[10m])) / sum(rate(landlord_admission_probes_total[10m])) > 0.5"#,
        "10m",
        [
            "The webhook does not write namespaces as they are created",
            "{{ $value | humanizePercentage }} of the dry-run creations come back without a ledger.",
        ],
    ),
    warning(
        "LandlordStrategyFlaps",
        "sum(increase(landlord_strategy_changes_total[1h])) > 4",
        "0m",
        [
            "The strategy changes again and again",
            "{{ $value | humanize }} changes within an hour: the webhook or the guard comes and goes.",
        ],
    ),
    warning(
        "LandlordGuardRepaired",
        "sum(increase(landlord_guard_repairs_total[15m])) > 0",
        "0m",
        [
            "Somebody changed the guard",
            "{{ $value | humanize }} of its admission policies or bindings were changed or deleted, and were put right.",
        ],
    ),
    warning(
        "LandlordPodsHeld",
        r#"sum(max by (state) (landlord_held_pods{state=~"clashing|failing"})) > 0 or sum(max by (state) (landlord_held_pods{state="waiting"})) > 0 and on () histogram_quantile(0.5, sum by (le) (rate(landlord_pod_hold_seconds_bucket[30m]))) > 60"#,
        "15m",
        ["{{ $value }} Pods are held", "They clash with their namespace's selector, cannot be released, or wait for minutes."],
    ),
];
