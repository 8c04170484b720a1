//! An audit as text, for a wiki, for a browser, and for machines; for other tools in `audit/`.

use k8s_openapi::jiff::Timestamp;
use maud::html;
use serde_json::{Value, json};
use terminal::{Column, Screen};

use super::grid::Grid;
use super::page::page;
use cluster::admission_policies::presence::Guarded;
use diagnostics::audit::waiting::Outdated;
use diagnostics::audit::{Report, Stray, Total, Unjudged};

pub(crate) mod junit;
pub(crate) mod namespaces;
pub(crate) mod openreports;
pub(crate) mod sarif;

/// Stable: fields are added, never changed.
const API_VERSION: &str = "landlord.dev/audit/v1";

/// For a terminal.
pub(crate) fn render_report(report: &Report, screen: Screen) -> String {
    let tables: Vec<String> = grids(report)
        .iter()
        .map(|grid| grid.render(screen))
        .chain([format!("{}\n", summary(report))])
        .collect();
    tables.join("\n")
}

/// For a wiki or a merge request.
pub(crate) fn markdown(report: &Report) -> String {
    let tables: Vec<String> = grids(report).iter().map(Grid::markdown).collect();
    format!("# Pods outside their tenant's pool\n\n{}\n\n{}", summary(report), tables.join("\n"))
}

/// A page that needs nothing but itself.
pub(crate) fn html(report: &Report) -> String {
    let body = html! {
        p { (summary(report)) }
        @for grid in grids(report) { (grid.html()) }
    };
    page("Pods outside their tenant's pool", &body)
}

/// `{"apiVersion", "guard": {"state": "present" | "absent" | "unknown", "since", "error"}, "tenants": [{"name", "namespaces", "pods", "outside"}], "pods": [{"namespace", "name", "uid", "tenant", "node", "created", "since", "selector", "nodeLabels", "owner": null | {"kind", "name"}, "cause", "why", "eviction": null | {"outcome", "message"}}], "waiting": [{"namespace", "name", "uid", "tenant", "created", "selector", "podSelector", "gates", "owner": null | {"kind", "name"}}], "notJudged": [{"namespace", "pod": null | name, "error"}]}`
pub(crate) fn document(report: &Report) -> Value {
    let tenant = |(name, total): (&String, &Total)| json!({"name": name, "namespaces": total.namespaces, "pods": total.pods, "outside": total.outside});
    let unjudged = |Unjudged { namespace, pod, error }: &Unjudged| json!({"namespace": namespace, "pod": pod, "error": error});
    json!({
        "apiVersion": API_VERSION,
        "guard": guard(&report.guard),
        "tenants": report.totals.iter().map(tenant).collect::<Vec<_>>(),
        "pods": report.strays.iter().map(pod).collect::<Vec<_>>(),
        "waiting": report.outdated.iter().map(waiting).collect::<Vec<_>>(),
        "notJudged": report.unjudged.iter().map(unjudged).collect::<Vec<_>>(),
    })
}

fn guard(guard: &Guarded) -> Value {
    match guard {
        Guarded::No => json!({"state": "absent", "since": null, "error": null}),
        Guarded::Since(since) => {
            json!({"state": "present", "since": since.to_string(), "error": null})
        }
        Guarded::Unknown(why) => json!({"state": "unknown", "since": null, "error": why}),
    }
}

fn pod(Stray { pod, pool, node_labels, cause, fate, .. }: &Stray) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "tenant": pool.tenant, "node": pod.node,
        "created": time(pod.created), "since": time(pod.since),
        "selector": pool.selector.to_string(), "nodeLabels": node_labels,
        "owner": pod.owner.as_ref().map(|owner| json!({"kind": owner.kind, "name": owner.name})),
        "cause": cause.word(), "why": cause.to_string(),
        "eviction": fate.as_ref().map(|fate| json!({"outcome": fate.word(), "message": fate.message()})),
    })
}

fn waiting(Outdated { pod, pool }: &Outdated) -> Value {
    json!({
        "namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "tenant": pool.tenant,
        "created": pod.created.map(|time| time.to_string()),
        "selector": pool.selector.to_string(), "podSelector": pod.selector, "gates": pod.gates,
        "owner": pod.owner.as_ref().map(|owner| json!({"kind": owner.kind, "name": owner.name})),
    })
}

/// Those that have rows.
fn grids(report: &Report) -> Vec<Grid> {
    let grids = [strays(report), outdated(report), totals(report), unjudged(report)];
    grids.into_iter().filter(|grid| !grid.rows.is_empty()).collect()
}

fn strays(report: &Report) -> Grid {
    let evicted = report.strays.iter().any(|stray| stray.fate.is_some());
    let mut head = ["Namespace", "Pod", "Tenant"].map(Column::fixed).to_vec();
    head.extend([
        Column::extra("Belongs on"),
        Column::fixed("Node"),
        Column::fixed("Since"),
        Column::prose("Why"),
    ]);
    head.extend(evicted.then_some(Column::prose("Eviction")));
    let row = |stray: &Stray| {
        let Stray { pod, pool, cause, fate, .. } = stray;
        let since = pod.since.map_or("-".to_owned(), |since| since.to_string());
        let mut row = vec![
            pod.namespace.clone(),
            pod.name.clone(),
            pool.tenant.clone(),
            pool.selector.to_string(),
            node(stray),
            since,
        ];
        row.push(cause.to_string());
        row.extend(evicted.then(|| fate.as_ref().map_or("-".to_owned(), ToString::to_string)));
        row
    };
    Grid { title: "Pods", head, rows: report.strays.iter().map(row).collect() }
}

/// `lunar-1 (pool=lunar)`, or without a label of the selector's keys the name alone.
fn node(Stray { pod, node_labels, .. }: &Stray) -> String {
    let labels: Vec<String> =
        node_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if labels.is_empty() {
        pod.node.clone()
    } else {
        format!("{} ({})", pod.node, labels.join(","))
    }
}

/// Pods without a node that would run outside: it is not too late to delete them.
fn outdated(report: &Report) -> Grid {
    let row = |Outdated { pod, pool }: &Outdated| {
        let own: Vec<String> =
            pod.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let or_dash =
            |list: Vec<String>| if list.is_empty() { "-".to_owned() } else { list.join(",") };
        vec![
            pod.namespace.clone(),
            pod.name.clone(),
            pool.tenant.clone(),
            pool.selector.to_string(),
            or_dash(own),
            or_dash(pod.gates.clone()),
        ]
    };
    Grid {
        title: "Pods that wait and would run outside",
        head: ["Namespace", "Waiting Pod", "Tenant", "Belongs on", "Asks for", "Gates"]
            .map(Column::fixed)
            .to_vec(),
        rows: report.outdated.iter().map(row).collect(),
    }
}

fn totals(report: &Report) -> Grid {
    let row = |(name, total): (&String, &Total)| {
        let counts = [total.namespaces, total.pods, total.outside].map(|count| count.to_string());
        [name.clone()].into_iter().chain(counts).collect()
    };
    Grid {
        title: "Tenants",
        head: ["Tenant", "Namespaces", "Pods", "Outside"].map(Column::fixed).to_vec(),
        rows: report.totals.iter().map(row).collect(),
    }
}

fn unjudged(report: &Report) -> Grid {
    let row = |Unjudged { namespace, pod, error }: &Unjudged| {
        vec![namespace.clone(), pod.clone().unwrap_or_else(|| "all".to_owned()), error.clone()]
    };
    Grid {
        title: "Not judged",
        head: vec![
            Column::fixed("Namespace"),
            Column::fixed("Pod"),
            Column::prose("Not judged because"),
        ],
        rows: report.unjudged.iter().map(row).collect(),
    }
}

fn summary(report: &Report) -> String {
    let pods: usize = report.totals.values().map(|total| total.pods).sum();
    let guard = match &report.guard {
        Guarded::No => "there is no guard".to_owned(),
        Guarded::Since(since) => format!("the guard has been there since {since}"),
        Guarded::Unknown(why) => format!("whether there is a guard is not known: {why}"),
    };
    let waiting = match report.outdated.len() {
        0 => String::new(),
        count => format!("; {count} more wait and would run outside"),
    };
    format!("{} of {pods} Pods outside their tenant's pool{waiting}; {guard}", report.outside())
}
