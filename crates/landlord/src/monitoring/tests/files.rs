//! Files: the dashboard and the alerts, read as strictly as Grafana and Prometheus do.

use serde::Deserialize;
use serde_json::Value;

use crate::monitoring::{ALERTS, DASHBOARD};

/// A file of `rule_files`.
#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

/// One alert: nothing is left out, and nothing is there that Prometheus does not read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alert {
    #[serde(rename = "alert")]
    pub(super) name: String,
    pub(super) expr: String,
    #[serde(rename = "for")]
    _lasting: String,
    #[serde(rename = "labels")]
    _labels: Labels,
    pub(super) annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    #[serde(rename = "severity")]
    _severity: Severity,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Critical,
    Warning,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotations {
    #[serde(rename = "summary")]
    _summary: String,
    #[serde(rename = "description")]
    _description: String,
    pub(super) runbook_url: String,
}

pub(super) fn alerts() -> Vec<Alert> {
    let rules: Rules = serde_saphyr::from_str(ALERTS).expect("rules");
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// A panel, rows among them.
#[derive(Deserialize)]
pub(super) struct Panel {
    pub(super) id: u32,
    pub(super) title: String,
    #[serde(rename = "gridPos")]
    pub(super) place: Place,
    pub(super) datasource: Option<Value>,
    #[serde(default)]
    pub(super) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

/// A PromQL expression, and what its lines are called.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) ref_id: String,
    pub(super) datasource: Value,
    pub(super) expr: String,
    pub(super) legend_format: String,
}

pub(super) fn panels() -> Vec<Panel> {
    let mut dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    serde_json::from_value(dashboard["panels"].take()).expect("panels")
}
