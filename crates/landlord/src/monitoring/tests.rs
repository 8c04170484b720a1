//! Dashboard and alerts against the metrics that the controller exports.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, AggregateExpr, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

use super::{ALERTS, render_prometheus_rule};
use cluster::admission_policies::trial::Enforcement;
use controller::audit::summary::{Summary, TenantPods};
use controller::gated_pods;
use controller::metrics::{GuardPart, Metrics, Outcome, Reason};
use controller::outcome::{CONFLICT, DONE, GONE};
use controller::queue::Urgency;
use controller::store::Compliance;
use controller::strategy::Mode;
use controller::strategy::measurement::{Admission, Measurement};
use controller::strategy::metrics::StrategyMetrics;

mod files;

use self::files::{Panel, alerts, panels};

/// Grafana's name for a time that holds a few scrapes, whatever is shown.
const INTERVAL: &str = "$__rate_interval";
/// The Prometheus that is chosen on the dashboard.
const SOURCE: &str = "${datasource}";
/// Each alert's chapter there has its name, in small letters.
const RUNBOOK: &str = "https://github.com/landlord-dev/landlord/blob/main/docs/operations.md#";
/// What Prometheus itself adds to whatever it scrapes in a cluster.
const OF_THE_TARGET: [&str; 4] = ["job", "instance", "namespace", "pod"];
/// What a histogram's one name becomes.
const OF_A_HISTOGRAM: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Exported series: their names, and of each label all values seen.
type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The registry of a controller in which everything has happened once.
fn read_page() -> String {
    let strategy = StrategyMetrics::default();
    let metrics = Metrics::with(|registry| strategy.register(registry)).audited();
    metrics.show_audit(&audited());
    for outcome in [DONE, CONFLICT, GONE, assessment::Reason::Busy.word()] {
        metrics.writes.get_or_create(&Outcome { outcome }).inc();
        metrics.pods_released.get_or_create(&Outcome { outcome }).inc();
    }
    for state in
        [Compliance::Compliant, Compliance::Pending, Compliance::Conflicted, Compliance::Failed]
    {
        metrics.set_namespaces(state.word(), 1);
    }
    metrics.set_depths(Urgency::ALL.map(|urgency| (urgency, 1)), 1);
    metrics.set_held_pods(gated_pods::State::WORDS.map(|word| (word, 1)));
    metrics.set_troubled(
        &[assessment::Reason::Unverified, assessment::Reason::Unclaimed].map(|reason| (reason, 1)),
    );
    metrics.hook_failures.get_or_create(&Reason { reason: "HookRejected" }).inc();
    metrics.guard_repairs.get_or_create(&GuardPart { part: "deny".to_owned() }).inc();
    strategy.show(Mode::Hybrid);
    let admission = Admission::Probed {
        probes: 2,
        failures: 1,
        latency: Duration::from_millis(5),
        fault: None,
    };
    let creations_per_second = 1.0;
    strategy.measured(&Measurement {
        admission,
        namespaces: 1,
        creations_per_second,
        lag: Duration::ZERO,
        guard: Enforcement::Enforced,
    });
    metrics.render()
}

/// Pods of one tenant, inside and outside.
fn audited() -> Summary {
    let mut solar = TenantPods { inside: 1, outside: 1, ..TenantPods::default() };
    solar.causes.insert("NodeName", 1);
    solar.line.last_violation = Some(Timestamp::UNIX_EPOCH);
    (solar.allocatable.millicores, solar.allocatable.bytes) = (4000, 1 << 30);
    Summary { tenants: [("solar".to_owned(), solar)].into(), ..Summary::default() }
}

/// The series of a text in Prometheus' form.
fn exported(text: &str) -> Exported {
    let mut exported = Exported::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let known = exported.entry(name.to_owned()).or_default();
        for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once('=').expect("a label");
            known.entry(name.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    exported
}

/// The families that a text declares.
fn families(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

/// What an expression uses that there is not, and what it uses.
struct Uses<'a> {
    exported: &'a Exported,
    names: BTreeSet<String>,
    groups: BTreeSet<String>,
    faults: Vec<String>,
}

impl Uses<'_> {
    fn selector(&mut self, VectorSelector { name, matchers, .. }: &VectorSelector) {
        let name = name.clone().unwrap_or_default();
        let Some(labels) = self.exported.get(&name) else {
            return self.faults.push(format!("there is no metric {name:?}"));
        };
        for Matcher { op, name: label, value } in &matchers.matchers {
            let Some(values) = labels.get(label) else {
                self.faults.push(format!("{name} has no label {label:?}"));
                continue;
            };
            // What is excluded by a pattern may be several words, each of which must be one.
            let words = |pattern: &str| {
                pattern
                    .split('|')
                    .filter(|word| !values.contains(*word))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let unknown = match op {
                MatchOp::Re(_) if value == ".+" => Vec::new(),
                _ => words(value),
            };
            self.faults
                .extend(unknown.into_iter().map(|word| format!("{name} has no {label}={word:?}")));
        }
        self.names.insert(name);
    }

    /// Grouping labels belong to one of the metrics inside.
    fn grouping(&mut self, aggregate: &AggregateExpr) {
        let Some(modifier) = &aggregate.modifier else { return };
        let mut inside = Uses {
            exported: self.exported,
            names: BTreeSet::new(),
            groups: BTreeSet::new(),
            faults: Vec::new(),
        };
        let _ = walk_expr(&mut inside, &aggregate.expr);
        for label in &modifier.labels().labels {
            let known = |name: &String| {
                self.exported.get(name).is_some_and(|labels| labels.contains_key(label))
            };
            if !OF_THE_TARGET.contains(&label.as_str()) && !inside.names.iter().any(known) {
                self.faults.push(format!("none of {:?} has a label {label:?}", inside.names));
            }
            self.groups.insert(label.clone());
        }
    }
}

impl ExprVisitor for Uses<'_> {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(aggregate) => self.grouping(aggregate),
            _ => {}
        }
        Ok(true)
    }
}

/// The metrics that an expression uses and the labels that it leaves, or what is wrong with it.
fn uses(
    exported: &Exported,
    expression: &str,
) -> Result<(BTreeSet<String>, BTreeSet<String>), Vec<String>> {
    let parsed = parser::parse(&expression.replace(INTERVAL, "5m")).map_err(|error| vec![error])?;
    let mut uses =
        Uses { exported, names: BTreeSet::new(), groups: BTreeSet::new(), faults: Vec::new() };
    walk_expr(&mut uses, &parsed).map_err(|error| vec![error])?;
    if uses.faults.is_empty() { Ok((uses.names, uses.groups)) } else { Err(uses.faults) }
}

/// What a legend like `{{state}}, {{pod}}` names.
fn legend_labels(legend: &str) -> BTreeSet<String> {
    legend
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(label, _)| label.to_owned())
        .collect()
}

#[test]
fn every_family_is_exported_once_something_happened() {
    let text = read_page();
    let exported = exported(&text);
    for family in families(&text) {
        assert!(
            exported.keys().any(|name| name.starts_with(family)),
            "{family} has no sample: let it happen in `text`"
        );
    }
}

#[test]
fn every_panel_shows_metrics_and_labels_that_there_are() {
    let exported = exported(&read_page());
    for panel in panels() {
        for target in &panel.targets {
            let (_, groups) = uses(&exported, &target.expr)
                .unwrap_or_else(|faults| panic!("{}: {faults:?}", panel.title));
            let legend = legend_labels(&target.legend_format);
            assert!(legend.is_subset(&groups), "{}: {legend:?} but only {groups:?}", panel.title);
        }
    }
}

#[test]
fn every_alert_reads_metrics_and_labels_that_there_are() {
    let exported = exported(&read_page());
    for alert in alerts() {
        uses(&exported, &alert.expr).unwrap_or_else(|faults| panic!("{}: {faults:?}", alert.name));
    }
}

#[test]
fn every_metric_is_shown() {
    let text = read_page();
    let exported = exported(&text);
    let targets = panels().into_iter().flat_map(|panel| panel.targets);
    let shown: BTreeSet<String> =
        targets.flat_map(|target| uses(&exported, &target.expr).expect("checked").0).collect();
    let is_shown = |family: &&str| {
        let forms =
            ["_total"].into_iter().chain(OF_A_HISTOGRAM).map(|suffix| format!("{family}{suffix}"));
        shown.contains(*family) || forms.into_iter().any(|form| shown.contains(&form))
    };
    let hidden: Vec<&str> =
        families(&text).into_iter().filter(|family| !is_shown(family)).collect();
    assert_eq!(hidden, [""; 0], "no panel of the dashboard shows these");
}

/// The check finds what it is for.
#[test]
fn mistakes_in_expressions_are_found() {
    let exported = exported(&read_page());
    for (expression, part) in [
        ("sum(", "unclosed"),
        ("max(landlord_leaders)", "no metric \"landlord_leaders\""),
        ("sum by (tenant) (landlord_namespaces)", "has a label \"tenant\""),
        (r#"landlord_namespaces{tenant="solar"}"#, "no label \"tenant\""),
        (r#"rate(landlord_namespace_writes_total{outcome="429"}[5m])"#, "no outcome=\"429\""),
        (r#"max(landlord_namespaces{state=~"failed|broken"})"#, "no state=\"broken\""),
    ] {
        let faults = uses(&exported, expression).expect_err(expression).join("; ");
        assert!(faults.contains(part), "{expression}: {faults}");
    }
}

/// And no chapter is left of an alert that is gone.
#[test]
fn every_alert_has_a_chapter() {
    let page = include_str!("../../../../docs/operations.md");
    let chapters: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter(|heading| heading.starts_with("Landlord"))
        .collect();
    let alerts = alerts();
    assert_eq!(alerts.iter().map(|alert| alert.name.as_str()).collect::<Vec<_>>(), chapters);
    for alert in &alerts {
        assert_eq!(
            alert.annotations.runbook_url,
            format!("{RUNBOOK}{}", alert.name.to_lowercase())
        );
    }
}

#[test]
fn both_forms_of_the_alerts_say_the_same() {
    let plain: Value = serde_saphyr::from_str(ALERTS).expect("YAML");
    let object: Value = serde_saphyr::from_str(&render_prometheus_rule()).expect("YAML");
    assert_eq!(object["spec"], plain);
}

/// Two panels in one place would hide each other.
#[test]
fn panels_do_not_overlap() {
    let mut taken = BTreeSet::new();
    for Panel { title, place, .. } in panels() {
        for x in place.x..place.x + place.w {
            for y in place.y..place.y + place.h {
                assert!(x < 24 && taken.insert((x, y)), "{title} at {x}, {y}");
            }
        }
    }
}

/// Grafana tells panels by their number, and a panel's queries by their letter.
#[test]
fn panels_and_queries_can_be_told_apart() {
    let ids: BTreeSet<u32> = panels().iter().map(|panel| panel.id).collect();
    assert_eq!(ids.len(), panels().len());
    for panel in panels() {
        let letters: BTreeSet<&str> =
            panel.targets.iter().map(|target| target.ref_id.as_str()).collect();
        assert_eq!(letters.len(), panel.targets.len(), "{}", panel.title);
    }
}

#[test]
fn every_panel_asks_the_chosen_prometheus() {
    let chosen = json!({"type": "prometheus", "uid": SOURCE});
    for panel in panels().iter().filter(|panel| !panel.targets.is_empty()) {
        assert_eq!(panel.datasource.as_ref(), Some(&chosen), "{}", panel.title);
        assert!(panel.targets.iter().all(|target| target.datasource == chosen), "{}", panel.title);
    }
}
