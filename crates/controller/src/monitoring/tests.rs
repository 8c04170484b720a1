//! Dashboard and alerts against the metrics and labels that the controller really exports.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use super::alerts::ALERTS;
use super::dashboard::{INTERVAL, dashboard};
use crate::metrics::Metrics;

/// Labels that Prometheus adds, and that of a histogram's buckets.
const ADDED: [&str; 2] = ["pod", "le"];

type Labels = BTreeSet<String>;

/// Names of samples to their labels, each metric with a sample of its own.
fn exported() -> BTreeMap<String, Labels> {
    let metrics = Metrics::new();
    metrics.touch();
    let mut exported = BTreeMap::<String, Labels>::new();
    for line in metrics.text().lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).expect("a sample");
        let labels = rest.split_once('}').map(|(labels, _)| labels).unwrap_or_default();
        let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
        exported.entry(name.to_owned()).or_default().extend(names);
    }
    exported
}

/// What an expression reads: metrics, and labels by which it selects or groups.
#[derive(Default)]
struct Reads {
    metrics: BTreeMap<String, Labels>,
    grouped: Labels,
}

impl Reads {
    fn of(expression: &str) -> Self {
        let expression = expression.replace(INTERVAL, "5m");
        let parsed = parser::parse(&expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let mut reads = Self::default();
        walk_expr(&mut reads, &parsed).expect("a walk");
        assert!(!reads.metrics.is_empty(), "{expression} reads nothing");
        reads
    }

    fn select(&mut self, selector: &VectorSelector) {
        let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone());
        self.metrics.entry(selector.name.clone().expect("a metric's name")).or_default().extend(labels);
    }
}

impl ExprVisitor for Reads {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                let labels = aggregate.modifier.iter().flat_map(|modifier| modifier.labels().labels.clone());
                self.grouped.extend(labels);
            }
            _ => {}
        }
        Ok(true)
    }
}

fn expressions() -> Vec<String> {
    let panels = dashboard().rows.into_iter().flat_map(|row| row.panels);
    let shown = panels.flat_map(|panel| panel.queries).map(|query| query.expression);
    shown.chain(ALERTS.iter().map(|alert| alert.expression.to_owned())).collect()
}

#[test]
fn every_expression_reads_what_there_is() {
    let exported = exported();
    for expression in expressions() {
        let reads = Reads::of(&expression);
        let mut known: Labels = ADDED.iter().map(|label| (*label).to_owned()).collect();
        for (metric, labels) in &reads.metrics {
            let has = exported.get(metric).unwrap_or_else(|| panic!("{expression}: there is no metric {metric}"));
            assert!(labels.is_subset(has), "{expression}: {metric} has the labels {has:?}, not {labels:?}");
            known.extend(has.iter().cloned());
        }
        assert!(reads.grouped.is_subset(&known), "{expression}: grouped by {:?} of {known:?}", reads.grouped);
    }
}

#[test]
fn every_metric_is_shown() {
    let panels = dashboard().rows.into_iter().flat_map(|row| row.panels);
    let shown: BTreeSet<String> =
        panels.flat_map(|panel| panel.queries).flat_map(|query| Reads::of(&query.expression).metrics.into_keys()).collect();
    let base = |name: &str| {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        histogram.unwrap_or(name).to_owned()
    };
    let shown: BTreeSet<String> = shown.iter().map(|name| base(name)).collect();
    let hidden: BTreeSet<String> = exported().keys().map(|name| base(name)).filter(|name| !shown.contains(name)).collect();
    assert!(hidden.is_empty(), "no panel shows {hidden:?}");
}

#[test]
fn every_alert_has_a_chapter() {
    let operations = include_str!("../../../../docs/operations.md");
    for alert in ALERTS {
        assert!(operations.contains(&format!("### {}\n", alert.name)), "docs/operations.md has no chapter {:?}", alert.name);
        assert_eq!(alert.anchor(), alert.name.to_lowercase());
    }
}
