//! Grafana: as much of its dashboards' model as landlord's needs.

use serde_json::{Value, json};

/// The dashboards' schema that is written; newer Grafanas migrate it.
const SCHEMA_VERSION: u32 = 39;
/// How wide Grafana's grid is, and how high a panel of ours.
const GRID: usize = 24;
const HEIGHT: usize = 8;
/// How many panels stand beside each other at least: a single one is not as wide as the screen.
const BESIDE: usize = 2;
/// The Prometheus that whoever looks has chosen.
const SOURCE: &str = "${datasource}";

/// A dashboard for Prometheus.
#[derive(Debug)]
pub(crate) struct Dashboard {
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Panels beside each other, under a title.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// What it means when the line goes up.
    pub(crate) description: &'static str,
    pub(crate) unit: Unit,
    pub(crate) shape: Shape,
    pub(crate) queries: Vec<Query>,
}

/// A PromQL expression, and what its lines are called.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) expression: String,
    pub(crate) legend: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Count,
    Share,
    Seconds,
    PerSecond,
    YesNo,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Lines over time.
    Lines,
    /// Areas on each other.
    Stack,
    /// The newest value, large.
    Number,
}

impl Unit {
    fn grafana(self) -> &'static str {
        match self {
            Self::Count => "short",
            Self::Share => "percentunit",
            Self::Seconds => "s",
            Self::PerSecond => "ops",
            Self::YesNo => "bool_yes_no",
        }
    }
}

impl Dashboard {
    /// As Grafana imports it.
    pub(crate) fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(&self.document())? + "\n")
    }

    fn document(&self) -> Value {
        let mut panels = Vec::new();
        let mut top = 0;
        for row in &self.rows {
            panels.push(json!({"type": "row", "title": row.title, "collapsed": false, "gridPos": place(0, top, GRID, 1), "panels": []}));
            let width = GRID / row.panels.len().max(BESIDE);
            for (index, panel) in row.panels.iter().enumerate() {
                panels.push(panel.document(place(index * width, top + 1, width, HEIGHT)));
            }
            top += 1 + HEIGHT;
        }
        for (index, panel) in panels.iter_mut().enumerate() {
            panel["id"] = json!(index + 1);
        }
        json!({
            "uid": self.uid, "title": self.title, "tags": ["landlord", "kubernetes"], "schemaVersion": SCHEMA_VERSION, "editable": true,
            "refresh": "30s", "time": {"from": "now-3h", "to": "now"}, "graphTooltip": 1, "panels": panels,
            "templating": {"list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        })
    }
}

impl Panel {
    fn document(&self, place: Value) -> Value {
        let (kind, custom) = match self.shape {
            Shape::Lines => ("timeseries", json!({})),
            Shape::Stack => ("timeseries", json!({"fillOpacity": 30, "stacking": {"mode": "normal"}})),
            Shape::Number => ("stat", json!({})),
        };
        let source = json!({"type": "prometheus", "uid": SOURCE});
        let target = |(index, query): (usize, &Query)| json!({"refId": format!("Q{index}"), "datasource": source, "expr": query.expression, "legendFormat": query.legend});
        json!({
            "type": kind, "title": self.title, "description": self.description, "datasource": source, "gridPos": place,
            "fieldConfig": {"defaults": {"unit": self.unit.grafana(), "min": 0, "custom": custom}, "overrides": []},
            "targets": self.queries.iter().enumerate().map(target).collect::<Vec<_>>(),
        })
    }
}

fn place(left: usize, top: usize, width: usize, height: usize) -> Value {
    json!({"x": left, "y": top, "w": width, "h": height})
}
