//! Dashboard: what to look at, from "is the promise kept" down to the machinery.

use super::grafana::{Dashboard, Panel, Query, Row, Shape, Unit};

/// Grafana's name for a time that holds a few scrapes, whatever is shown.
pub(super) const INTERVAL: &str = "$__rate_interval";

/// landlord's dashboard.
pub(crate) fn dashboard() -> Dashboard {
    let rows = vec![promise(), compliance(), work(), api_server(), admission(), holds(), replicas()];
    Dashboard { uid: "landlord", title: "Landlord", rows }
}

fn query(legend: &'static str, expression: impl Into<String>) -> Query {
    Query { expression: expression.into(), legend }
}

fn panel(title: &'static str, description: &'static str, unit: Unit, shape: Shape, queries: Vec<Query>) -> Panel {
    Panel { title, description, unit, shape, queries }
}

/// Every replica knows how namespaces stand; the largest number counts.
fn states(pattern: &str) -> String {
    format!(r#"sum(max by (state) (landlord_namespaces{{state=~"{pattern}"}}))"#)
}

fn rate(metric: &str, by: &str) -> String {
    format!("sum by ({by}) (rate({metric}[{INTERVAL}]))")
}

fn total_rate(metric: &str) -> String {
    format!("sum(rate({metric}[{INTERVAL}]))")
}

fn quantile(share: f64, metric: &str) -> String {
    format!("histogram_quantile({share}, sum by (le) (rate({metric}_bucket[{INTERVAL}])))")
}

/// The usual three of a histogram.
fn quantiles(metric: &str) -> Vec<Query> {
    vec![query("p50", quantile(0.5, metric)), query("p90", quantile(0.9, metric)), query("p99", quantile(0.99, metric))]
}

fn promise() -> Row {
    Row {
        title: "Is the promise kept?",
        panels: vec![
            panel(
                "Compliant",
                "Share of namespaces that carry what their tenant wants",
                Unit::Share,
                Shape::Number,
                vec![query("compliant", format!("{} / {}", states("compliant"), states(".+")))],
            ),
            panel(
                "Not compliant, and why",
                "Unverified: nobody knows that its creator may claim it. Contested: another writer sets keys back. Unclaimed and UnknownTenant: it has no tenant that there is",
                Unit::Count,
                Shape::Stack,
                vec![query("{{reason}}", "max by (reason) (landlord_troubled_namespaces)")],
            ),
            panel(
                "Guard",
                "Whether the guard was shown to keep Pods out, and how often somebody's changes to it were put right",
                Unit::Count,
                Shape::Lines,
                vec![
                    query("bites", "max(landlord_guard_bites)"),
                    query("repairs of {{part}}", format!("sum by (part) (increase(landlord_guard_repairs_total[{INTERVAL}]))")),
                ],
            ),
        ],
    }
}

fn compliance() -> Row {
    let metric = "landlord_namespace_compliance_seconds";
    Row {
        title: "Compliance",
        panels: vec![
            panel(
                "Namespaces by state",
                "pending: about to be written. conflicted: `conflicts: reject` forbids a key. failed: see its condition",
                Unit::Count,
                Shape::Stack,
                vec![query("{{state}}", "max by (state) (landlord_namespaces)")],
            ),
            panel(
                "Time until compliant",
                "From a namespace's creation, or from the first sight of its difference, to its compliance",
                Unit::Seconds,
                Shape::Lines,
                quantiles(metric),
            ),
            panel(
                "Hooks",
                "Namespaces that hooks began to reject, or to warn about",
                Unit::Count,
                Shape::Lines,
                vec![query("{{reason}}", format!("sum by (reason) (increase(landlord_hook_failures_total[{INTERVAL}]))"))],
            ),
            panel(
                "Contested",
                "Namespaces of which a key became contested by another writer",
                Unit::Count,
                Shape::Lines,
                vec![query("contested", format!("sum(increase(landlord_contested_total[{INTERVAL}]))"))],
            ),
        ],
    }
}

fn work() -> Row {
    Row {
        title: "Work",
        panels: vec![
            panel(
                "Queue by urgency",
                "placement goes before drift, drift before backfill; retry waits for its time",
                Unit::Count,
                Shape::Stack,
                vec![query("{{urgency}}", "max by (urgency) (landlord_queue_depth)")],
            ),
            panel(
                "Writes by outcome",
                "done; conflict and gone are planned anew or forgotten; pushback is a 429; the others are failures",
                Unit::PerSecond,
                Shape::Stack,
                vec![query("{{outcome}}", rate("landlord_namespace_writes_total", "outcome"))],
            ),
            panel(
                "Time of a write",
                "What the API server takes for a patch",
                Unit::Seconds,
                Shape::Lines,
                quantiles("landlord_namespace_write_seconds"),
            ),
        ],
    }
}

fn api_server() -> Row {
    Row {
        title: "What the API server bears",
        panels: vec![
            panel(
                "Pace",
                "Patches that may be under way at a time: grows by one, is halved by a 429, an error, a timeout or slowness",
                Unit::Count,
                Shape::Lines,
                vec![query("pace", "max(landlord_pace)")],
            ),
            panel(
                "429",
                "Writes that the API server told to come again later",
                Unit::PerSecond,
                Shape::Lines,
                vec![query("429", total_rate(r#"landlord_namespace_writes_total{outcome="pushback"}"#))],
            ),
            panel(
                "Lists",
                "Full lists of namespaces, tenants or Pods; many mean that watches break",
                Unit::Count,
                Shape::Lines,
                vec![query("lists", format!("sum(increase(landlord_lists_total[{INTERVAL}]))"))],
            ),
        ],
    }
}

fn admission() -> Row {
    Row {
        title: "Admission",
        panels: vec![
            panel(
                "Strategy",
                "Who decides on namespaces as they are created: the mode in force is 1",
                Unit::YesNo,
                Shape::Lines,
                vec![query("{{mode}}", "max by (mode) (landlord_strategy)")],
            ),
            panel(
                "Changes of the strategy",
                "Many mean that the webhook comes and goes",
                Unit::Count,
                Shape::Lines,
                vec![query("changes", format!("sum(increase(landlord_strategy_changes_total[{INTERVAL}]))"))],
            ),
            panel(
                "Lag of the policy",
                "What the webhook adds to a creation, by the newest probes",
                Unit::Seconds,
                Shape::Lines,
                vec![query("added", "max(landlord_admission_probe_seconds)")],
            ),
            panel(
                "Probes",
                "Dry-run creations: healthy are answered with a ledger",
                Unit::PerSecond,
                Shape::Stack,
                vec![query("{{outcome}}", rate("landlord_admission_probes_total", "outcome"))],
            ),
        ],
    }
}

fn holds() -> Row {
    Row {
        title: "Held Pods",
        panels: vec![
            panel(
                "Held now",
                "waiting for their namespace; clashing with its selector by their own; failing to be released",
                Unit::Count,
                Shape::Stack,
                vec![query("{{state}}", "max by (state) (landlord_held_pods)")],
            ),
            panel("Time held", "From a Pod's creation to its release", Unit::Seconds, Shape::Lines, quantiles("landlord_pod_hold_seconds")),
            panel(
                "Releases by outcome",
                "Patches that release held Pods",
                Unit::PerSecond,
                Shape::Stack,
                vec![query("{{outcome}}", rate("landlord_pods_released_total", "outcome"))],
            ),
        ],
    }
}

fn replicas() -> Row {
    Row {
        title: "Replicas",
        panels: vec![
            panel(
                "Leader",
                "One replica writes, the others wait",
                Unit::YesNo,
                Shape::Lines,
                vec![query("{{pod}}", "max by (pod) (landlord_leader)")],
            ),
            panel(
                "Ready",
                "Whether all that is watched has been listed once",
                Unit::YesNo,
                Shape::Lines,
                vec![query("{{pod}}", "max by (pod) (landlord_ready)")],
            ),
            panel(
                "Settings",
                "Whether the newest settings are in force; no: the last good ones are",
                Unit::YesNo,
                Shape::Lines,
                vec![query("{{pod}}", "min by (pod) (landlord_settings_valid)")],
            ),
            panel(
                "Events left out",
                "To keep within the budget of twenty a minute",
                Unit::Count,
                Shape::Lines,
                vec![query("left out", format!("sum(increase(landlord_events_dropped_total[{INTERVAL}]))"))],
            ),
        ],
    }
}
