//! Monitoring: a Grafana dashboard and alerts on the metrics that the controller exports, in the
//! files that Grafana and Prometheus read. `monitoring/tests.rs` checks them against the metrics
//! that are really exported.

#[cfg(test)]
mod tests;

/// The dashboard, as Grafana imports it.
pub(crate) const DASHBOARD: &str = include_str!("monitoring/dashboard.json");
/// The alerts, as Prometheus' `rule_files` read them.
pub(crate) const ALERTS: &str = include_str!("monitoring/alerts.yaml");
/// The head of a PrometheusRule, whose `spec` has the form of such a file.
const PROMETHEUS_RULE: &str = "\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: landlord
  labels:
    app.kubernetes.io/name: landlord
spec:
";

/// Renders the alerts for Prometheus' operator.
pub(crate) fn render_prometheus_rule() -> String {
    let indent = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    std::iter::once(PROMETHEUS_RULE.to_owned()).chain(ALERTS.lines().map(indent)).collect()
}
