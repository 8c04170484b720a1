//! Audit: Pods outside their tenant's pool, as the controller counts them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use controller::snapshot::{
    AuditLine as Line, AuditSummary as Summary, AuditedPods as TenantPods, Stray,
};

/// Pods outside their tenant's pool.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Audit {
    /// Whether they are counted (`--audit`). If not, nothing else here says anything.
    enabled: bool,
    /// Whether every Pod has been judged, so that none outside means none.
    complete: bool,
    /// How many are outside now; null until every Pod has been judged.
    outside: Option<usize>,
    inside: usize,
    /// Since when none is; null while one is.
    since: Option<String>,
    /// Since when it is counted, and when a Pod was last found outside.
    counted_since: Option<String>,
    last_violation: Option<String>,
    /// Pods that got a node since then, on one of their pool and on another.
    placements_inside: u64,
    placements_outside: u64,
    /// Pods that were found outside, and those of them that are inside or gone now.
    violations: u64,
    ended: u64,
    /// Pods of which it cannot be said whether they are outside.
    not_judged: usize,
    by_tenant: Vec<AuditedTenant>,
    /// Up to 200 of those outside.
    pods: Vec<PodRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AuditedTenant {
    tenant: String,
    outside: usize,
    inside: usize,
    /// Those outside, by cause.
    causes: BTreeMap<String, usize>,
    last_violation: Option<String>,
    /// Since when none is outside.
    since: Option<String>,
    placements_inside: u64,
    utilisation: Utilisation,
}

/// What all Pods on the nodes of the pool ask for, of what those have: 1 is full. Null where the
/// pool has no node, or nodes are not known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Utilisation {
    cpu: Option<f64>,
    memory: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PodRow {
    namespace: String,
    name: String,
    tenant: String,
    node: String,
    /// Since when it is there.
    since: String,
    /// Where it belongs.
    selector: String,
    /// In one word, and in words.
    cause: String,
    why: String,
}

impl Audit {
    /// `None`: they are not counted.
    pub(crate) fn build(summary: Option<&Summary>) -> Self {
        let Some(summary) = summary else { return Self::default() };
        let Line { inside, outside, violations, ended, last_violation, .. } = summary.total;
        let is_clear = summary.is_complete && summary.outside == 0;
        Self {
            enabled: true,
            complete: summary.is_complete,
            outside: summary.is_complete.then_some(summary.outside),
            inside: summary.inside,
            since: summary.total.clear_since.filter(|_| is_clear).map(time),
            counted_since: summary.since.map(time),
            last_violation: last_violation.map(time),
            placements_inside: inside,
            placements_outside: outside,
            violations,
            ended,
            not_judged: summary.unjudged + summary.backlog,
            by_tenant: summary.tenants.iter().map(AuditedTenant::build).collect(),
            pods: summary.strays.iter().map(PodRow::build).collect(),
        }
    }
}

impl AuditedTenant {
    fn build((name, row): (&String, &TenantPods)) -> Self {
        let TenantPods { line, inside, outside, causes, .. } = row;
        let causes = causes.iter().map(|(cause, count)| ((*cause).to_owned(), *count));
        Self {
            tenant: name.clone(),
            outside: *outside,
            inside: *inside,
            causes: causes.collect(),
            last_violation: line.last_violation.map(time),
            since: line.clear_since.filter(|_| *outside == 0).map(time),
            placements_inside: line.inside,
            utilisation: Utilisation {
                cpu: row.cpu_utilisation(),
                memory: row.memory_utilisation(),
            },
        }
    }
}

impl PodRow {
    fn build(stray: &Stray) -> Self {
        Self {
            namespace: stray.namespace.to_string(),
            name: stray.name.to_string(),
            tenant: stray.tenant.clone(),
            node: stray.node.to_string(),
            since: time(stray.since),
            selector: stray.selector.clone(),
            cause: stray.cause.word().to_owned(),
            why: stray.cause.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Without a count, no number may look like a good one.
    #[test]
    fn what_is_not_counted_is_not_zero() {
        let of = |summary: Option<&Summary>| {
            let audit = serde_json::to_value(Audit::build(summary)).expect("JSON");
            json!([audit["enabled"], audit["outside"], audit["since"]])
        };
        assert_eq!(of(None), json!([false, null, null]));
        let mut summary = Summary::default();
        summary.total.clear_since = Some("2026-01-01T00:00:00Z".parse().expect("a time"));
        assert_eq!(of(Some(&summary)), json!([true, null, null]));
        summary.is_complete = true;
        assert_eq!(of(Some(&summary)), json!([true, 0, "2026-01-01T00:00:00Z"]));
        summary.outside = 1;
        assert_eq!(of(Some(&summary)), json!([true, 1, null]));
    }
}
